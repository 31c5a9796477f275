"""The same work as BentoML's own pages write it: one service per task."""

import base64
import json
import time
from collections.abc import AsyncGenerator, Generator
from pathlib import Path

import bentoml
from pydantic import BaseModel

TOKENS = 100
QUIET = {"access": {"enabled": False}}


class Text(BaseModel):
    output: str


class Length(BaseModel):
    output: int


@bentoml.service(workers=1, logging=QUIET)
class Hello:
    @bentoml.api
    async def infer(self, prompt: str) -> Text:
        return Text(output=prompt)


@bentoml.service(workers=1, logging=QUIET)
class Slow:
    """A second of imports and two of loading, as its counterpart has them."""

    def __init__(self) -> None:
        time.sleep(3)

    @bentoml.api
    async def slow(self, prompt: str) -> Text:
        return Text(output=prompt)


@bentoml.service(workers=1, logging=QUIET)
class Zero:
    """Answers as both that *zero* starts, to show that the calls are right."""

    @bentoml.api
    async def infer(self, prompt: str) -> Text:
        return Text(output=prompt)

    @bentoml.api
    async def slow(self, prompt: str) -> Text:
        return Text(output=prompt)


@bentoml.service(workers=1, logging=QUIET)
class Payload:
    @bentoml.api
    async def image(self, image: str) -> Length:
        return Length(output=len(base64.b64decode(image)))

    @bentoml.api
    async def upload(self, image: Path) -> Length:
        return Length(output=len(image.read_bytes()))

    @bentoml.api
    async def raw(self, image: Path, /) -> Length:
        return Length(output=len(image.read_bytes()))


@bentoml.service(workers=1, logging=QUIET)
class Batch:
    @bentoml.api(batchable=True, max_batch_size=32, max_latency_ms=1000)
    def infer(self, prompt: list[str]) -> list[str]:
        time.sleep(0.005 + 0.0001 * len(prompt))
        return prompt


@bentoml.service(workers=1, logging=QUIET)
class Stream:
    @bentoml.api
    def stream(self, prompt: str) -> Generator[str, None, None]:
        for _ in range(TOKENS):
            yield f"data: {json.dumps('token')}\n\n"
        yield "data: [DONE]\n\n"

    @bentoml.api
    async def stream_async(self, prompt: str) -> AsyncGenerator[str, None]:
        for _ in range(TOKENS):
            yield f"data: {json.dumps('token')}\n\n"
        yield "data: [DONE]\n\n"
