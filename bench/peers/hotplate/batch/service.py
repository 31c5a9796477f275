import time

from hotplate import Service, batch


class Batch(Service):
    @batch(max_size=32)
    def infer(self, prompt: list[str]) -> list[str]:
        time.sleep(0.005 + 0.0001 * len(prompt))
        return prompt
