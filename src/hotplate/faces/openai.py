"""The face that OpenAI's clients speak: chat and text completions, embeddings, and the list of models.

Its source is OpenAI's API reference and the `openai` package 3.57, with which it is tested. Which functions answer at
which path is in `openai_shapes.py`; what a caller sees of each is in docs/faces.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import structs

from hotplate.contract import Contract, Mount
from hotplate.dialects.base import Call
from hotplate.errors import InvalidOutput
from hotplate.faces import running
from hotplate.faces.openai_codec import OpenAICodec
from hotplate.faces.openai_document import operation
from hotplate.faces.openai_shapes import SHAPES, Chosen, choose

NAME = "openai"
ERROR_KEY = "error.message"

_encode = msgspec.json.Encoder().encode


class OpenAIFace:
    """OpenAI's shape."""

    name = NAME
    headers = ()
    stream_content_type = "text/event-stream; charset=utf-8"

    def mounts(self, contract: Contract) -> tuple[Mount, ...]:
        """The paths that a route of the project answers, and the list of models. Raises ProjectError if none fits."""
        model = contract.name or contract.entry
        chosen = choose(contract)
        return (*(_called(contract, model, each) for each in chosen), *_fixed_paths(model))

    def codec(self, call: Call, mount: Mount | None = None) -> OpenAICodec:
        """Make the codec of one path. Raises ProjectError for annotations that cannot be put on the wire."""
        assert mount is not None
        kind, main, model = mount.variant.split(" ", 2)
        shape = next(each for each in SHAPES if each.kind == kind)
        return OpenAICodec(call, shape, main, model, one=mount.joint)

    def join(self, calls: tuple[Call, ...], mount: Mount) -> Call:
        """Make the call that embeds several texts with a function that takes one. Batched, it gets them at once."""
        assert mount.call is not None
        call = calls[mount.call]
        main = next(i for i, each in enumerate(call.parameters) if each.name == mount.variant.split(" ", 2)[1])
        one = call.route
        together = structs.replace(call, route=structs.replace(one, batching=None))

        def rows(values: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
            for text in values[main]:
                yield (*values[:main], text, *values[main + 1 :])

        def columns(values: tuple[Any, ...]) -> tuple[list[Any], ...]:
            return tuple([list(column) for column in zip(*rows(values), strict=True)])

        def batch(*values: Any) -> Any:
            return _counted(call.function(*columns(values)), len(values[main]), one.name)

        async def batch_async(*values: Any) -> Any:
            return _counted(await call.function(*columns(values)), len(values[main]), one.name)

        def each(*values: Any) -> Any:
            return [running.run(call, row) for row in rows(values)]

        async def each_async(*values: Any) -> Any:
            return [await running.run_async(call, row) for row in rows(values)]

        if one.batching is not None:
            return structs.replace(together, function=batch_async if one.asynchronous else batch)
        return structs.replace(together, function=each_async if one.asynchronous else each)


def _counted(found: Any, count: int, name: str) -> list[Any]:
    results = list(found)
    if len(results) != count:
        raise InvalidOutput from ValueError(f"{name}() got {count} items and returned {len(results)}")
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return results


def _called(contract: Contract, model: str, chosen: Chosen) -> Mount:
    route = contract.routes[chosen.route]
    return Mount(
        method="POST",
        path=chosen.shape.path,
        face=NAME,
        call=chosen.route,
        joint=chosen.one and chosen.shape.kind == "embed",
        variant=f"{chosen.shape.kind} {chosen.main} {model}",
        error_key=ERROR_KEY,
        operation=operation(route, chosen.shape, model),
    )


def _fixed_paths(model: str) -> Iterator[Mount]:
    described = {"id": model, "object": "model", "created": 0, "owned_by": "hotplate"}
    yield _fixed("GET", "/v1/models", {"object": "list", "data": [described]})
    yield _fixed("GET", f"/v1/models/{model}", described)
    unknown = {
        "message": "There is no such path or model.",
        "type": "invalid_request_error",
        "param": None,
        "code": None,
    }
    yield _fixed("POST", "/v1/*", {"error": unknown}, status=404)


def _fixed(method: str, path: str, answer: Any, status: int = 200) -> Mount:
    text = _encode(answer).decode()
    return Mount(method=method, path=path, face=NAME, answer=text, status=status, error_key=ERROR_KEY)
