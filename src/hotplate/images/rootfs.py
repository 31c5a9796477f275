"""Finds in the layers of a base image, without running or unpacking it, what packages for it depend on: which Python
it has, where, and which C library.

Only headers of the layers' archives are read, and the C library's own text that names its version.
"""

from __future__ import annotations

import hashlib
import posixpath
import re
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

import msgspec

from hotplate.build import tar
from hotplate.errors import BadArchive, ImageInvalid
from hotplate.images.documents import LAYER, LAYERS

MAX_ENTRIES = 2_000_000
MAX_BYTES = 128 * 1024**3
MAX_LINKS = 40
_MAX_LIBRARY = 16 * 1024 * 1024
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_CHUNK = 1 << 20

_INTERESTING = re.compile(
    r"(?:.*/)?(?:bin/python3(?:\.\d+)?|lib\d*/python3\.\d+/os\.py|libc\.so\.6|libc-2\.\d+\.so|ld-musl-[\w]+\.so\.1)"
)
_GLIBC = re.compile(rb"GNU C Library[^\n]{0,80} version (2\.\d{1,3})")


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What a base image has. `libc` is `glibc 2.36`, `musl`, or empty where it is not known."""

    python: str
    executable: str
    libc: str


class Rootfs:
    """The files of an image that matter here, layer upon layer."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._links: dict[str, str] = {}
        self._files: dict[str, str] = {}  # of a C library: its version
        self._entries = 0
        self.packed_bytes: int | None = None

    def add(self, layer: Path, media_type: str, diff_id: str) -> None:
        """Put a layer on top.

        Raises:
            ImageInvalid: it is no tar archive, or another one than the configuration names.
        """
        with layer.open("rb") as file:
            plain = LAYERS[media_type] == LAYER
            source = _Counted(file if plain else tar.Gunzip(file, self))
            try:
                for member, content in tar.members(source, self._taken):
                    self._member(member, content)
                source.drain()
            except BadArchive as error:
                raise ImageInvalid(f"A layer of {self._where} cannot be read: {error.message}") from None
        if f"sha256:{source.digest.hexdigest()}" != diff_id:
            raise ImageInvalid(f"A layer of {self._where} unpacks to other bytes than its configuration names.")

    def find(self, variables: Iterable[str]) -> Found:
        """The Python that `python3` means in the image. Raises ImageInvalid when it has none."""
        path = next((each[5:] for each in variables if each.startswith("PATH=")), _PATH)
        for folder in path.split(":"):
            executable = self._real(f"{folder}/python3") if folder.startswith("/") else ""
            if executable in self._files:
                version = self._version(executable)
                return Found(python=version, executable=f"/{executable}", libc=self._libc())
        raise ImageInvalid(
            f"The base image {self._where} has no `python3` on its PATH. Choose one that has, such as python:3.12-slim."
        )

    def _version(self, executable: str) -> str:
        if found := re.search(r"/python(3\.\d+)\Z", executable):
            return found[1]
        prefix = posixpath.dirname(posixpath.dirname(executable))
        for name in sorted(self._files):
            if found := re.fullmatch(rf"{re.escape(prefix)}/lib\d*/python(3\.\d+)/os\.py", name):
                return found[1]
        raise ImageInvalid(f"It cannot be told which Python /{executable} of {self._where} is.")

    def _libc(self) -> str:
        versions: set[tuple[int, int]] = set()
        for name, version in self._files.items():
            if posixpath.basename(name).startswith("ld-musl-"):
                return "musl"
            if version:
                major, _, minor = version.partition(".")
                versions.add((int(major), int(minor)))
        return "glibc {}.{}".format(*min(versions)) if versions else ""

    def _member(self, member: tar.Member, content: Iterable[bytes]) -> None:
        self._entries += 1
        if self._entries > MAX_ENTRIES:
            raise ImageInvalid(f"The image {self._where} has more than {MAX_ENTRIES:,} files.")
        name = posixpath.normpath(member.name.lstrip("/"))
        if name == ".":
            return
        if name.startswith("../") or name == "..":
            raise ImageInvalid(f"A layer of {self._where} has a member that leads out of it: {member.name[:100]!a}.")
        folder, last = posixpath.split(name)
        if last == ".wh..wh..opq":
            self._forget(folder, itself=False)
            return
        if last.startswith(".wh."):
            self._forget(posixpath.join(folder, last[4:]), itself=True)
            return
        if member.is_link or member.kind == b"1":
            self._files.pop(name, None)
            self._links[name] = member.link if member.is_link else f"/{member.link.lstrip('/')}"
        elif member.is_file:
            self._links.pop(name, None)
            if _INTERESTING.fullmatch(name):
                self._files[name] = _libc_version(last, member.size, content)
        elif member.is_folder:
            self._links.pop(name, None)

    def _forget(self, name: str, *, itself: bool) -> None:
        for known in (self._links, self._files):
            for each in [each for each in known if each.startswith(f"{name}/") or (itself and each == name)]:
                del known[each]

    def _real(self, path: str) -> str:
        """Where a path leads when every link is followed, without its first `/`."""
        left = [part for part in path.split("/") if part]
        here: list[str] = []
        count = 0
        while left:
            part = left.pop(0)
            if part == "..":
                here = here[:-1]
                continue
            if part == ".":
                continue
            here.append(part)
            to = self._links.get("/".join(here))
            if to is not None:
                count += 1
                if count > MAX_LINKS:
                    return ""
                here = [] if to.startswith("/") else here[:-1]
                left = [each for each in to.split("/") if each] + left
        return "/".join(here)

    def _taken(self, count: int) -> None:
        del count  # each extended header is small, and they count as entries do


class _Counted:
    """Hashes what is read of a layer, and ends it where it is too long."""

    def __init__(self, source: BinaryIO | tar.Gunzip) -> None:
        self._source = source
        self._size = 0
        self.digest = hashlib.sha256()

    def read(self, size: int, /) -> bytes:
        data = self._source.read(size)
        self._size += len(data)
        if self._size > MAX_BYTES:
            raise BadArchive(f"It holds more than {MAX_BYTES >> 30} GiB.")
        self.digest.update(data)
        return data

    def drain(self) -> None:
        while self.read(_CHUNK):
            pass


def _libc_version(name: str, size: int, content: Iterable[bytes]) -> str:
    if found := re.fullmatch(r"libc-(2\.\d+)\.so", name):
        return found[1]
    if name != "libc.so.6" or size > _MAX_LIBRARY:
        return ""
    found_text = _GLIBC.search(b"".join(content))
    return found_text[1].decode() if found_text else ""
