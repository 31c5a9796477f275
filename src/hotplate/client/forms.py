"""Files in requests: multipart bodies (RFC 7578) and raw ones, from paths, bytes, open files and media objects."""

from __future__ import annotations

import mimetypes
import secrets
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any, cast

from hotplate.client import inputs as json_inputs
from hotplate.client.body import Body, FileOnDisk
from hotplate.client.errors import InvalidCall


def multipart(fields: Mapping[str, Any], files: Mapping[str, Any]) -> Body:
    """Make a multipart body: first the fields, then the files.

    A file is a path (text is a path), bytes, a binary file open for reading, a media object, or
    `(file name, any of these)` or `(file name, any of these, content type)`; a list sends several under one name.
    Files given by path are read while they are sent. An open file is read at once.
    """
    boundary = secrets.token_hex(16)
    segments: list[bytes | FileOnDisk] = []
    for name, value in fields.items():
        segments.append(_head(boundary, name) + json_inputs.form_text(value).encode() + b"\r\n")
    for name, given in files.items():
        for one in cast("list[Any]", given) if isinstance(given, list) else [given]:
            filename, content, content_type = _file(one, f"files[{name!r}]")
            segments += [_head(boundary, name, filename or name, content_type), content, b"\r\n"]
    segments.append(f"--{boundary}--\r\n".encode())
    return Body(f"multipart/form-data; boundary={boundary}", tuple(segments))


def raw(data: Any, content_type: str | None) -> Body:
    """Make a body of just these bytes. Text is sent as UTF-8; a path is a `pathlib.Path`."""
    if isinstance(data, str):
        return Body(content_type or "text/plain; charset=utf-8", (data.encode(),))
    _, content, guessed = _file(data, "data")
    return Body(content_type or guessed, (content,))


def _file(given: Any, place: str) -> tuple[str | None, bytes | FileOnDisk, str]:
    """Give the file name, the content and the content type of a file in any of the forms it may have."""
    if isinstance(given, tuple):
        name, inner, *rest = cast("tuple[Any, ...]", given)
        _, content, guessed = _file(inner, place)
        return str(name), content, str(rest[0]) if rest else _guess(str(name), guessed)
    if isinstance(given, json_inputs.BYTES):
        return None, bytes(cast("bytes", given)), "application/octet-stream"
    if isinstance(given, str | PathLike):
        path = Path(cast("str | PathLike[str]", given))
        if not path.is_file():
            raise InvalidCall(f"{place}: there is no file {path}. Bytes are sent as bytes, paths as paths.")
        return path.name, FileOnDisk(path, path.stat().st_size), _guess(path.name)
    # Media objects come before open files: a media File is both, and to_bytes() leaves its position alone.
    if callable(to_bytes := getattr(given, "to_bytes", None)) and not isinstance(given, int):
        filename, declared = getattr(given, "filename", None), getattr(given, "content_type", None)
        name = filename if isinstance(filename, str) else None
        return name, cast("bytes", to_bytes()), declared if isinstance(declared, str) else _guess(name or "")
    if callable(read := getattr(given, "read", None)):
        content = read()
        if not isinstance(content, bytes):
            raise InvalidCall(f'{place} is open as text. Open it with mode "rb".')
        name = getattr(given, "name", None)
        filename = Path(name).name if isinstance(name, str) else None
        return filename, content, _guess(filename or "")
    raise InvalidCall(f"{place} is of type {type(given).__name__}. Give a path, bytes, an open file or a media object.")


def _guess(filename: str, otherwise: str = "application/octet-stream") -> str:
    return mimetypes.guess_type(filename)[0] or otherwise


def _head(boundary: str, name: str, filename: str | None = None, content_type: str | None = None) -> bytes:
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="{_quote(name)}"'
    if filename is not None:
        head += f'; filename="{_quote(filename)}"\r\nContent-Type: {content_type}'
    if "\r" in (content_type or "") or "\n" in (content_type or ""):
        raise InvalidCall(f"The content type {content_type!r} holds a line break.")
    return f"{head}\r\n\r\n".encode()


def _quote(name: str) -> str:
    # As browsers do (HTML, "multipart form data"): only these three are escaped, the rest is UTF-8.
    return name.replace("\r", "%0D").replace("\n", "%0A").replace('"', "%22")
