"""Room for large request bodies: a place in the shared arena, or a spill file when the arena is full.

All of it together is limited: a caller's Content-Length reserves room before a byte of the body has come.
"""

from __future__ import annotations

import errno
import os

from hotplate.wire.arena import GRAIN_BYTES, Arena, Spill, make_arena_file
from hotplate.wire.layout import PLACE

BODY_MEMORY_BYTES = 1024 * 1024 * 1024


class Place:
    """A body in the arena."""

    __slots__ = ("_length", "_memory", "_offset", "view")

    def __init__(self, memory: Memory, offset: int, length: int) -> None:
        self._memory = memory
        self._offset = offset
        self._length = length
        self.view = memory.arena.view[offset : offset + length]

    @property
    def place(self) -> bytes:
        """What a frame carries in the body's stead."""
        return PLACE.pack(self._offset, self._length)

    def resize(self, length: int) -> None:
        """Make the room longer, perhaps elsewhere, or shorter; the bytes stay. Raises OSError when there is none."""
        memory, arena, held = self._memory, self._memory.arena, self._length
        memory.reserve(length - held)
        if length <= held:
            kept = -(-length // GRAIN_BYTES) * GRAIN_BYTES
            if held > kept:
                arena.release(self._offset + kept, held - kept)
            moved = self._offset
        elif arena.extend(self._offset, held, length):
            moved = self._offset
        else:
            moved = arena.allocate(length)
            if moved is None:
                memory.reserve(held - length)
                raise OSError(errno.ENOSPC, "The arena is full")
            arena.view[moved : moved + held] = self.view
            arena.release(self._offset, held)
        self.view.release()
        self._offset, self._length = moved, length
        self.view = arena.view[moved : moved + length]

    def free(self) -> None:
        """Give the room back. Doing so twice is harmless."""
        if self._length:
            self._memory.arena.release(self._offset, self._length)
            self._memory.reserve(-self._length)
            self._length = 0
            self.view.release()


class SpillPlace:
    """A body in a file of its own."""

    __slots__ = ("_memory", "_spill", "path", "view")

    def __init__(self, memory: Memory, length: int) -> None:
        self._memory = memory
        self._spill: Spill | None = Spill(length, memory.spills)
        self.path = self._spill.path
        self.view = self._spill.view

    def resize(self, length: int) -> None:
        """Make the room longer or shorter; the bytes stay. Raises OSError when there is no more."""
        assert self._spill is not None
        grown = length - len(self.view)
        self._memory.reserve(grown)
        try:
            self._spill.resize(length)
        except OSError:
            self._memory.reserve(-grown)
            raise
        self.view = self._spill.view

    def free(self) -> None:
        """Remove the file. Doing so twice is harmless."""
        spill, self._spill = self._spill, None
        if spill is not None:
            self._memory.reserve(-len(self.view))
            spill.close()


class HeapPlace:
    """A body in the heap: one that no worker will read."""

    __slots__ = ("view",)

    def __init__(self, length: int) -> None:
        self.view = memoryview(bytearray(length))

    def resize(self, length: int) -> None:
        """Make the room longer or shorter; the bytes stay."""
        room = bytearray(self.view[:length])
        room.extend(bytes(length - len(room)))
        self.view = memoryview(room)

    def free(self) -> None:
        """Give the room back."""
        self.view = memoryview(b"")


class Budget:
    """How much memory large bodies may take in this process, whatever endpoint they are for."""

    __slots__ = ("held", "limit")

    def __init__(self, limit: int = BODY_MEMORY_BYTES) -> None:
        self.held = 0
        self.limit = limit


class Memory:
    """The arena that all workers of an endpoint share, and the spill files beside it.

    The budget counts the bytes of both. Endpoints share the budget, never the arena: their authors are strangers.
    """

    def __init__(self, limit: int = BODY_MEMORY_BYTES, budget: Budget | None = None) -> None:
        self.fd = make_arena_file()
        self.arena = Arena(self.fd)
        self.budget = budget or Budget(limit)
        self.spills = ""
        """The folder of spill files, where workers are in containers."""

    @property
    def held(self) -> int:
        """Bytes that are taken or promised."""
        return self.budget.held

    def allocate(self, length: int) -> Place | SpillPlace:
        """Room for `length` bytes. Raises OSError when the machine or the limit has none."""
        self.reserve(length)
        offset = self.arena.allocate(length)
        if offset is not None:
            return Place(self, offset, length)
        try:
            return SpillPlace(self, length)
        except OSError:
            self.budget.held -= length
            raise

    def reserve(self, length: int) -> None:
        """Count room that is taken, or with a negative length given back.

        The first body is let in whatever its size, so that the two limits on bodies cannot contradict each other.
        """
        budget = self.budget
        if length > 0 and budget.held and budget.held + length > budget.limit:
            raise OSError(errno.ENOBUFS, "Too many large bodies at once")
        budget.held += length

    def close(self) -> None:
        """Give everything back."""
        self.arena.close()
        os.close(self.fd)
