"""A model as Inferless has it: `InferlessPythonModel`, with its inputs declared in input_schema.py.

    hotplate run examples/input_schema
    curl localhost:8000/v2/models/input_schema/infer -H 'content-type: application/json' \
        -d '{"inputs": [{"name": "text", "shape": [1], "datatype": "BYTES", "data": ["to be or not to be"]}]}'
"""


class InferlessPythonModel:
    def initialize(self):
        self.small = {"to", "or", "not", "a", "the"}

    def infer(self, inputs):
        words = inputs["text"].lower().split()
        top = inputs.get("top", 3)
        counts = {word: words.count(word) for word in words if word not in self.small}
        ranked = sorted(counts, key=lambda word: (-counts[word], word))[:top]
        return {"words": ranked or [""], "total": len(words)}

    def finalize(self):
        self.small = None
