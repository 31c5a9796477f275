"""Revisions on disk: one folder per digest, with `revision.json` and `files/`. Written once, as a whole."""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec
from msgspec import structs

from hotplate.build import environment
from hotplate.deployment.home import Home, write_whole
from hotplate.deployment.records import Revision
from hotplate.errors import ProjectError

RECORD = "revision.json"
FILES = "files"


def path_of(home: Home, digest: str) -> Path:
    """Where a revision lies, there or not."""
    return home.revisions / digest


def read(home: Home, digest: str) -> Revision:
    """Read a revision. Where it lies and its interpreter are filled in anew: the home may have been moved.

    Raises:
        ProjectError: there is none of that digest.
    """
    folder = path_of(home, digest)
    try:
        found = msgspec.json.decode((folder / RECORD).read_bytes(), type=Revision)
    except (FileNotFoundError, NotADirectoryError):
        raise ProjectError(f"There is no revision {digest[:12]}.", hint="hotplate build makes one.") from None
    if found.image:  # both are places in the image
        return found
    python = str(environment.python_of(home, found.environment)) if found.environment else sys.executable
    return structs.replace(found, root=str(folder / FILES), python=python)


def find(home: Home, digest: str) -> Revision | None:
    """Read a revision, if it is there and its environment too."""
    if not (path_of(home, digest) / RECORD).is_file():
        return None
    found = read(home, digest)
    return found if found.image or not found.environment or environment.is_whole(home, found.environment) else None


def every(home: Home) -> list[Revision]:
    """Every revision on this machine, the newest first."""
    folders = [folder for folder in home.revisions.glob("*/") if (folder / RECORD).is_file()]
    folders.sort(key=lambda folder: (folder / RECORD).stat().st_mtime, reverse=True)
    return [read(home, folder.name) for folder in folders]


def write(folder: Path, revision: Revision) -> None:
    """Write a revision's record into its folder, the last thing before it gets its name."""
    write_whole(folder / RECORD, msgspec.json.format(msgspec.json.encode(revision)))
