"""One route as a tool: its arguments into values, its result into content blocks."""

from __future__ import annotations

import base64
from typing import Any, cast
from urllib.parse import quote

import msgspec

from hotplate.contract import Contract
from hotplate.dialects.base import Call
from hotplate.faces.base import Codec
from hotplate.faces.cortex_values import takes_whole
from hotplate.faces.encoding import Result
from hotplate.faces.mcp_described import describe
from hotplate.faces.plain import PlainCodec

Part = dict[str, Any]

_BLOCKS = {"image/": "image", "audio/": "audio"}


class Tool:
    """A route as callers of the protocol see it."""

    def __init__(self, name: str, call: Call) -> None:
        self.name = name
        self.call = call
        source = call.route.source
        self.where = f"{source.file}:{source.line}" if source is not None else "?"
        self._codec = _reader(call)
        self._result = Result(call)

    def values(self, arguments: bytes) -> tuple[Any, ...]:
        """Read the arguments, a JSON object. Raises InvalidInput, as the plain face does."""
        if not self.call.parameters:
            return ()
        return self._codec.decode(arguments, None)

    def content(self, value: Any) -> Part:
        """Give `content`, and `structuredContent` for an object. Raises InvalidOutput."""
        if self.call.route.stream:
            pieces = cast("list[Any]", value)
            if pieces and all(isinstance(piece, str) for piece in pieces):
                return {"content": [_text("".join(pieces))]}
            return {"content": [self._block(piece) for piece in pieces]}
        if isinstance(value, list | tuple) and any(map(_is_media, value)):  # pyright: ignore[reportUnknownArgumentType]
            return {"content": [self._block(each) for each in cast("list[Any]", value)]}
        if isinstance(value, dict) and any(map(_is_media, value.values())):  # pyright: ignore[reportUnknownArgumentType]
            return {"content": _members(cast("Part", value))}
        if _is_media(value):
            return {"content": [_media(value)]}
        written = self._result.encode(value)
        tree = msgspec.json.decode(written)
        if isinstance(tree, str):
            return {"content": [_text(tree)]}
        found: Part = {"content": [_text(written.decode())]}
        return {**found, "structuredContent": tree} if isinstance(tree, dict) else found

    def _block(self, value: Any) -> Part:
        if _is_media(value):
            return _media(value)
        return _text(value if isinstance(value, str) else self._written(value))

    def _written(self, value: Any) -> str:
        """A piece by its own hint; a member of a list has none of its own."""
        if self.call.route.stream:
            return self._result.encode(value).decode()
        return _json(value)


def _reader(call: Call) -> Codec:
    """What reads the arguments. A predictor's are its payload."""
    if not takes_whole(call.route):
        return PlainCodec(call)
    from hotplate.faces.cortex import CortexCodec

    return CortexCodec(call)


def tools_of(contract: Contract, calls: tuple[Call, ...]) -> dict[str, Tool]:
    """Every tool by its name."""
    return {each.name: Tool(each.name, calls[each.number]) for each in describe(contract)}


# -- content


def _is_media(value: Any) -> bool:
    return isinstance(value, bytes) or (callable(getattr(value, "to_bytes", None)) and not isinstance(value, int))


def _members(value: Part) -> list[Part]:
    """An object with media in it: the rest as one text, and each medium as a block of its own."""
    rest = {name: each for name, each in value.items() if not _is_media(each)}
    blocks = [_media(each) for each in value.values() if _is_media(each)]
    return [_text(_json(rest)), *blocks] if rest else blocks


def _media(value: Any) -> Part:
    """An image or a sound; anything else as an embedded resource. A medium that is only a URL is a link."""
    address: Any = getattr(getattr(value, "data", None), "url", None)
    if address is not None:
        link = str(address)
        return {"type": "resource_link", "uri": link, "name": link.rpartition("/")[2] or link}
    data: bytes = value if isinstance(value, bytes) else value.to_bytes()
    kind = _content_type(value, data)
    text = base64.b64encode(data).decode()
    for start, block in _BLOCKS.items():
        if kind.startswith(start):
            return {"type": block, "data": text, "mimeType": kind}
    name: str = getattr(value, "filename", None) or "output"
    return {"type": "resource", "resource": {"uri": f"file:///{quote(name)}", "mimeType": kind, "blob": text}}


def _content_type(value: Any, data: bytes) -> str:
    for name in ("served_content_type", "content_type"):
        found = getattr(value, name, None)
        if isinstance(found, str):
            return found
    from hotplate.media.sniff import UNKNOWN, sniff

    return sniff(data[:64]) or UNKNOWN


def _text(text: str) -> Part:
    return {"type": "text", "text": text}


def _json(value: Any) -> str:
    from hotplate.faces.validation import Output

    return Output(Any).encode(value).decode()
