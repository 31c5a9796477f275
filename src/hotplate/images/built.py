"""Which images lie whole on this machine, made by the builder `oci`: by their tags, for `hotplate push`."""

from __future__ import annotations

import fcntl
import hashlib
import os
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from hotplate.deployment.home import Home, write_whole
from hotplate.images import documents
from hotplate.images.blobs import Blobs
from hotplate.images.documents import Digest
from hotplate.images.reference import Reference


class BuiltImage(msgspec.Struct, frozen=True, kw_only=True):
    """One image. `base_registry` and `base_repository` say where parts of it are already."""

    reference: str
    digest: Digest
    base_registry: str = ""
    base_repository: str = ""


def note(home: Home, image: BuiltImage) -> None:
    """Remember an image, in the place of an earlier one of that name."""
    path = _path(home, image.reference)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_whole(path, msgspec.json.encode(image))


def find(home: Home, reference: Reference) -> BuiltImage | None:
    """The image of a name, if it was built here."""
    return _read(_path(home, str(reference)))


@contextmanager
def using(home: Home) -> Generator[None]:
    """Hold what lies here together as long as this lasts: nothing is swept away under a build or a push."""
    with _locked(home, fcntl.LOCK_SH):
        yield


def sweep(home: Home, *, keep_s: float = 3600.0, now: float | None = None) -> int:
    """Remove parts that no image has that was built last under its name. Gives how many bytes that freed.

    What was made within `keep_s` stays. While somebody builds or pushes, nothing is removed.
    """
    if not home.images.is_dir():
        return 0
    try:
        with _locked(home, fcntl.LOCK_EX | fcntl.LOCK_NB):
            return _sweep(home.images, (time.time() if now is None else now) - keep_s)
    except BlockingIOError:
        return 0


@contextmanager
def _locked(home: Home, how: int) -> Generator[None]:
    home.images.mkdir(mode=0o700, parents=True, exist_ok=True)
    fd = os.open(home.images / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, how)
        yield
    finally:
        os.close(fd)


def _sweep(folder: Path, before: float) -> int:
    blobs = Blobs(folder / "blobs")
    blobs.sweep()
    kept: set[str] = set()
    for path in (folder / "built").glob("*.json"):
        image = _read(path)
        if image is None or not blobs.path(image.digest).is_file():
            path.unlink(missing_ok=True)
            continue
        manifest = documents.read_manifest(blobs.read(image.digest), image.reference)
        kept |= {image.digest, manifest.config.digest, *(layer.digest for layer in manifest.layers)}
    freed = 0
    for path in (folder / "blobs").glob("*"):
        found = path.stat()
        if f"sha256:{path.name}" not in kept and not path.name.startswith(".") and found.st_mtime <= before:
            freed += found.st_size
            path.unlink()
    return freed


def _path(home: Home, reference: str) -> Path:
    return home.images / "built" / f"{hashlib.sha256(reference.encode()).hexdigest()}.json"


def _read(path: Path) -> BuiltImage | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=BuiltImage)
    except (FileNotFoundError, msgspec.DecodeError):
        return None
