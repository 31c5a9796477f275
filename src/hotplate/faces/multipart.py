"""Form bodies: multipart/form-data (RFC 7578) by python-multipart's parser, and application/x-www-form-urlencoded.

Parts are read as Starlette reads them, with limits of our own. A file name is text about a part; no file is opened.
"""

from __future__ import annotations

import codecs
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from hotplate.errors import MalformedBody

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

MAX_PARTS: Final = 64
MAX_TEXT_BYTES: Final = 1 << 20
"""All text parts of a body together. The bytes of files are bounded by the body alone."""
MAX_PART_HEADER_BYTES: Final = 16 << 10
MAX_PART_HEADERS: Final = 16
MAX_BOUNDARY_BYTES: Final = 70

# a warning for each malformed body of a caller is no use to the author
logging.getLogger("python_multipart").setLevel(logging.ERROR)


@dataclass(slots=True)
class Part:
    """One part: a file if it has a file name (which may be empty), else text. `data` is a copy of its own."""

    name: str
    data: bytes
    filename: str | None = None
    content_type: str | None = None
    charset: str = "utf-8"

    @property
    def text(self) -> str:
        """The data as text, in the body's charset, or in Latin-1 where that fails (as Starlette does)."""
        try:
            return self.data.decode(self.charset)
        except UnicodeDecodeError:
            return self.data.decode("latin-1")


def read_multipart(body: bytes, content_type: str) -> list[Part]:
    """Split a multipart body into its complete parts. Raises MalformedBody with the texts of Starlette's parser."""
    _, options = parse_options_header(content_type)
    boundary = options.get(b"boundary")
    if not boundary:
        raise MalformedBody("Missing boundary in multipart.")
    if len(boundary) > MAX_BOUNDARY_BYTES:
        raise MalformedBody(f"Boundary exceeded maximum size of {MAX_BOUNDARY_BYTES} bytes.")
    collector = _Collector(_charset(options.get(b"charset", b"utf-8")))
    try:
        parser = MultipartParser(
            boundary,
            collector.callbacks(),
            max_header_count=MAX_PART_HEADERS,
            max_header_size=MAX_PART_HEADER_BYTES,
        )
        parser.write(body)
        parser.finalize()
    except FormParserError:
        raise MalformedBody("Invalid multipart data.") from None
    return collector.parts


def read_urlencoded(body: bytes) -> list[Part]:
    """Split an urlencoded body into text parts. Raises MalformedBody when it is over a limit."""
    if len(body) > MAX_TEXT_BYTES:
        raise _text_too_long()
    try:
        pairs = parse_qsl(body.decode("latin-1"), keep_blank_values=True, max_num_fields=MAX_PARTS)
    except ValueError:
        raise _too_many_parts() from None
    return [Part(name, value.encode("utf-8", "replace")) for name, value in pairs]


def _charset(declared: bytes) -> str:
    try:
        found = codecs.lookup(declared.decode("latin-1"))
    except (LookupError, ValueError):
        return "latin-1"
    return found.name if getattr(found, "_is_text_encoding", True) else "latin-1"


def _too_many_parts() -> MalformedBody:
    return MalformedBody(f"Too many fields. Maximum number of fields is {MAX_PARTS}.")


def _text_too_long() -> MalformedBody:
    return MalformedBody(f"Part exceeded maximum size of {MAX_TEXT_BYTES // 1024}KB.")


class _Collector:
    """Takes the parser's callbacks and makes parts of them."""

    def __init__(self, charset: str) -> None:
        self.parts: list[Part] = []
        self._charset = charset
        self._count = 0
        self._text_left = MAX_TEXT_BYTES
        self._begin()

    def callbacks(self) -> MultipartCallbacks:
        return {
            "on_part_begin": self._begin,
            "on_part_data": self._data,
            "on_part_end": self._end,
            "on_header_field": self._field,
            "on_header_value": self._value,
            "on_header_end": self._header_end,
            "on_headers_finished": self._headers_finished,
        }

    def _begin(self) -> None:
        self._part: Part | None = None
        self._pieces: list[bytes] = []
        self._headers: dict[bytes, bytes] = {}
        self._header_name = b""
        self._header_value = b""
        self._header_bytes = 0

    def _field(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]

    def _value(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]

    def _header_end(self) -> None:
        self._header_bytes += len(self._header_name) + len(self._header_value)
        if self._header_bytes > MAX_PART_HEADER_BYTES:
            raise MalformedBody("Invalid multipart data.")
        self._headers[self._header_name.lower()] = self._header_value
        self._header_name = self._header_value = b""

    def _headers_finished(self) -> None:
        self._count += 1
        if self._count > MAX_PARTS:
            raise _too_many_parts()
        _, options = parse_options_header(self._headers.get(b"content-disposition"))
        name = options.get(b"name")
        if name is None:
            raise MalformedBody('The Content-Disposition header field "name" must be provided.')
        filename = options.get(b"filename")
        content_type = self._headers.get(b"content-type")
        self._part = Part(
            name=self._decode(name),
            data=b"",
            filename=None if filename is None else self._decode(filename),
            content_type=None if content_type is None else content_type.decode("latin-1"),
            charset=self._charset,
        )

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._part is None or self._part.filename is None:
            self._text_left -= end - start
            if self._text_left < 0:
                raise _text_too_long()
        self._pieces.append(data[start:end])

    def _end(self) -> None:
        if self._part is not None:
            self._part.data = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
            self.parts.append(self._part)

    def _decode(self, raw: bytes) -> str:
        try:
            return raw.decode(self._charset)
        except UnicodeDecodeError:
            return raw.decode("latin-1")
