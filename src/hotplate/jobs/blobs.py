"""Large inputs and results, one file each, named by their SHA-256: written whole, flushed, then renamed into place.

A folder of this machine keeps them (`Blobs`), or a bucket that several hosts share (`s3.py`).

So a row never names a file that is not all there, and equal inputs are kept once. Files that no row names are
dropped by `collect`, after an hour: an input is written before its row.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from hotplate.jobs.retention import Retention

INLINE_BYTES = 256 * 1024
"""What is larger goes to a file; smaller ones stay in the database."""

GRACE_S = 3600.0


class BlobStore(Protocol):
    """Where blobs are kept. Every method blocks; none is called on the loop. `shared`: other hosts find them too."""

    shared: bool

    def put(self, data: bytes | memoryview) -> str:
        """Keep bytes and give their name, when they are safe. Raises OSError, with a text that callers may read."""
        ...

    def get(self, name: str) -> bytes:
        """Give the bytes. Raises FileNotFoundError when they are gone, another OSError when they cannot be had now."""
        ...

    def collect(self, named: set[str]) -> int:
        """Drop what nothing names and what is old enough. Gives how many."""
        ...


def open_blobs(
    url: str | None, folder: Path, name: str, retention: Retention, warn: Callable[[str], None]
) -> BlobStore:
    """The blobs of one store of jobs: in a bucket where the setting `jobs_blobs` names one, else in `folder`.

    `name` is a name of the store that no other one in the bucket has. Raises OSError, MissingExtra, SettingError.
    """
    if url is None:
        return Blobs(folder)
    from hotplate.jobs.places import read_bucket
    from hotplate.jobs.s3 import S3Blobs

    bucket, prefix = read_bucket(url)
    return S3Blobs(bucket, f"{prefix}{name}/", keep_s=8 * retention.rows_s, warn=warn)


class Blobs:
    """A folder of files named by their content."""

    shared = False

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def put(self, data: bytes | memoryview) -> str:
        """Keep bytes and give their name, when they are on disk. Raises OSError when there is no room."""
        name = hashlib.sha256(data).hexdigest()
        path = self._folder / part_of(name)
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
        return (self._folder / part_of(name)).read_bytes()

    def collect(self, named: set[str]) -> int:
        """Drop files that nothing names and that are old enough. Gives how many."""
        dropped = 0
        before = time.time() - GRACE_S
        for path in self._folder.glob("*/*"):
            if path.name not in named and path.stat().st_mtime < before:
                path.unlink(missing_ok=True)
                dropped += 1
        return dropped


def part_of(name: str) -> str:
    """Where a blob lies below its folder."""
    if len(name) != 64 or not name.isalnum():
        raise ValueError("not a name of a blob")
    return f"{name[:2]}/{name}"


def _flush_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
