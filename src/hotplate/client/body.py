"""Request bodies: bytes in memory and files on disk, in order, with a length known before the first byte goes out.

A body can be read again for the next try, and a file is never held in memory whole.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

CHUNK_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class FileOnDisk:
    """A file that is read while it is sent. `size` is what was promised in Content-Length."""

    path: Path
    size: int

    def chunks(self) -> Generator[bytes, None, None]:
        left = self.size
        with self.path.open("rb") as file:
            while left and (chunk := file.read(min(CHUNK_BYTES, left))):
                left -= len(chunk)
                yield chunk


@dataclass(frozen=True, slots=True)
class Body:
    """What a request carries."""

    content_type: str
    segments: tuple[bytes | FileOnDisk, ...]

    @property
    def length(self) -> int:
        return sum(segment.size if isinstance(segment, FileOnDisk) else len(segment) for segment in self.segments)

    def content(self) -> bytes | Iterator[bytes]:
        """The bytes where all are in memory, else what reads them while they are sent."""
        whole = self._in_memory()
        return self._chunks() if whole is None else whole

    def acontent(self) -> bytes | AsyncIterator[bytes]:
        """The same, with files read in a thread so that the event loop goes on."""
        whole = self._in_memory()
        return self._achunks() if whole is None else whole

    def _in_memory(self) -> bytes | None:
        if len(self.segments) == 1 and isinstance(self.segments[0], bytes):
            return self.segments[0]
        parts = [segment for segment in self.segments if isinstance(segment, bytes)]
        return b"".join(parts) if len(parts) == len(self.segments) else None

    def _chunks(self) -> Iterator[bytes]:
        for segment in self.segments:
            if isinstance(segment, FileOnDisk):
                yield from segment.chunks()
            else:
                yield segment

    async def _achunks(self) -> AsyncIterator[bytes]:
        for segment in self.segments:
            if isinstance(segment, bytes):
                yield segment
                continue
            chunks = segment.chunks()
            try:
                while chunk := await asyncio.to_thread(next, chunks, b""):
                    yield chunk
            finally:
                chunks.close()
