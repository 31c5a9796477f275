"""One HTTP/1.1 exchange over a connected socket: writes the request, reads the answer piece by piece within limits.

It knows nothing of URLs, addresses or redirects. Every read is bounded by the exchange's deadline, and while the body
comes, by the least rate. RFC 9112; nothing is decompressed.
"""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from hotplate.errors import FetchFailed, LimitExceeded

_CHUNK_BYTES: Final = 65536
_MAX_HEAD_BYTES: Final = 32768
_MAX_LINE_BYTES: Final = 1024
_MAX_INTERIM: Final = 8
_STATUS_LINE: Final = re.compile(rb"HTTP/1\.[01] ([1-9][0-9]{2})(?: [^\r\n]*)?")
_FIELD: Final = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\r\n\0]*?)[ \t]*")
_BODILESS: Final = frozenset({204, 304})


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How long an exchange may take. `deadline` is a time of `time.monotonic`; from the first byte of the body on,
    every `window_s` seconds must bring `window_s * min_rate` bytes.
    """

    deadline: float
    total_s: float
    min_rate: int
    window_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerHead:
    """Status and headers of an answer. Names are lower case; of a repeated header the values are joined by commas."""

    status: int
    headers: dict[str, bytes]


class Exchange:
    """Reads one answer from `sock`, which it does not close."""

    def __init__(self, sock: socket.socket, pace: Pace) -> None:
        self._sock = sock
        self._pace = pace
        self._buffer = b""
        self._window_end = 0.0
        self._window_bytes = 0

    def send(self, data: bytes) -> None:
        """Write the whole request."""
        self._sock.settimeout(self._remaining_s())
        try:
            self._sock.sendall(data)
        except OSError:
            raise FetchFailed("The host closed the connection before it had the whole request.") from None

    def head(self) -> AnswerHead:
        """Read the final answer's head; 1xx answers are passed over."""
        for _ in range(_MAX_INTERIM):
            text = self._until(b"\r\n\r\n", _MAX_HEAD_BYTES)
            status_line, *lines = text.split(b"\r\n")
            found = _STATUS_LINE.fullmatch(status_line)
            fields = [_FIELD.fullmatch(line) for line in lines]
            if found is None or not all(fields):
                break
            headers: dict[str, bytes] = {}
            for field in fields:
                assert field is not None
                name = field[1].decode("ascii").lower()
                headers[name] = headers[name] + b", " + field[2] if name in headers else field[2]
            if found[1][:1] != b"1":
                return AnswerHead(status=int(found[1]), headers=headers)
        raise FetchFailed("The host did not answer in HTTP/1.1.")

    def body(self, head: AnswerHead, max_bytes: int) -> Iterator[bytes]:
        """Yield the body's bytes as they come. Raises LimitExceeded as soon as it is known to be over `max_bytes`."""
        if head.headers.get("content-encoding", b"identity").lower() not in (b"identity", b""):
            raise FetchFailed("The host sent a compressed answer, which was not asked for.")
        if head.status in _BODILESS:
            return
        self._window_end = time.monotonic() + self._pace.window_s
        coding = head.headers.get("transfer-encoding")
        length = head.headers.get("content-length")
        if coding is not None:
            if coding.lower() != b"chunked":
                raise FetchFailed("The host sent an answer in a transfer coding that is not known.")
            pieces = self._chunked(max_bytes)
        elif length is not None:
            if not re.fullmatch(rb"[0-9]{1,18}", length):
                raise FetchFailed("The host sent an answer without a clear length.")
            if int(length) > max_bytes:
                raise too_large(max_bytes)
            pieces = self._exactly(int(length))
        else:
            pieces = self._to_the_end()
        received = 0
        for piece in pieces:
            received += len(piece)
            if received > max_bytes:
                raise too_large(max_bytes)
            yield piece

    def _chunked(self, max_bytes: int) -> Iterator[bytes]:
        received = 0
        while True:
            size_text = self._until(b"\r\n", _MAX_LINE_BYTES).partition(b";")[0].strip(b" \t")
            if not re.fullmatch(rb"[0-9A-Fa-f]{1,15}", size_text):
                raise FetchFailed("The host sent a damaged chunked answer.")
            size = int(size_text, 16)
            if size == 0:
                return  # trailers are not read: the connection is closed
            received += size
            if received > max_bytes:
                raise too_large(max_bytes)
            yield from self._exactly(size)
            if self._until(b"\r\n", 2) != b"":
                raise FetchFailed("The host sent a damaged chunked answer.")

    def _exactly(self, count: int) -> Iterator[bytes]:
        while count:
            piece = self._take(count)
            if not piece:
                raise FetchFailed("The host closed the connection in the middle of its answer.")
            count -= len(piece)
            yield piece

    def _to_the_end(self) -> Iterator[bytes]:
        while piece := self._take(_CHUNK_BYTES):
            yield piece

    def _take(self, most: int) -> bytes:
        """Up to `most` bytes, from what was read too far or from the socket; empty at the end."""
        if self._buffer:
            piece, self._buffer = self._buffer[:most], self._buffer[most:]
            return piece
        return self._receive(min(most, _CHUNK_BYTES))

    def _until(self, mark: bytes, most: int) -> bytes:
        """What comes before `mark`, which is consumed. At most `most` bytes may come before it."""
        while (end := self._buffer.find(mark)) < 0:
            if len(self._buffer) >= most + len(mark):
                raise LimitExceeded("The host sent a head or a line that is too long.")
            more = self._receive(4096)
            if not more:
                raise FetchFailed("The host closed the connection before its answer was complete.")
            self._buffer += more
        text, self._buffer = self._buffer[:end], self._buffer[end + len(mark) :]
        if len(text) > most:
            raise LimitExceeded("The host sent a head or a line that is too long.")
        return text

    def _receive(self, most: int) -> bytes:
        while True:
            wait_s = self._remaining_s()
            if self._window_end:
                wait_s = min(wait_s, self._check_rate())
            self._sock.settimeout(wait_s)
            try:
                data = self._sock.recv(most)
            except TimeoutError:
                continue  # the deadline or the rate says which it was
            except OSError:
                raise FetchFailed("The connection to the host broke.") from None
            self._window_bytes += len(data)
            return data

    def _remaining_s(self) -> float:
        remaining_s = self._pace.deadline - time.monotonic()
        if remaining_s <= 0:
            raise LimitExceeded(f"The download took longer than {self._pace.total_s:g} s.")
        return remaining_s

    def _check_rate(self) -> float:
        """Seconds left in the current window. Raises LimitExceeded when one ended with too few bytes."""
        left_s = self._window_end - time.monotonic()
        if left_s > 0:
            return left_s
        if self._window_bytes < self._pace.min_rate * self._pace.window_s:
            raise LimitExceeded(f"The download was slower than {self._pace.min_rate:,} bytes a second.")
        self._window_bytes = 0
        self._window_end = time.monotonic() + self._pace.window_s
        return self._pace.window_s


def too_large(max_bytes: int) -> LimitExceeded:
    """The error for a download that is over its size."""
    return LimitExceeded(
        f"The URL's content is larger than {max_bytes:,} bytes. Send a smaller file, or raise HOTPLATE_FETCH_MAX_BYTES."
    )
