"""From `invoke`'s words to a request body: JSON, multipart, or the raw bytes of a file."""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from hotplate.errors import InvalidInput

Style = Literal["json", "form", "raw"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestBody:
    """A body as httpx takes it: `content` with its type, or the parts of a form (file name, bytes, media type)."""

    content: bytes | None = None
    content_type: str | None = None
    parts: list[tuple[str, tuple[str | None, bytes, str | None]]] | None = None


def build_body(words: Sequence[str], style: Style) -> RequestBody:
    """Read the words after the URL. Raises InvalidInput, naming the word."""
    if style == "raw":
        return _raw(words)
    if style == "form":
        return _form(words)
    return RequestBody(content=_json(words), content_type="application/json")


def _json(words: Sequence[str]) -> bytes:
    if len(words) == 1 and (words[0] == "-" or words[0][:1] in ("{", "[", '"', "@")):
        return _whole(words[0])
    fields: dict[str, Any] = {}
    for word in words:
        name, kind, value = _split(word)
        if name in fields:
            raise InvalidInput(f"`{name}` is given twice.")
        if kind == ":=":
            text = _read(value[1:]).decode(errors="replace") if value.startswith("@") else value
            fields[name] = _parsed(text, f"`{name}`")
        elif kind == "=@":
            fields[name] = {"data": base64.b64encode(_read(value)).decode()}
        else:
            fields[name] = value
    return json.dumps(fields).encode()


def _whole(word: str) -> bytes:
    """A body given as it stands: on stdin, in a file, or in the word itself."""
    if word == "-":
        what, text = "stdin", sys.stdin.buffer.read()
    elif word.startswith("@"):
        what, text = word[1:], _read(word[1:])
    else:
        what, text = "the argument", word.encode()
    _parsed(text.decode(errors="replace"), what)
    return text


def _form(words: Sequence[str]) -> RequestBody:
    parts: list[tuple[str, tuple[str | None, bytes, str | None]]] = []
    for word in words:
        name, kind, value = _split(word)
        if kind == ":=":
            raise InvalidInput(f"`{name}:=` is JSON, which a form cannot hold; send text with `{name}=`.")
        if kind == "=@":
            parts.append((name, (Path(value).name, _read(value), _media_type(value))))
        else:
            parts.append((name, (None, value.encode(), None)))
    return RequestBody(parts=parts)


def _raw(words: Sequence[str]) -> RequestBody:
    if len(words) != 1 or not (words[0].startswith("@") or words[0] == "-"):
        raise InvalidInput("--raw takes one body: @FILE, or - for stdin.")
    if words[0] == "-":
        return RequestBody(content=sys.stdin.buffer.read(), content_type="application/octet-stream")
    return RequestBody(content=_read(words[0][1:]), content_type=_media_type(words[0][1:]))


def _split(word: str) -> tuple[str, str, str]:
    """(name, one of `=` `:=` `=@`, value)."""
    name, equals, value = word.partition("=")
    if not equals or not name:
        raise InvalidInput(f"`{word}` is no input: write name=text, name:=JSON, name=@FILE, or one JSON object.")
    if name.endswith(":"):
        return name[:-1], ":=", value
    if value.startswith("@"):
        return name, "=@", value[1:]
    return name, "=", value


def _parsed(text: str, what: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise InvalidInput(f"{what} is not JSON: {error}.") from None


def _read(name: str) -> bytes:
    try:
        return Path(name).read_bytes()
    except OSError as error:
        raise InvalidInput(f"Cannot read {name}: {error.strerror}.") from None


def _media_type(name: str) -> str:
    import mimetypes

    return mimetypes.guess_type(name)[0] or "application/octet-stream"
