"""Tells irises apart by their petals, as a class for Inferless. Its inputs are declared in input_schema.py.

    hotplate run
    curl localhost:8080/v2/models/iris/infer -H 'content-type: application/json' \
        -d '{"inputs": [{"name": "petal_length", "shape": [1], "datatype": "FP64", "data": [1.4]}]}'
"""


class InferlessPythonModel:
    def initialize(self):
        self.labels = ("setosa", "versicolor", "virginica")

    def infer(self, inputs):
        size = 2 * inputs["petal_length"] + inputs.get("petal_width", 0.2)
        return {"label": self.labels[0 if size < 5 else 1 if size < 11 else 2], "size": round(size, 2)}

    def finalize(self):
        self.labels = None
