from hotplate import Service


class Hello(Service):
    def infer(self, prompt: str) -> str:
        return prompt
