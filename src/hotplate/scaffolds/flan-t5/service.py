"""Flan-T5: a prompt in, text out. A small instruction-tuned language model from Hugging Face."""

import os

import torch
from transformers import T5ForConditionalGeneration, T5Tokenizer

from hotplate import Service

MODEL = os.environ.get("FLAN_T5_MODEL", "google/flan-t5-small")
"""A name on the Hugging Face Hub (google/flan-t5-base, -large, -xl) or a folder."""

MAX_NEW_TOKENS = 128


class T5Service(Service):
    """Answers prompts with Flan-T5 (Chung et al. 2022, arXiv:2210.11416)."""

    # Uncomment this to have the weights downloaded once, when the endpoint is deployed, into its volume; then no
    # replica waits for the download.
    # def store_assets(self):
    #     """Download the weights."""
    #     self.setup()

    def setup(self):
        """Download the weights, unless they are here already, and load them."""
        self.tokenizer = T5Tokenizer.from_pretrained(MODEL)
        self.model = T5ForConditionalGeneration.from_pretrained(MODEL).eval()

    def infer(self, prompt: str) -> str:
        """Answer the prompt."""
        tokens = self.tokenizer(prompt, return_tensors="pt")
        with torch.inference_mode():
            answer = self.model.generate(**tokens, max_new_tokens=MAX_NEW_TOKENS)
        return self.tokenizer.decode(answer[0], skip_special_tokens=True)
