"""The output folders of jobs that run alone: what a training leaves there is kept with its record.

Everything here blocks. A folder is written by the author's code, in a container or not, while it is read: so every
step is taken from an open folder, and no link leads out of it, not even one that is put there in the meantime.
"""

from __future__ import annotations

import os
import shutil
import stat
import time
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO

from hotplate.jobs.documents import stamp

MOST_FILES = 10_000
"""A list ends here."""
_OPEN = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_OPEN_FOLDER = _OPEN | os.O_DIRECTORY


class Artifacts:
    """The folder of all of them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, endpoint: str, job_id: str) -> Path:
        """Where a job's are. Ids may be callers' own words, so they are no names of folders."""
        return self._folder / sha256(f"{endpoint}\n{job_id}".encode()).hexdigest()

    def make(self, endpoint: str, job_id: str) -> Path:
        """Make a job's folder. What an earlier attempt left is still there. Raises OSError."""
        path = self.path(endpoint, job_id)
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        return path

    def list(self, endpoint: str, job_id: str) -> list[dict[str, Any]]:
        """The files, by their paths in the folder."""
        root = self.path(endpoint, job_id)
        found: list[dict[str, Any]] = []
        for folder, _, names, at in os.fwalk(root) if root.is_dir() else ():
            for name in names[: MOST_FILES - len(found)]:
                try:
                    facts = os.stat(name, dir_fd=at, follow_symlinks=False)
                except FileNotFoundError:
                    continue  # gone meanwhile
                if stat.S_ISREG(facts.st_mode):
                    path = Path(folder, name).relative_to(root).as_posix().encode("utf-8", "replace").decode()
                    found.append({"path": path, "bytes": facts.st_size, "modified_at": stamp(facts.st_mtime)})
            if len(found) >= MOST_FILES:
                break
        return sorted(found, key=lambda each: each["path"])

    def open(self, endpoint: str, job_id: str, name: str) -> BinaryIO:
        """Open a file for reading. Raises FileNotFoundError for what is none, or leads out of the folder."""
        parts = Path(name).parts
        if not parts or "\0" in name or ".." in parts or parts[0] == "/":
            raise FileNotFoundError(name)
        try:
            fd = _open_below(self.path(endpoint, job_id), parts)
        except OSError:
            raise FileNotFoundError(name) from None
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            os.close(fd)
            raise FileNotFoundError(name)
        return os.fdopen(fd, "rb")

    def forget(self, endpoint: str, job_id: str) -> None:
        """Drop a job's folder."""
        shutil.rmtree(self.path(endpoint, job_id), ignore_errors=True)

    def collect(self, seconds: float, named: set[str]) -> None:
        """Drop the folders of jobs whose record is gone. `named` are those of jobs that there are."""
        before = time.time() - seconds
        if not self._folder.is_dir():
            return
        for path in self._folder.iterdir():
            if path.name not in named and path.stat().st_mtime < before:
                shutil.rmtree(path, ignore_errors=True)


def _open_below(root: Path, parts: tuple[str, ...]) -> int:
    at = os.open(root, _OPEN_FOLDER)
    try:
        for part in parts[:-1]:
            below = os.open(part, _OPEN_FOLDER, dir_fd=at)
            os.close(at)
            at = below
        return os.open(parts[-1], _OPEN, dir_fd=at)
    finally:
        os.close(at)
