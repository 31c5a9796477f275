class InferlessPythonModel:
    def infer(self, inputs):
        return {"output": inputs["prompt"]}
