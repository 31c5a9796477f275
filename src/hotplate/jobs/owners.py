"""Who holds leases on this machine. Each server locks a file of its own; the kernel lets go of the lock when it dies.

So the jobs of a server that was killed are found at once, and those of one that is merely stopped are not.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from pathlib import Path


class Owners:
    """A folder of locked files. `name` is this server's, `place` a path of its own for short-lived files (not made).

    Whoever finds an owner dead removes what it left at its place.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder
        self.name = f"{os.getpid()}-{os.urandom(6).hex()}"
        beside = folder / f".{self.name}"  # under its name it is locked from the first moment: or it would look dead
        self._fd = os.open(beside, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        beside.rename(folder / self.name)
        self.place = _place(self.name)
        for path in folder.iterdir():  # those that died without a lease
            self.alive(path.name)

    def alive(self, owner: str) -> bool:
        """Whether an owner's process may still be there."""
        if owner == self.name:
            return True
        if not owner or "/" in owner or owner.startswith("."):
            return False
        path = self._folder / owner
        try:
            fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        except OSError:
            return True
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return True
        else:
            path.unlink(missing_ok=True)
            shutil.rmtree(_place(owner), ignore_errors=True)
            return False
        finally:
            os.close(fd)

    def close(self) -> None:
        """Be gone."""
        shutil.rmtree(self.place, ignore_errors=True)
        (self._folder / self.name).unlink(missing_ok=True)
        os.close(self._fd)


def _place(name: str) -> Path:
    """Short, because a socket's path has room for a hundred characters."""
    return Path(tempfile.gettempdir()) / f"hotplate-jobs-{name}"
