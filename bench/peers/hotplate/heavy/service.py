import os

from hotplate import Service


class Heavy(Service):
    def setup(self):
        self.weights = bytearray(os.urandom(1 << 20) * 500)

    def infer(self, prompt: str) -> str:
        return prompt
