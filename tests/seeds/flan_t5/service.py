# add these imports
from transformers import T5ForConditionalGeneration, T5Tokenizer

from octoai.service import Service

class T5Service(Service):
    """An OctoAI service extends octoai.service.Service."""

    # update this method as shown here
    def setup(self):
        """Download model weights to disk."""
        self.tokenizer = T5Tokenizer.from_pretrained("google/flan-t5-small")
        self.model = T5ForConditionalGeneration.from_pretrained("google/flan-t5-small")

    # update this method as shown here
    def infer(self, prompt: str) -> str:
        """Perform inference with the model."""
        inputs = self.tokenizer(prompt, return_tensors="pt")
        outputs = self.model.generate(**inputs)
        response = self.tokenizer.batch_decode(outputs, skip_special_tokens=True)

        return response[0]
