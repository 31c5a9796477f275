"""What the bytes of an open stream mean: values, an error that the server put into it, or its end."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, cast

from hotplate.client.answers import request_id
from hotplate.client.errors import InvalidAnswer, StreamFailed
from hotplate.client.exchange import Answer, Request
from hotplate.client.sse import Event, EventParser


@dataclass(slots=True)
class EventStream:
    """An open stream: its answer, and what its bytes mean.

    `silence_s` is the longest silence; `done` is set by `data: [DONE]`, which ends a stream of OpenAI's shape.
    """

    request: Request
    answer: Answer
    silence_s: float
    done: bool = False
    _parser: EventParser = field(default_factory=EventParser)

    def __post_init__(self) -> None:
        kind = self.answer.headers.get("content-type", "no content type")
        if not kind.startswith("text/event-stream"):
            raise self._invalid(f"answered with {kind}, not with a stream. Call infer() for it.")

    def items(self, chunk: bytes | None) -> Iterator[Any]:
        """Give what the events in a chunk carry; None stands for the end of the stream."""
        for event in self._parser.close() if chunk is None else self._parser.feed(chunk):
            if event.data == "[DONE]":
                self.done = True
                return
            yield self._value(event)

    def _value(self, event: Event) -> Any:
        try:
            value = json.loads(event.data)
        except ValueError as error:
            raise self._invalid(f"streamed data that is not JSON: {event.data[:200]!r}") from error
        if event.name == "error":
            raise StreamFailed(
                f"{self.request.method} {self.request.url} failed while it streamed: {_said(value)}",
                detail=value,
                url=self.request.url,
                request_id=request_id(self.request, self.answer),
            )
        return value

    def _invalid(self, text: str) -> InvalidAnswer:
        request = self.request
        return InvalidAnswer(
            f"{request.method} {request.url} {text}", url=request.url, request_id=request_id(request, self.answer)
        )


def _said(value: Any) -> str:
    if isinstance(value, dict):
        fields = cast("dict[str, Any]", value)
        for key in ("detail", "message", "error"):
            if key in fields:
                return str(fields[key])
    return json.dumps(value)
