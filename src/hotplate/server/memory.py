"""Room for large request bodies: a place in the shared arena, or a spill file when the arena is full."""

from __future__ import annotations

import os

from hotplate.wire.arena import Arena, Spill, make_arena_file
from hotplate.wire.layout import PLACE

SHARED = "/dev/shm"  # noqa: S108 - only a folder of mode 0700 with a random name is made there


class Place:
    """A body in the arena."""

    __slots__ = ("_arena", "_length", "_offset", "view")

    def __init__(self, arena: Arena, offset: int, length: int) -> None:
        self._arena = arena
        self._offset = offset
        self._length = length
        self.view = arena.view[offset : offset + length]

    @property
    def place(self) -> bytes:
        """What a frame carries in the body's stead."""
        return PLACE.pack(self._offset, self._length)

    def free(self) -> None:
        """Give the room back. Doing so twice is harmless."""
        if self._length:
            self._arena.release(self._offset, self._length)
            self._length = 0
            self.view.release()


class SpillPlace:
    """A body in a file of its own."""

    __slots__ = ("_spill", "path", "view")

    def __init__(self, spill: Spill) -> None:
        self._spill: Spill | None = spill
        self.path = spill.path
        self.view = spill.view

    def free(self) -> None:
        """Remove the file. Doing so twice is harmless."""
        spill, self._spill = self._spill, None
        if spill is not None:
            spill.close()


class Memory:
    """The arena that all workers of an endpoint share, and the folder of its spill files."""

    def __init__(self) -> None:
        self.fd = make_arena_file()
        self.arena = Arena(self.fd)
        self._folder: str | None = None
        self._count = 0

    def allocate(self, length: int) -> Place | SpillPlace:
        """Room for `length` bytes. Raises OSError when the machine has none."""
        offset = self.arena.allocate(length)
        if offset is not None:
            return Place(self.arena, offset, length)
        if self._folder is None:
            parent = SHARED if os.access(SHARED, os.W_OK) else None
            import tempfile

            self._folder = tempfile.mkdtemp(prefix="hotplate-", dir=parent)
        self._count += 1
        return SpillPlace(Spill(f"{self._folder}/{self._count:x}", length))

    def close(self) -> None:
        """Give everything back."""
        self.arena.close()
        os.close(self.fd)
        if self._folder is not None:
            import shutil

            shutil.rmtree(self._folder, ignore_errors=True)
