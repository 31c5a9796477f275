"""Which calls a replica's server has given to its worker, in a file that outlives its process.

Whoever started the process reads the file when that has ended, and so the server can tell calls that had certainly not
begun from those that may have. A call is marked before the worker can see it. The writer is `server/cell/link.py`.
"""

from __future__ import annotations

import mmap
import struct
from pathlib import Path

VARIABLE = "HOTPLATE_LINK_MARKS"
"""The path of the file, in the environment of `hotplate serve --replica`."""

PLACES = 1024
MAGIC = int.from_bytes(b"hp-marks", "little")
"""Says that somebody marks here: a file without it says nothing."""
_ONE = struct.Struct("=Q")
BYTES = _ONE.size * (PLACES + 1)


class Marks:
    """Writes them. Raises OSError where the file cannot be had."""

    def __init__(self, path: Path) -> None:
        with path.open("w+b") as file:
            file.truncate(BYTES)
            self._map = mmap.mmap(file.fileno(), BYTES)
        self._view = memoryview(self._map).cast("Q")
        self._view[0] = MAGIC

    def given(self, call_id: int) -> None:
        """The worker gets this call now."""
        place = 1 + call_id % PLACES
        if self._view[place] <= call_id:  # one that comes back to the queue does not undo a later one's mark
            self._view[place] = call_id + 1


def open_marks(path: str) -> Marks | None:
    """Marks in this file; None where nobody asks for them, or the file cannot be had: then nobody is told anything."""
    try:
        return Marks(Path(path)) if path else None
    except OSError:
        return None


def may_have_begun(marks: bytes, call_id: int) -> bool:
    """Whether a call was given to the worker, or that is not known. A place that a later call has taken says nothing of
    an earlier one, so that counts as given."""
    if len(marks) != BYTES or _ONE.unpack_from(marks, 0)[0] != MAGIC:
        return True
    return _ONE.unpack_from(marks, _ONE.size * (1 + call_id % PLACES))[0] > call_id
