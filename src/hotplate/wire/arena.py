"""Shared memory for large bodies, so that they are never copied through a socket.

An arena is one file without a name (memfd on Linux, an unlinked temporary file elsewhere), mapped by the server and
its workers. One side allocates; the other reads the place it is told. What does not fit goes to a spill file, mapped
in the same way: without a name too on Linux, so that nothing is left of it whatever ends the server.
"""

from __future__ import annotations

import mmap
import os
from bisect import insort

ARENA_BYTES = 64 * 1024 * 1024
GRAIN_BYTES = 16 * 1024
CONTROL_BYTES = 4096
"""The first page of an arena is not allocated: a worker keeps the id of the last call that it started there."""


def make_arena_file(size: int = ARENA_BYTES) -> int:
    """Give a file descriptor of `size` bytes of memory. It is not inheritable."""
    if hasattr(os, "memfd_create"):
        fd = os.memfd_create("hotplate-arena", os.MFD_CLOEXEC)
    else:  # macOS
        import tempfile

        fd, name = tempfile.mkstemp(prefix="hotplate-arena-")
        os.unlink(name)  # noqa: PTH108 - pathlib would be imported for this alone, before the first worker starts
    os.ftruncate(fd, size)
    return fd


class Arena:
    """A mapped arena and, on the side that allocates, its free list. Not thread-safe: one owner allocates."""

    def __init__(self, fd: int) -> None:
        self.size = os.fstat(fd).st_size
        self.map = mmap.mmap(fd, self.size)
        self.view = memoryview(self.map)
        self._free: list[tuple[int, int]] = [(CONTROL_BYTES, self.size - CONTROL_BYTES)]
        self._touched = False

    def allocate(self, length: int) -> int | None:
        """Reserve room for `length` bytes and give its offset, or None when there is none (first fit)."""
        need = _grains(length)
        for index, (offset, room) in enumerate(self._free):
            if room >= need:
                if room == need:
                    del self._free[index]
                else:
                    self._free[index] = (offset + need, room - need)
                self._touched = True
                return offset
        return None

    def release(self, offset: int, length: int) -> None:
        """Give the room at `offset`, reserved for `length` bytes, back; or its end, from a whole grain on."""
        insort(self._free, (offset, _grains(length)))
        merged: list[tuple[int, int]] = []
        for start, room in self._free:
            if merged and merged[-1][0] + merged[-1][1] == start:
                merged[-1] = (merged[-1][0], merged[-1][1] + room)
            else:
                merged.append((start, room))
        self._free = merged

    def extend(self, offset: int, length: int, longer: int) -> bool:
        """Make the room at `offset` longer where it is. False when what follows it is taken."""
        end = offset + _grains(length)
        need = _grains(longer) - _grains(length)
        if not need:
            return True
        for index, (start, room) in enumerate(self._free):
            if start == end and room >= need:
                if room == need:
                    del self._free[index]
                else:
                    self._free[index] = (start + need, room - need)
                return True
        return False

    @property
    def idle(self) -> bool:
        """Whether nothing is reserved."""
        return len(self._free) == 1 and self._free[0][1] == self.size - CONTROL_BYTES

    def trim(self) -> None:
        """Give the memory of an idle arena back to the machine."""
        if self._touched and self.idle and hasattr(mmap, "MADV_REMOVE"):
            self.map.madvise(mmap.MADV_REMOVE, CONTROL_BYTES, self.size - CONTROL_BYTES)
            self._touched = False

    def close(self) -> None:
        """Unmap. Views that are still held keep the mapping alive until they go."""
        self.view.release()
        try:
            self.map.close()
        except BufferError:
            pass


def _grains(length: int) -> int:
    return -(-length // GRAIN_BYTES) * GRAIN_BYTES


class Spill:
    """A body in a file of its own. `path` names it for the other process; `close` gives its room back.

    With a folder it is a file there, for a process that does not see this one's descriptors.

    All of the room is reserved at once: a file that cannot grow would end a process that writes to its mapping.
    """

    def __init__(self, length: int, folder: str = "") -> None:
        self._folder = self._file = ""
        if folder:
            self.path = self._file = f"{folder}/{os.urandom(16).hex()}"
            self._fd = os.open(self._file, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        elif hasattr(os, "memfd_create"):
            self._fd = os.memfd_create("hotplate-spill", os.MFD_CLOEXEC)
            self.path = f"/proc/{os.getpid()}/fd/{self._fd}"
        else:  # macOS
            import tempfile

            self._folder = tempfile.mkdtemp(prefix="hotplate-")
            self.path = f"{self._folder}/body"
            self._fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            self._reserve(length)
            self.map = mmap.mmap(self._fd, length)
        except BaseException:
            self._remove()
            raise
        self.view = memoryview(self.map)

    def _reserve(self, length: int) -> None:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(self._fd, 0, length)
        else:
            os.ftruncate(self._fd, length)

    def resize(self, length: int) -> None:
        """Make the room longer or shorter, which ends views of it. Raises OSError when there is no more."""
        if length > len(self.map):
            self._reserve(length)
        else:
            os.ftruncate(self._fd, length)
        self.view.release()
        self.map.close()
        self.map = mmap.mmap(self._fd, length)
        self.view = memoryview(self.map)

    def close(self) -> None:
        """Unmap, and remove the file."""
        self._remove()
        self.view.release()
        try:
            self.map.close()
        except BufferError:
            pass

    def _remove(self) -> None:
        os.close(self._fd)
        if self._file:
            os.unlink(self._file)  # noqa: PTH108
        if self._folder:
            os.unlink(self.path)  # noqa: PTH108
            os.rmdir(self._folder)  # noqa: PTH106


def open_spill(path: str) -> mmap.mmap:
    """Map a spilled body for reading, in the worker."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return mmap.mmap(fd, 0, prot=mmap.PROT_READ)
    finally:
        os.close(fd)
