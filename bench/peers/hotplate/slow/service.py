import time

from hotplate import Service

time.sleep(1)


class Slow(Service):
    def setup(self):
        time.sleep(2)

    def infer(self, prompt: str) -> str:
        return prompt
