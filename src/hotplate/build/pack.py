"""A project's files as one archive, to be built on another machine: what its ignore rules leave, and nothing else."""

from __future__ import annotations

import tarfile
from pathlib import Path
from typing import BinaryIO

from hotplate.build.bundle import Bundle

MOMENT = 0
"""The time of every member, so that the same files are the same archive."""


def pack(bundle: Bundle, to: BinaryIO) -> None:
    """Write a `.tar.gz` with the files as they are now; links are what they lead to. Raises OSError."""
    with tarfile.open(fileobj=to, mode="w:gz", format=tarfile.PAX_FORMAT, compresslevel=5) as archive:
        for entry in bundle.entries:
            _add(archive, entry.name, entry.path, executable=entry.executable)


def _add(archive: tarfile.TarFile, name: str, path: Path, *, executable: bool) -> None:
    with path.open("rb") as file:
        member = tarfile.TarInfo(name)
        member.size = path.stat().st_size
        member.mode = 0o755 if executable else 0o644
        member.mtime = MOMENT
        archive.addfile(member, file)
