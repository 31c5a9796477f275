"""Removes what nothing names any more: revisions, their environments, old resolutions, and what died builds left."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

from hotplate.build import store
from hotplate.build.kept import Kept
from hotplate.build.staging import remove, sweep
from hotplate.deployment import snapshot
from hotplate.deployment.attachment import RECORD
from hotplate.deployment.home import Home
from hotplate.errors import PlatformError

KEEP_S = 3600.0
"""What was built or found within this time stays: it may be on its way into an endpoint."""
KEEP_LOCKS_S = 90 * 86_400.0
_DOOMED = ".removed-"


class Pruned(NamedTuple):
    """What was removed, and how many bytes of the disk that freed."""

    revisions: tuple[str, ...]
    environments: tuple[str, ...]
    freed_bytes: int


def prune(home: Home, named: Collection[str], *, keep_s: float = KEEP_S, now: float | None = None) -> Pruned:
    """Remove every revision that is not among `named`, and every environment that no other revision has.

    What the published snapshot names stays as well, whatever `named` says: the server may be serving it. With a
    snapshot that cannot be read nothing is removed.

    Raises:
        PlatformError: the snapshot cannot be read.
    """
    now = time.time() if now is None else now
    kept = {*named, *_served(home)}
    freed = 0
    for folder in (home.revisions, home.environments):
        sweep(folder)
        for left in folder.glob(f"{_DOOMED}*"):
            remove(left)
    revisions: list[str] = []
    used: set[str] = set()
    for folder in _folders(home.revisions, store.RECORD):
        revision = store.read(home, folder.name)
        removed = None if folder.name in kept else _remove(folder, now - keep_s)
        if removed is None:
            used.add(revision.environment)
        else:
            freed += removed
            revisions.append(folder.name)
    environments: list[str] = []
    for folder in _folders(home.environments, RECORD):
        removed = None if folder.name in used else _remove_unused(home, folder, now - keep_s)
        if removed is not None:
            freed += removed
            environments.append(folder.name)
    freed += Kept(home).drop_unused()
    for lock in (home.environments / "locks").glob("*.json"):
        if now - lock.stat().st_mtime > KEEP_LOCKS_S:
            lock.unlink(missing_ok=True)
    return Pruned(tuple(revisions), tuple(environments), freed)


def _served(home: Home) -> set[str]:
    try:
        found = snapshot.read(home.snapshot)
    except PlatformError as error:
        raise PlatformError(f"Nothing was removed, since it is not known what is served. {error.message}") from error
    return {revision.digest for endpoint in found.endpoints for revision in endpoint.revisions}


def _folders(parent: Path, record: str) -> list[Path]:
    return sorted(folder for folder in parent.glob("*/") if (folder / record).is_file())


def _remove_unused(home: Home, folder: Path, before: float) -> int | None:
    """Remove an environment, unless a build holds it right now."""
    lock = home.environments / f".{folder.name}.lock"
    fd = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return _remove(folder, before)
    except BlockingIOError:
        return None
    finally:
        os.close(fd)


def _remove(folder: Path, before: float) -> int | None:
    """Remove a folder that was not used since `before`, and give the bytes that this freed; None: it stays.

    Its name is taken away first, so nobody finds half of it. A build may have found it at the last moment: then its
    date says so, and it gets its name back. One that comes later finds nothing and builds anew.
    """
    if folder.stat().st_mtime > before:
        return None
    doomed = folder.with_name(f"{_DOOMED}{folder.name}")
    folder.rename(doomed)
    if doomed.stat().st_mtime > before:
        doomed.rename(folder)
        return None
    size = 0
    for place, _, files in os.walk(doomed):
        for file in files:
            facts = os.lstat(os.path.join(place, file))  # noqa: PTH118 - many files
            size += facts.st_blocks * 512 if facts.st_nlink == 1 else 0  # uv's cache still has what is linked
    remove(doomed)
    return size
