"""A chunked body while it arrives (RFC 9112, 7.1): strict framing, limits that act at once, its room from the server.

Written here and not left to httptools, which does not say where a body ends in the bytes that it was fed: what
follows may be the next request. Less is accepted than the standard allows: sizes without spaces around them, line ends
in their pairs, no control characters. Extensions and trailers are skipped.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from hotplate.edge.body import MalformedChunks, Progress, TooLarge, received
from hotplate.edge.exchange import EdgeLimits, Extent
from hotplate.edge.head import RequestHead

_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_EXTENSION = rb";" + _TOKEN + rb"(?:=(?:" + _TOKEN + rb'|"[\t !#-\[\]-~]*"))?'
_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})(?:" + _EXTENSION + rb")*\r\n")
_TRAILER = re.compile(_TOKEN + rb":[\t\x20-\x7e\x80-\xff]*\r\n")
_ONES = re.compile(rb"(?:1\r\n.\r\n){8,}+", re.DOTALL)
_TINY = {b"%b\r\n" % digit.encode(): 3 + int(digit, 16) for digit in "123456789abcdefABCDEF"}
"""Size lines of the chunks that somebody sends millions of -> where the chunk ends, seen from its size line."""
MAX_LINE_BYTES = 8 * 1024
"""The longest size line or trailer."""
WASTE_BYTES = 64 * 1024
WASTE_FACTOR = 16
"""Framing may take so many bytes for each of the body, and WASTE_BYTES more."""


class ChunkedBody(Progress):
    """Collects one body. Small ones stay here; larger ones are written into room from `allocate` as they come."""

    __slots__ = (
        "_allocate",
        "_extent",
        "_in_trailers",
        "_inline_bytes",
        "_left",
        "_limit",
        "_small",
        "_unread",
        "_waste",
        "complete",
        "head",
        "rest",
        "size",
    )

    def __init__(self, head: RequestHead, limits: EdgeLimits, limit: int, allocate: Callable[[int], Extent]) -> None:
        super().__init__(limits)
        self.head = head
        self.size = 0
        self.complete = False
        self.rest = b""
        self._limit = limit
        self._inline_bytes = limits.inline_bytes
        self._allocate = allocate
        self._small = bytearray()
        self._extent: Extent | None = None
        self._left = 0  # bytes of the current chunk, its line end included, that have not come yet
        self._in_trailers = False
        self._unread = b""  # the beginning of a line, or of a chunk's line end
        self._waste = 0

    def room(self) -> memoryview:
        """Where the next bytes go."""
        return received

    def advance(self, count: int) -> bool:
        """Note that `count` bytes came into `room`. True when the body is whole. Raises as `feed` does."""
        self.feed(bytes(received[:count]))
        return self.complete

    def feed(self, data: bytes) -> None:
        """Take bytes as they come; `rest` is then what follows the whole body.

        Raises MalformedChunks, TooLarge, and OSError when there is no room.
        """
        came = len(data)
        self.got += came
        if self._unread:
            data = self._unread + data
        parts: list[bytes] = []
        at = self._take_chunks(data, parts)
        if parts:
            gained = b"".join(parts)
            self._append(gained)
            came -= WASTE_FACTOR * len(gained)
        if self._in_trailers:
            at = self._skip_trailers(data, at)
        if self.complete:
            self.rest = data[at:]
            return
        self._unread = data[at:]
        if len(self._unread) > MAX_LINE_BYTES:
            raise TooLarge
        self._waste = max(0, self._waste + came)
        if self._waste > WASTE_BYTES:
            raise TooLarge

    def _take_chunks(self, data: bytes, parts: list[bytes]) -> int:
        """Cut chunks out of `data` until more bytes are needed or the last one came. Gives how far it got."""
        if self._in_trailers:
            return 0
        at, have, left = 0, len(data), self._left
        tiny, append = _TINY.get, parts.append
        while True:
            if left:
                inside = left - 2
                end = at + inside
                if have < end + 2:  # not all of it and its line end is here
                    if inside > 0 and have > at:
                        taken = min(inside, have - at)
                        parts.append(data[at : at + taken])
                        left -= taken
                        at += taken
                    break
                if data[end : end + 2] != b"\r\n":
                    raise MalformedChunks
                if inside:
                    parts.append(data[at:end])
                at = end + 2
                left = 0
            if data.startswith(b"1\r\n", at) and (run := _ONES.match(data, at)) is not None:
                append(data[at + 3 : run.end() : 6])
                at = run.end()
            while (end := tiny(data[at : at + 3], 0) + at) > at and data[end : end + 2] == b"\r\n":
                append(data[at + 3 : end])
                at = end + 2
            found = _SIZE.match(data, at)
            if found is None:
                if b"\r\n" in data[at : at + MAX_LINE_BYTES] or not _may_be_size(data[at : at + 16]):
                    raise MalformedChunks
                break
            at = found.end()
            size = int(found[1], 16)
            if self.size + size > self._limit:
                raise TooLarge
            if not size:
                self._in_trailers = True
                break
            left = size + 2
        self._left = left
        return at

    def _skip_trailers(self, data: bytes, at: int) -> int:
        while True:
            if data[at : at + 2] == b"\r\n":
                self.complete = True
                return at + 2
            found = _TRAILER.match(data, at)
            if found is None:
                if b"\r\n" in data[at : at + MAX_LINE_BYTES]:
                    raise MalformedChunks
                return at
            at = found.end()

    def take(self) -> tuple[bytes, Extent | None]:
        """Give the whole body: its bytes, or the place that holds them. Raises OSError when there is no room."""
        extent = self._extent
        if extent is None:
            return bytes(self._small), None
        extent.resize(self.size)
        self._extent = None
        return b"", extent

    def drop(self) -> None:
        """Give its place back."""
        extent, self._extent = self._extent, None
        if extent is not None:
            extent.free()

    def _append(self, data: bytes) -> None:
        size = self.size + len(data)
        if size > self._limit:
            raise TooLarge
        if size <= self._inline_bytes:
            self._small += data
        else:
            self._room(size).view[self.size : size] = data
        self.size = size

    def _room(self, size: int) -> Extent:
        extent = self._extent
        if extent is None:
            extent = self._extent = self._allocate(min(self._limit, max(size, 8 * self._inline_bytes)))
            extent.view[: self.size] = self._small
            self._small = bytearray()
        elif size > len(extent.view):
            extent.resize(min(self._limit, max(size, 2 * len(extent.view))))
        return extent


def _may_be_size(data: bytes) -> bool:
    """Whether more bytes could make this the beginning of a size line."""
    digits = data.partition(b";")[0].rstrip(b"\r")
    return not digits.strip(b"0123456789ABCDEFabcdef")
