"""Folders that are filled beside the place where they belong and renamed when they are whole.

A process that dies leaves a folder whose lock nobody holds; `sweep` removes those.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
import sys
import uuid
from pathlib import Path
from types import TracebackType
from typing import Self

PREFIX = ".building-"


class Staging:
    """A new folder in `parent`, held by a lock as long as this lasts, and removed at its end unless it was renamed."""

    def __init__(self, parent: Path) -> None:
        self._parent = parent
        self._fd = -1
        self.path = parent

    def __enter__(self) -> Self:
        self._parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        while self._fd < 0:
            self.path = self._parent / f"{PREFIX}{uuid.uuid4().hex}"
            self.path.mkdir(mode=0o700)
            fd = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
            fcntl.flock(fd, fcntl.LOCK_EX)
            if self.path.exists():  # else a sweep came between the two lines above
                self._fd = fd
            else:
                os.close(fd)
        return self

    def rename(self, target: Path) -> bool:
        """Put the folder where it belongs. False: another process was first, and its folder stays."""
        _settle(self._fd)
        try:
            self.path.rename(target)
        except OSError:
            if target.is_dir():
                return False
            raise
        parent = os.open(self._parent, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(parent)
        finally:
            os.close(parent)
        return True

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        remove(self.path)
        os.close(self._fd)


def sweep(parent: Path) -> int:
    """Remove what died builders left. Gives how many."""
    count = 0
    for path in parent.glob(f"{PREFIX}*"):
        try:
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            continue
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            remove(path)
            count += 1
        except BlockingIOError:
            pass  # a builder is at work in it
        finally:
            os.close(fd)
    return count


def keep_fresh(path: Path) -> bool:
    """Note that a folder was used just now, for `prune`. False: it has gone."""
    try:
        os.utime(path)
    except FileNotFoundError:
        return False
    return True


def remove(path: Path) -> None:
    """Remove a folder with all that is in it, where it is there."""
    for attempt in (1, 2):
        try:
            shutil.rmtree(path)
        except FileNotFoundError:
            if not path.exists():  # else another removes it as well
                return
        except PermissionError:
            if attempt == 2:
                raise
            for folder, _, _ in os.walk(path):  # the author's code may have closed one
                os.chmod(folder, stat.S_IRWXU)  # noqa: PTH101
        else:
            return


def _settle(fd: int) -> None:
    """Have all that was written on this file system on the disk: quicker than file by file, of which there are many."""
    if sys.platform == "linux":
        import ctypes

        if ctypes.CDLL(None, use_errno=True).syncfs(fd):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
    else:
        os.sync()
