from collections.abc import AsyncIterator, Iterator

from hotplate import Service

TOKENS = 100


class Stream(Service):
    def infer(self, prompt: str) -> Iterator[str]:
        for _ in range(TOKENS):
            yield "token"

    async def infer_async(self, prompt: str) -> AsyncIterator[str]:
        for _ in range(TOKENS):
            yield "token"
