"""How bytes and base64 become media values, without a copy or a look at the payload that can be spared.

Imported only for routes that have media parameters.
"""

from __future__ import annotations

import os
import re
from importlib import import_module
from typing import Any, Final

import pybase64

from hotplate.faces.base import Buffer
from hotplate.faces.media_classes import is_upload

_HEAD_BYTES = 2048
_TAIL_BYTES = 512
DATA_URL = re.compile(r"data:([^;,\"]{0,128})(?:;[^;,\"]{0,128}){0,8};base64,")


def from_bytes(cls: type[Any], data: Buffer, content_type: str | None = None, filename: str | None = None) -> Any:
    """Make a value of a media class. Raises a ValueError for bytes that the class refuses."""
    if type(data) is memoryview and (borrow := getattr(cls, "borrow", None)) is not None:
        return borrow(data, content_type=content_type, filename=filename)
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
        match = DATA_URL.match(text)
        if match is None:
            raise ValueError
        content_type, text = match[1] or None, text[match.end() :]
    data = cut.pop(text, None)
    return from_bytes(cls, pybase64.b64decode(text, validate=True) if data is None else data, content_type)


CUT_MIN_BYTES: Final = 4096
"""Shorter base64 goes through the JSON decoder with everything else."""


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
        self._secret = os.urandom(8).hex()

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
