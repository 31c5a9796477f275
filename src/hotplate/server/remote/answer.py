"""An answer of a replica as it arrives: parsed by httptools (llhttp), with what is about the connection left out.

Most answers never come here: `connection.py` takes those that are short, whole and of the usual form in one look.
"""

from __future__ import annotations

import binascii
from base64 import b64decode
from typing import TYPE_CHECKING

import httptools

from hotplate.server.remote.request import OF_THE_CONNECTION
from hotplate.wire import remote

if TYPE_CHECKING:
    from hotplate.server.remote.connection import RemoteConnection

MAX_HEAD_BYTES = 128 * 1024
MAX_ANSWER_BYTES = 1 << 30
"""The same as of a worker's frame."""
OURS = b"x-hotplate-"
LEFT_OUT = frozenset(name.encode() for name in OF_THE_CONNECTION) | {b"date", b"server"}
_ALLOWED = bytes((0x09, *range(0x20, 0x7F), *range(0x80, 0x100)))


class Malformed(Exception):
    """What came is no answer that can be passed on."""


class Answer:
    """One answer, and the interim ones before it. It tells its connection of its beginning and its pieces;
    `complete` says that it is whole."""

    __slots__ = (
        "_connection",
        "_fields",
        "_parser",
        "_size",
        "begun",
        "complete",
        "extra",
        "keep",
        "length",
        "ours",
        "status",
    )

    def __init__(self, connection: RemoteConnection) -> None:
        self._connection = connection
        self._parser = httptools.HttpResponseParser(self)
        self._fields: list[tuple[bytes, bytes]] = []
        self._size = 0
        self.begun = self.complete = False
        self.status = 0
        self.length: int | None = None
        self.extra = b""
        self.ours: dict[str, bytes] = {}
        self.keep = True

    def feed(self, data: bytes) -> None:
        """Take what came. Raises Malformed."""
        if not self.begun:
            self._size += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserCallbackError as error:
            raise error.__context__ or error from None
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            raise Malformed("what came is no HTTP answer") from None
        if not self.begun and self._size > MAX_HEAD_BYTES:
            raise Malformed("the answer's head does not end")

    # -- what httptools calls

    def on_message_begin(self) -> None:
        if self.begun:
            raise Malformed("it answered twice")
        self._fields = []

    def on_header(self, name: bytes, value: bytes) -> None:
        self._fields.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        status = self.status = self._parser.get_status_code()
        if status == 101 or not 100 <= status <= 999:
            raise Malformed(f"it answered with status {status}")
        if status < 200:
            return self._connection.interim(self._read_progress())
        self.keep = self._parser.should_keep_alive()
        self._read_fields()
        self.begun = True
        self._connection.begun(self)

    def on_body(self, data: bytes) -> None:
        self._connection.piece(data)

    def on_message_complete(self) -> None:
        self.complete = self.begun

    # -- its head

    def _read_fields(self) -> None:
        named = {
            part.strip().lower() for name, value in self._fields if name == b"connection" for part in value.split(b",")
        }
        lengths = [value for name, value in self._fields if name == b"content-length"]
        chunked = any(name == b"transfer-encoding" for name, _ in self._fields)
        lines: list[bytes] = []
        for name, value in self._fields:
            if name.startswith(OURS):
                self.ours[name.decode()] = value
            elif name not in LEFT_OUT and name not in named:
                if value.translate(None, _ALLOWED):
                    raise Malformed("a control character in a header")
                lines.append(b"%b: %b\r\n" % (name, value))
        self.extra = b"".join(lines)
        if chunked and not lengths:
            return
        if self.status in (204, 304) and not lengths:
            self.length = 0
        elif chunked or len(lengths) != 1 or not lengths[0].isdigit():
            raise Malformed("the length of its answer is not known")
        else:
            self.length = int(lengths[0])
            if self.length > MAX_ANSWER_BYTES:
                raise Malformed(f"its answer is larger than {MAX_ANSWER_BYTES} bytes")

    @property
    def last_output(self) -> str:
        """What the worker printed before it died, where the answer says that."""
        return _unpacked(self.ours.get(remote.OUTPUT, b""))

    def _read_progress(self) -> tuple[float | None, str] | None:
        for name, value in self._fields:
            if name == remote.PROGRESS.encode():
                told, _, text = value.partition(b" ")
                try:
                    return (float(told) if told else None), _unpacked(text)
                except ValueError:
                    return None
        return None


def _unpacked(text: bytes) -> str:
    try:
        return b64decode(text, validate=True).decode(errors="replace")
    except binascii.Error:
        return ""
