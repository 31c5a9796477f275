"""Media parameters: which annotations they are, and how bytes become their values.

Works with `hotplate.media` and, by the shape of the class, with the real `octoai.types` where that is installed.
"""

from __future__ import annotations

import re
import secrets
from importlib import import_module
from typing import Annotated, Any, Final, Union, cast, get_args, get_origin

import pybase64

from hotplate.contract.types import Kind

Buffer = bytes | bytearray | memoryview

CUT_MIN_BYTES: Final = 4096
"""Shorter base64 goes through the JSON decoder with everything else."""

_HEAD_BYTES = 2048
_TAIL_BYTES = 512
_KINDS: Final[dict[str, Kind]] = {"Image": "image", "Audio": "audio", "Video": "video", "File": "file"}
_DATA_URL = re.compile(r"data:([^;,\"]{0,128})(?:;[^;,\"]{0,128}){0,8};base64,")


def media_class(annotation: Any) -> type[Any] | None:
    """Give the media class of a parameter: of `Image`, of `Image | None` and of annotated ones; None for all others."""
    if get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    members = get_args(annotation) if is_union(annotation) else (annotation,)
    found = [member for member in members if member is not type(None)]
    if len(found) != 1 or not isinstance(found[0], type):
        return None
    return found[0] if callable(getattr(found[0], "from_base64", None)) or is_upload(found[0]) else None


def is_union(annotation: Any) -> bool:
    """Say whether an annotation is a union, in either spelling."""
    origin = get_origin(annotation)
    return origin is Union or getattr(origin, "__name__", "") == "UnionType"


def kind_of(cls: type[Any]) -> Kind:
    """Give the kind of a media class by its name or that of the nearest class it derives from."""
    for base in cls.__mro__:
        if base.__name__ in _KINDS:
            return _KINDS[base.__name__]
    return "file"


def is_upload(cls: type[Any]) -> bool:
    """Say whether a class is `fastapi.UploadFile` or derives from it, as the `File` of the real octoai.types does."""
    return any(base.__name__ == "UploadFile" and base.__module__.startswith("starlette") for base in cls.__mro__)


def from_bytes(cls: type[Any], data: Buffer, content_type: str | None = None, filename: str | None = None) -> Any:
    """Make a value of a media class. Raises a ValueError for bytes that the class refuses."""
    make = getattr(cls, "from_bytes", None)
    if make is not None:
        return make(data, content_type=content_type, filename=filename)
    if is_upload(cls):
        from io import BytesIO

        datastructures: Any = import_module("starlette.datastructures")
        headers = datastructures.Headers({"content-type": content_type} if content_type else {})
        return cls(BytesIO(data), size=len(data), filename=filename, headers=headers)
    return cls.from_base64(pybase64.b64encode(data))


def from_text(cls: type[Any], text: str, cut: dict[str, bytes]) -> Any:
    """Make a value from a base64 string or a base64 data URL. Raises ValueError for text that is neither.

    `cut` holds what `Cutter.cut` has decoded already, by the text that stands in its place.
    """
    content_type = None
    if text.startswith("data:"):
        match = _DATA_URL.match(text)
        if match is None:
            raise ValueError
        content_type, text = match[1] or None, text[match.end() :]
    data = cut.pop(text, None)
    return from_bytes(cls, pybase64.b64decode(text, validate=True) if data is None else data, content_type)


def wrap(annotation: Any) -> Any:
    """Give the annotation that pydantic is to use: a real octoai.types class takes the forms that ours take, too."""
    cls = media_class(annotation)
    if cls is None or hasattr(cls, "from_bytes") or is_upload(cls):
        return annotation
    from pydantic import BeforeValidator

    return Annotated[annotation, BeforeValidator(_lift)]


def _lift(value: Any) -> object:
    """The class's own `__init__` raises TypeError for a missing or an unknown field; a caller gets a 422 for one."""
    if isinstance(value, str):
        match = _DATA_URL.match(value)
        return {"data": value[match.end() :] if match else value}
    if not isinstance(value, dict):
        return value
    members = cast("dict[str, Any]", value)
    if "data" in members:
        return {"data": members["data"]}
    if "url" in members:
        return {"data": {"url": members["url"]}}
    from pydantic_core import InitErrorDetails, ValidationError

    missing: InitErrorDetails = {"type": "missing", "loc": ("data",), "input": members}
    raise ValidationError.from_exception_data("Media", [missing])


class Cutter:
    """Takes long base64 strings out of a JSON body before anything else reads it, and decodes them in place.

    What remains is a small body with a short text in each place, so that one scan and one base64 decode is all that a
    large payload costs. Strict base64 holds no quote, backslash or bracket: that it decodes proves that the string
    ended where we cut. The short texts cannot be guessed; the caller checks that each one landed in a media parameter.
    """

    __slots__ = ("_opening", "_secret")

    def __init__(self, names: list[str]) -> None:
        keys = b"|".join(re.escape(name.encode()) for name in sorted({"data", *names}))
        # the text before the base64: `"image": {"data": "`, `"image": "` or `"image": "data:image/png;base64,`
        self._opening = re.compile(rb'"(?:%b)"\s*:\s*"(?:data:[^",]{0,256};base64,)?' % keys)
        self._secret = secrets.token_hex(8)

    def cut(self, body: Buffer) -> tuple[bytes, dict[str, bytes]] | None:
        """Give the small body and what was taken out, by the text in its place. None: leave this body to others."""
        cut: dict[str, bytes] = {}
        try:
            small = self._cut_last(body, cut) if isinstance(body, memoryview) else None
            return small or self._cut_all(bytes(body), cut), cut
        except ValueError:
            return None

    def _cut_last(self, view: memoryview, cut: dict[str, bytes]) -> bytes | None:
        """The common body, without a copy of it: one long string, and a few bytes after it."""
        head = bytes(view[:_HEAD_BYTES])
        tail = bytes(view[-_TAIL_BYTES:])
        opening, quote = self._opening.search(head), tail.find(b'"')
        end = len(view) - len(tail) + quote
        if opening is None or quote < 0 or end - opening.end() < CUT_MIN_BYTES:
            return None
        try:
            data = pybase64.b64decode(view[opening.end() : end], validate=True)
        except ValueError:
            return None
        return head[: opening.end()] + self._mark(data, cut) + tail[quote:]

    def _cut_all(self, body: bytes, cut: dict[str, bytes]) -> bytes:
        pieces: list[bytes] = []
        at = done = 0
        while opening := self._opening.search(body, at):
            start, end = opening.end(), body.find(b'"', opening.end())
            if end < 0:
                break
            at = end
            if end - start >= CUT_MIN_BYTES:
                data = pybase64.b64decode(memoryview(body)[start:end], validate=True)
                pieces += (body[done:start], self._mark(data, cut))
                done = end
        return b"".join((*pieces, body[done:])) if pieces else body

    def _mark(self, data: bytes, cut: dict[str, bytes]) -> bytes:
        text = f"{self._secret}.{len(cut)}"
        cut[text] = data
        return text.encode()
