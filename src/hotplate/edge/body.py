"""A request body on its way in: of known length here, straight into its place; chunked in edge/chunked.py.

`Connection` owns one at a time, asks it where to put bytes, and hands the whole body on. Small bodies that came with
their head never get here.
"""

from __future__ import annotations

from time import monotonic_ns

from hotplate.edge.exchange import EdgeLimits, Extent
from hotplate.edge.head import RequestHead

SECOND = 1_000_000_000
SLOW_START_S = 10.0
"""How long a body may come as slowly as it likes."""

receive = bytearray(256 * 1024)
received = memoryview(receive)
"""Where every connection receives what has no place of its own yet. One loop reads at a time, and takes it at once."""
first = received[: 64 * 1024]
"""Where a head and what comes with it are received. What of a large body lands here is copied to its place, so this is
no larger than most requests are."""
short = received[: 4 * 1024]
"""The same for a connection whose last body was large: what sends one such body sends more, and all but the beginning
of the next one then goes straight to its place."""


class MalformedChunks(Exception):
    """The chunked framing is broken."""


class TooLarge(Exception):
    """The body is over its limit."""


class Progress:
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


class FixedBody(Progress):
    """A body of known length, received into its place: shared memory when it is large."""

    __slots__ = ("_extent", "_length", "_sink", "head", "rest")

    def __init__(self, head: RequestHead, limits: EdgeLimits, extent: Extent | None) -> None:
        super().__init__(limits)
        self.head = head
        self.rest = b""
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

    def feed(self, data: bytes) -> None:
        """Take what came with the head; `rest` is then what belongs to the next request."""
        count = min(len(data), self._length - self.got)
        self._sink[self.got : self.got + count] = data[:count]
        self.got += count
        self.rest = data[count:]

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
