from octoai.service import Service


class HelloService(Service):
    def infer(self, prompt: str) -> str:
        return prompt
