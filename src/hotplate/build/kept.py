"""Large files of revisions, kept once: weights seldom change when the code does.

A file here and the same one in each revision are one file with several names. Its digest is checked before it gets
another name, so one that was damaged is not handed on.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from hotplate.deployment.home import Home

LARGE_BYTES = 1024 * 1024
_CHUNK = 1 << 20


class Kept:
    """The large files of one home."""

    def __init__(self, home: Home) -> None:
        self._folder = home.revisions / ".large"

    def give(self, digest: str, size: int, *, executable: bool, to: Path) -> bool:
        """Give a file another name. False: it is not here, or not large, or the file system cannot."""
        if size < LARGE_BYTES:
            return False
        path = self._path(digest, executable)
        try:
            if _digest(path) != digest:
                path.unlink()
                return False
            to.hardlink_to(path)
        except OSError:
            return False
        return True

    def take(self, digest: str, size: int, *, executable: bool, path: Path) -> None:
        """Keep a file for the next revision, where the file system can."""
        if size < LARGE_BYTES:
            return
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            self._path(digest, executable).hardlink_to(path)
        except OSError:
            pass  # another build was first, or there are no hard links here: then the revision has its own copy

    def drop_unused(self) -> int:
        """Remove files that no revision has any more. Gives the bytes that this freed."""
        freed = 0
        for path in self._folder.glob("*"):
            facts = path.stat()
            if facts.st_nlink == 1:
                path.unlink(missing_ok=True)
                freed += facts.st_blocks * 512
        return freed

    def _path(self, digest: str, executable: bool) -> Path:
        return self._folder / (f"{digest}-x" if executable else digest)


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    with os.fdopen(fd, "rb", buffering=0) as file:
        while part := file.read(_CHUNK):
            digest.update(part)
    return digest.hexdigest()
