"""A request body on its way in: of known length straight into its place, or chunked.

`Connection` owns one at a time, asks it where to put bytes, and hands the whole body on. Small bodies that came with
their head never get here.
"""

from __future__ import annotations

from time import monotonic_ns

import httptools

from hotplate.edge.exchange import EdgeLimits, Extent
from hotplate.edge.head import RequestHead

SECOND = 1_000_000_000
SLOW_START_S = 10.0
"""How long a body may come as slowly as it likes."""
FRAMING_BYTES = 65536
"""Chunk framing that is put up with, beyond as many bytes as the body has."""

CHUNKED_HEAD = b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n"
"""Stands for every head before a chunked body: the real one, long since parsed, might offer to change the protocol."""

receive = bytearray(256 * 1024)
received = memoryview(receive)
"""Where every connection receives what has no place of its own yet. One loop reads at a time, and takes it at once."""


class MalformedChunks(Exception):
    """The chunked framing is broken."""


class TooLarge(Exception):
    """The body is over its limit."""


class _Progress:
    """When bytes last came, and how many a second."""

    __slots__ = ("_begun_ns", "_idle_until_ns", "_seen", "got")

    got: int

    def __init__(self, limits: EdgeLimits) -> None:
        self.got = 0
        self._seen = 0
        self._begun_ns = monotonic_ns()
        self._idle_until_ns = self._begun_ns + int(limits.body_idle_timeout_s * SECOND)

    def late(self, now: int, limits: EdgeLimits) -> bool:
        """Whether the body has stalled or comes too slowly. Asked at every tick."""
        if self.got != self._seen:
            self._seen = self.got
            self._idle_until_ns = now + int(limits.body_idle_timeout_s * SECOND)
        elapsed = (now - self._begun_ns) / SECOND
        slow = elapsed > SLOW_START_S and self.got < limits.body_min_rate_bytes_s * elapsed
        return slow or now > self._idle_until_ns


class FixedBody(_Progress):
    """A body of known length, received into its place: shared memory when it is large."""

    __slots__ = ("_extent", "_length", "_sink", "head")

    def __init__(self, head: RequestHead, limits: EdgeLimits, extent: Extent | None) -> None:
        super().__init__(limits)
        self.head = head
        self._length = head.length
        self._extent = extent
        self._sink = memoryview(bytearray(head.length)) if extent is None else extent.view

    def room(self) -> memoryview:
        """Where the next bytes go."""
        return self._sink[self.got : self._length]

    def advance(self, count: int) -> bool:
        """Note that `count` bytes came into `room`. True when the body is whole."""
        self.got += count
        return self.got == self._length

    def feed(self, data: bytes) -> bytes:
        """Take what came with the head, and give back what belongs to the next request."""
        count = min(len(data), self._length - self.got)
        self._sink[self.got : self.got + count] = data[:count]
        self.got += count
        return data[count:]

    @property
    def complete(self) -> bool:
        """Whether all of it is there."""
        return self.got == self._length

    def take(self) -> tuple[bytes, Extent | None]:
        """Give the whole body: its bytes, or the place that holds them."""
        extent, self._extent = self._extent, None
        return (b"", extent) if extent is not None else (bytes(self._sink), None)

    def drop(self) -> None:
        """Give its place back."""
        extent, self._extent = self._extent, None
        if extent is not None:
            extent.free()


class ChunkedBody(_Progress):
    """A chunked body. Framing is httptools' (llhttp); the size cap is enforced while bytes arrive."""

    __slots__ = ("_body", "_limit", "_parser", "complete", "head")

    def __init__(self, head: RequestHead, limits: EdgeLimits, limit: int) -> None:
        super().__init__(limits)
        self.head = head
        self.complete = False
        self._limit = limit
        self._body = bytearray()
        self._parser = httptools.HttpRequestParser(self)
        self._parser.feed_data(CHUNKED_HEAD)

    def room(self) -> memoryview:
        """Where the next bytes go."""
        return received

    def advance(self, count: int) -> bool:
        """Note that `count` bytes came into `room`. True when the body is whole."""
        self.feed(bytes(received[:count]))
        return self.complete

    def feed(self, data: bytes) -> bytes:
        """Take bytes as they come. Raises MalformedChunks and TooLarge.

        What follows a chunked body in the same read is not given back: a client that pipelines behind one is rare,
        and sends its next request again when nothing answers it on a connection that closes.
        """
        self.got += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            if not self.complete:
                raise MalformedChunks from None
        wasteful = self.got > 2 * self._limit + FRAMING_BYTES and len(self._body) * 16 < self.got
        if wasteful or len(self._body) > self._limit:
            raise TooLarge
        return b""

    def on_body(self, data: bytes) -> None:
        """Called by the parser."""
        if len(self._body) <= self._limit:
            self._body += data

    def on_message_complete(self) -> None:
        """Called by the parser."""
        self.complete = True

    def take(self) -> tuple[bytes, Extent | None]:
        """Give the whole body."""
        return bytes(self._body), None

    def drop(self) -> None:
        """Nothing to give back."""
