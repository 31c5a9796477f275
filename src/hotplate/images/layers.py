"""Writes layers: tar archives that are the same bytes for the same content, wherever and by whomever they are made.

Members are sorted, belong to stated users, have one fixed time and one of two modes. Compression is zlib's, with a
header that tells nothing. Links are only those that the image's own plan makes.
"""

from __future__ import annotations

import hashlib
import os
import stat
import tarfile
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path, PurePath
from typing import BinaryIO, NamedTuple, Protocol

from hotplate.errors import ImageInvalid
from hotplate.images.blobs import Blobs
from hotplate.images.documents import LAYER_GZIP, Descriptor

LEVEL = 6
_CHUNK = 1 << 20
_GZIP = 31  # zlib's word for a gzip header, which then has no name and no time


class Item(NamedTuple):
    """A member of a layer. Its content is a file on this machine, given bytes, or none: a folder or a link."""

    name: str
    kind: bytes
    executable: bool = False
    file: Path | None = None
    data: bytes = b""
    link: str = ""
    owner: int = 0


class Layer(NamedTuple):
    """A layer that was made. `diff_id` is its digest before compression."""

    blob: Descriptor
    diff_id: str


def folder(name: str, owner: int = 0) -> Item:
    """A folder of the image."""
    return Item(_inside(name), tarfile.DIRTYPE, owner=owner)


def text(name: str, data: bytes, *, executable: bool = False) -> Item:
    """A file with given content."""
    return Item(_inside(name), tarfile.REGTYPE, executable, data=data)


def file(name: str, path: Path) -> Item:
    """A file of this machine; executable in the image if it is here. Raises ImageInvalid for what is no plain file."""
    state = path.lstat()
    if not stat.S_ISREG(state.st_mode):
        raise ImageInvalid(f"{path} is no plain file; an image takes plain files and folders.")
    return Item(_inside(name), tarfile.REGTYPE, bool(state.st_mode & stat.S_IXUSR), file=path)


def link(name: str, to: str) -> Item:
    """A symbolic link that the image needs."""
    return Item(_inside(name), tarfile.SYMTYPE, link=to)


def tree(root: Path, at: str, but: Callable[[PurePath], bool] = lambda _path: False) -> Iterable[Item]:
    """Every file and folder below a folder of this machine, as it lies in the image at `at`, unless `but` says no to
    its path in there.

    Raises:
        ImageInvalid: something is no plain file and no folder, or has a name that no path can have.
    """
    yield folder(at)
    for path, folders, files in os.walk(root, followlinks=False):
        here = Path(path)
        below = here.relative_to(root).as_posix()
        prefix = at if below == "." else f"{at}/{below}"
        inside = PurePath(below)
        folders[:] = [name for name in folders if not but(inside / name)]
        for name in folders:
            if (here / name).is_symlink():
                raise ImageInvalid(f"{(here / name)} is a link; an image takes plain files and folders.")
            yield folder(f"{prefix}/{name}")
        for name in files:
            if not but(inside / name):
                yield file(f"{prefix}/{name}", here / name)


def write(items: Iterable[Item], blobs: Blobs) -> Layer:
    """Write a layer. Folders on the way to a member come along."""
    found: dict[str, Item] = {}
    for item in items:
        parts = item.name.split("/")
        for count in range(1, len(parts)):
            above = "/".join(parts[:count])
            found.setdefault(above, Item(above, tarfile.DIRTYPE))
        found[item.name] = item
    with blobs.making() as file:
        packer = _Packer(file)
        for name in sorted(found, key=lambda each: each.split("/")):
            append(packer, found[name])
        digest, diff_id, size = packer.close()
        blobs.name(file, digest)
    return Layer(Descriptor(media_type=LAYER_GZIP, digest=digest, size=size), diff_id)


def append(packer: Sink, item: Item) -> None:
    """Write a member. Raises ImageInvalid when its file changes meanwhile."""
    info = tarfile.TarInfo(item.name)
    info.type = item.kind
    info.mode = 0o755 if item.executable or item.kind == tarfile.DIRTYPE else 0o644
    info.uid = info.gid = item.owner
    info.linkname = item.link
    if item.kind == tarfile.SYMTYPE:
        info.mode = 0o777
    if item.file is None:
        info.size = len(item.data)
        packer.write(info.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape") + _padded(item.data))
        return
    with item.file.open("rb") as source:
        info.size = os.fstat(source.fileno()).st_size
        packer.write(info.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape"))
        left = info.size
        while left and (data := source.read(min(left, _CHUNK))):
            left -= len(data)
            packer.write(data)
        if left or source.read(1):
            raise ImageInvalid(f"{item.file} changed while it was read. Build again.")
        packer.write(b"\0" * (-info.size % tarfile.BLOCKSIZE))


class Sink(Protocol):
    """What a tar archive is written to."""

    def write(self, data: bytes, /) -> object:
        """Take more bytes."""
        ...


class _Packer:
    """Compresses, and hashes both what goes in and what comes out."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._deflate = zlib.compressobj(LEVEL, zlib.DEFLATED, _GZIP)
        self._inner = hashlib.sha256()
        self._outer = hashlib.sha256()
        self._size = 0

    def write(self, data: bytes, /) -> None:
        self._inner.update(data)
        self._out(self._deflate.compress(data))

    def close(self) -> tuple[str, str, int]:
        self.write(b"\0" * (2 * tarfile.BLOCKSIZE))
        self._out(self._deflate.flush())
        return f"sha256:{self._outer.hexdigest()}", f"sha256:{self._inner.hexdigest()}", self._size

    def _out(self, data: bytes) -> None:
        self._outer.update(data)
        self._size += len(data)
        self._file.write(data)


def _padded(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % tarfile.BLOCKSIZE)


def _inside(name: str) -> str:
    """The name of a member: below the image's root, by plain parts alone."""
    parts = name.strip("/").split("/")
    if any(part in ("", ".", "..") or "\0" in part or part.startswith(".wh.") for part in parts):
        raise ImageInvalid(f"{name[:200]!a} cannot be in an image.")
    return "/".join(parts)
