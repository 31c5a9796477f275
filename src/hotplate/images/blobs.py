"""Parts of images on this machine, each under the digest of its content: layers, configurations, manifests.

Nothing gets its name before its bytes were counted and hashed, so what is there is what it is called.
"""

from __future__ import annotations

import hashlib
import os
import uuid
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from hotplate.errors import ImageInvalid
from hotplate.images.documents import MAX_DOCUMENT, Descriptor, check_digest, digest_of

_CHUNK = 1 << 20
_MAKING = ".making-"


class Blobs:
    """A folder of blobs. Safe for several processes at once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, digest: str) -> Path:
        """Where a blob lies, there or not."""
        return self.folder / check_digest(digest).removeprefix("sha256:")

    def has(self, part: Descriptor) -> bool:
        """Whether a blob is there as a whole."""
        try:
            return self.path(part.digest).stat().st_size == part.size
        except FileNotFoundError:
            return False

    def read(self, digest: str) -> bytes:
        """A document. Raises ImageInvalid when it is not there."""
        try:
            with self.path(digest).open("rb") as file:
                data = file.read(MAX_DOCUMENT + 1)
        except FileNotFoundError:
            raise ImageInvalid(f"The image's part {digest[:19]} is not on this machine. Build it again.") from None
        if digest_of(data) != digest:
            raise ImageInvalid(f"The image's part {digest[:19]} is damaged on this machine: {self.path(digest)}")
        return data

    def take(self, part: Descriptor, content: Iterable[bytes], where: str) -> None:
        """Keep a blob that comes from `where`. It is checked while it flows, and no byte more is taken than stated.

        Raises:
            ImageInvalid: its size or its digest is another one.
        """
        with self.making() as file:
            digest = hashlib.sha256()
            size = 0
            for data in content:
                size += len(data)
                if size > part.size:
                    raise ImageInvalid(f"{where} sends more than the {part.size:,} bytes of {part.digest[:19]}.")
                digest.update(data)
                file.write(data)
            if size < part.size:
                text = f"{where} sends {size:,} bytes of {part.digest[:19]}, which has {part.size:,}."
                raise ImageInvalid(text)
            if f"sha256:{digest.hexdigest()}" != part.digest:
                raise ImageInvalid(f"{where} sends other bytes than {part.digest[:19]}: their digest is wrong.")
            self.name(file, part.digest)

    def put(self, data: bytes) -> str:
        """Keep a document and give its digest."""
        digest = digest_of(data)
        if not self.path(digest).exists():
            with self.making() as file:
                file.write(data)
                self.name(file, digest)
        return digest

    @contextmanager
    def making(self) -> Generator[BinaryIO]:
        """A new file, gone at the end unless `name` gave it its digest as a name."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self.folder / f"{_MAKING}{os.getpid()}-{uuid.uuid4().hex}"
        try:
            with path.open("xb") as file:
                yield file
        finally:
            path.unlink(missing_ok=True)

    def name(self, file: BinaryIO, digest: str) -> Path:
        """Give a file of `making` its name, when it is on the disk."""
        file.flush()
        os.fsync(file.fileno())
        target = self.path(digest)
        return Path(file.name).replace(target)  # a reader sees no half of it; of two makers, the later one's stays

    def sweep(self) -> None:
        """Remove what processes that died left half made."""
        for path in self.folder.glob(f"{_MAKING}*"):
            pid = path.name.removeprefix(_MAKING).partition("-")[0]
            if not pid.isdigit() or not Path("/proc", pid).exists():
                path.unlink(missing_ok=True)


def parts(path: Path) -> Generator[bytes]:
    """A file piece by piece."""
    with path.open("rb") as file:
        while data := file.read(_CHUNK):
            yield data
