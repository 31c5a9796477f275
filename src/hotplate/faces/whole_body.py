"""Routes with one input that is the body as a whole (`Param.location` is `body`), in faces that have named inputs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from hotplate.dialects.base import Call
from hotplate.errors import InvalidInput, MalformedBody, UnsupportedMedia
from hotplate.faces import json_limits, media_type
from hotplate.faces.base import Buffer, Head
from hotplate.faces.decoding import ABSENT, Defaults
from hotplate.faces.details import missing

LOCATION: Final = "body"


def name_of(call: Call) -> str:
    """The name of the input that takes the whole body; "" where there is none."""
    return next((param.name for param in call.route.params if param.location == LOCATION), "")


class WholeBody:
    """Reads a body by its Content-Type: JSON is its value, text is text, anything else but a form is its bytes."""

    __slots__ = ("_fill", "_place", "_width")

    def __init__(self, call: Call, name: str) -> None:
        names = [parameter.name for parameter in call.parameters]
        self._place = names.index(name)
        self._width = len(names)
        self._fill: Callable[[tuple[Any, ...]], Sequence[Any]] = Defaults(call.parameters)

    def decode(self, body: Buffer, head: Head | None) -> tuple[Any, ...]:
        """Give the parameters' values in order. Raises InvalidInput."""
        return self.around(_value(body if type(body) is bytes else bytes(body), head))

    def around(self, value: Any) -> tuple[Any, ...]:
        """Put the value among the defaults of the others."""
        values: list[Any] = [ABSENT] * self._width
        values[self._place] = value
        return tuple(self._fill(tuple(values)))


def _value(data: bytes, head: Head | None) -> Any:
    if not data:
        raise InvalidInput(details=[missing("body")])
    kind = media_type.essence(head.content_type) if head is not None else ""
    if not kind or media_type.is_json(kind):
        return json_limits.load(data)
    if kind in ("multipart/form-data", "application/x-www-form-urlencoded"):
        raise UnsupportedMedia("This route takes JSON, text or bytes. It does not take forms.")
    if not kind.startswith("text/"):
        return data
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise MalformedBody from None
