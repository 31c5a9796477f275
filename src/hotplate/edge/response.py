"""Response bytes: status lines, the headers every response has, problem bodies."""

from __future__ import annotations

import time
from email.utils import formatdate
from http import HTTPStatus

import msgspec

from hotplate.edge.head import Rejection

JSON = "application/json"
_REASONS = {status.value: status.phrase.encode() for status in HTTPStatus} | {499: b"Client Closed Request"}

encode_json = msgspec.json.Encoder().encode


def status_line(status: int) -> bytes:
    """`HTTP/1.1 404 Not Found` with its CRLF."""
    return b"HTTP/1.1 %d %b\r\n" % (status, _REASONS.get(status, b"Unknown"))


STATUS_LINES = {status: status_line(status) for status in _REASONS}
LENGTHS = [b"content-length: %d\r\n" % length for length in range(2048)]
"""Made once for the lengths that small answers have."""
KEEP = b"\r\n"
CLOSE = b"connection: close\r\n\r\n"
KEEP_10 = b"connection: keep-alive\r\n\r\n"
"""How a head of ours ends."""


class Clock:
    """The `date` header, made once a second by the edge's own tick (RFC 9110, 6.6.1)."""

    __slots__ = ("header",)

    def __init__(self) -> None:
        self.header = b""
        self.tick()

    def tick(self) -> None:
        """Take the time anew."""
        self.header = b"date: %b\r\n" % formatdate(time.time(), usegmt=True).encode()


def fields(headers: tuple[tuple[str, str], ...]) -> bytes:
    """Header lines. Names and values are checked by whoever made them (`clean_header`)."""
    return b"".join(b"%b: %b\r\n" % (name.encode("latin-1"), value.encode("latin-1")) for name, value in headers)


def problem(detail: str, **more: str) -> bytes:
    """The body of an error that the edge or the server answers by itself."""
    return encode_json({"detail": detail, **more})


def rejection(error: Rejection, clock: Clock) -> bytes:
    """A whole response to a request that never became one. The connection closes after it."""
    body = problem(error.detail)
    return (
        STATUS_LINES[error.status]
        + clock.header
        + b"content-type: application/json\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % len(body)
        + body
    )
