"""Large inputs and results, one file each, named by their SHA-256: written whole, flushed, then renamed into place.

So a row never names a file that is not all there, and equal inputs are kept once. Files that no row names are
dropped by `collect`, after an hour: an input is written before its row.
"""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path

INLINE_BYTES = 256 * 1024
"""What is larger goes to a file; smaller ones stay in the database."""

GRACE_S = 3600.0


class Blobs:
    """A folder of files named by their content. Every method blocks; none is called on the loop."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def put(self, data: bytes | memoryview) -> str:
        """Keep bytes and give their name, when they are on disk. Raises OSError when there is no room."""
        name = hashlib.sha256(data).hexdigest()
        path = self._path(name)
        try:
            os.utime(path)  # young again, so that `collect` leaves it alone
            return name
        except FileNotFoundError:
            pass
        path.parent.mkdir(mode=0o700, exist_ok=True)
        beside = path.with_name(f".{name}.{os.getpid()}.{os.urandom(4).hex()}")
        try:
            with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(path)
        except BaseException:
            beside.unlink(missing_ok=True)
            raise
        _flush_folder(path.parent)
        _flush_folder(self._folder)
        return name

    def get(self, name: str) -> bytes:
        """Give the bytes. Raises OSError when they are gone."""
        return self._path(name).read_bytes()

    def collect(self, named: set[str]) -> int:
        """Drop files that nothing names and that are old enough. Gives how many."""
        dropped = 0
        before = time.time() - GRACE_S
        for path in self._folder.glob("*/*"):
            if path.name not in named and path.stat().st_mtime < before:
                path.unlink(missing_ok=True)
                dropped += 1
        return dropped

    def _path(self, name: str) -> Path:
        if len(name) != 64 or not name.isalnum():
            raise ValueError("not a name of a blob")
        return self._folder / name[:2] / name


def _flush_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
