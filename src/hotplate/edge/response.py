"""Response bytes: status lines, the headers every response has, problem bodies."""

from __future__ import annotations

import time

import msgspec

from hotplate.edge.head import Rejection

JSON = "application/json"
_REASONS = {
    200: b"OK",
    201: b"Created",
    202: b"Accepted",
    204: b"No Content",
    301: b"Moved Permanently",
    302: b"Found",
    303: b"See Other",
    304: b"Not Modified",
    307: b"Temporary Redirect",
    308: b"Permanent Redirect",
    400: b"Bad Request",
    401: b"Unauthorized",
    402: b"Payment Required",
    403: b"Forbidden",
    404: b"Not Found",
    405: b"Method Not Allowed",
    406: b"Not Acceptable",
    408: b"Request Timeout",
    409: b"Conflict",
    410: b"Gone",
    411: b"Length Required",
    412: b"Precondition Failed",
    413: b"Content Too Large",
    414: b"URI Too Long",
    415: b"Unsupported Media Type",
    417: b"Expectation Failed",
    418: b"I'm a teapot",
    421: b"Misdirected Request",
    422: b"Unprocessable Content",
    423: b"Locked",
    424: b"Failed Dependency",
    425: b"Too Early",
    428: b"Precondition Required",
    429: b"Too Many Requests",
    431: b"Request Header Fields Too Large",
    451: b"Unavailable For Legal Reasons",
    499: b"Client Closed Request",
    500: b"Internal Server Error",
    501: b"Not Implemented",
    502: b"Bad Gateway",
    503: b"Service Unavailable",
    504: b"Gateway Timeout",
    505: b"HTTP Version Not Supported",
    507: b"Insufficient Storage",
}
"""RFC 9110, section 15, and the registry. (`http.HTTPStatus` is an enum of 60 members, slow to import.)"""

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
    """The `date` header, made once a second by the edge's own tick (RFC 9110, 6.6.1), and `more` with it."""

    __slots__ = ("_more", "header")

    def __init__(self, more: bytes = b"") -> None:
        self.header = b""
        self._more = more
        self.tick()

    def tick(self) -> None:
        """Take the time anew."""
        self.header = b"date: %b\r\n%b" % (http_date(time.time()).encode(), self._more)


_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def http_date(when: float) -> str:
    """`Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110, 5.6.7), whatever the locale."""
    t = time.gmtime(when)
    day, month = _DAYS[t.tm_wday], _MONTHS[t.tm_mon - 1]
    return f"{day}, {t.tm_mday:02} {month} {t.tm_year} {t.tm_hour:02}:{t.tm_min:02}:{t.tm_sec:02} GMT"


def fields(headers: tuple[tuple[str, str], ...]) -> bytes:
    """Header lines. Names and values are checked by whoever made them (`clean_header`)."""
    return b"".join(b"%b: %b\r\n" % (name.encode("latin-1"), value.encode("latin-1")) for name, value in headers)


def problem(detail: str, key: str = "detail", **more: str) -> bytes:
    """The body of an error that the edge or the server answers by itself. `key` is where a face has the text.

    For `error.message` it and all the rest are members of an object, `error`.
    """
    outer, _, inner = key.rpartition(".")
    found = {inner: detail, **more}
    return encode_json({outer: found} if outer else found)


def rejection(error: Rejection, clock: Clock) -> bytes:
    """A whole response to a request that never became one. The connection closes after it."""
    body = problem(error.detail)
    return (
        STATUS_LINES[error.status]
        + clock.header
        + (b"retry-after: 1\r\n" if error.status == 503 else b"")
        + b"content-type: application/json\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % len(body)
        + body
    )
