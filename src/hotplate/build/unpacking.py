"""Writes the members of an archive into a fresh folder: plain files and folders, and nothing outside of it.

Each folder on the way is opened without following links, and files are only ever made, so no member can write through
a link or over another one. Counts, sizes and the ratio of what comes out to what went in are limited while bytes flow.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from hotplate.errors import BadArchive, LimitExceeded

MAX_ENTRIES = 10_000
MAX_BYTES = 2 * 1024**3
MAX_RATIO = 100
FREE_BYTES = 1024 * 1024
"""What may come out whatever the ratio: a short text of one letter is no attack."""
MAX_DEPTH = 64
MAX_NAME_BYTES = 1024
MAX_PART_BYTES = 255


class Limits(NamedTuple):
    """What an archive may hold."""

    entries: int = MAX_ENTRIES
    size: int = MAX_BYTES
    ratio: int = MAX_RATIO


class Unpacking:
    """One archive being unpacked. `packed_bytes` is to be kept up to date by who reads it."""

    def __init__(self, root: Path, limits: Limits) -> None:
        root.mkdir(mode=0o700)
        self._root = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        self._limits = limits
        self._entries = 0
        self.written_bytes = 0
        self.packed_bytes: int | None = None
        """What has been read of a compressed archive; None: it is not compressed."""

    def close(self) -> None:
        """Let go of the folder."""
        os.close(self._root)

    def folder(self, name: str) -> None:
        """Make a folder. Raises BadArchive for a name that leads elsewhere."""
        self._count()
        parts = check_name(name)
        if parts:
            os.close(self._enter(parts, name))

    def file(self, name: str, content: Iterable[bytes], *, executable: bool) -> None:
        """Make a file. Raises BadArchive for its name, or if there is one of that name already."""
        self._count()
        parts = check_name(name)
        if not parts:
            raise BadArchive(f"The archive has a file without a name: {name[:100]!r}.")
        folder = self._enter(parts[:-1], name)
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            fd = os.open(parts[-1], flags, 0o700 if executable else 0o600, dir_fd=folder)
        except FileExistsError:
            raise BadArchive(f"The archive has {name[:200]!r} twice.") from None
        finally:
            os.close(folder)
        with os.fdopen(fd, "wb") as file:
            for part in content:
                self.take(len(part))
                file.write(part)

    def take(self, count: int) -> None:
        """Count bytes that came out. Raises LimitExceeded."""
        self.written_bytes += count
        if self.written_bytes > self._limits.size:
            raise LimitExceeded(f"The archive holds more than {self._limits.size >> 20} MiB.")
        if self.packed_bytes is not None:
            allowed = FREE_BYTES + self._limits.ratio * self.packed_bytes
            if self.written_bytes > allowed:
                raise LimitExceeded(f"The archive grows more than {self._limits.ratio} times when it is unpacked.")

    def _count(self) -> None:
        self._entries += 1
        if self._entries > self._limits.entries:
            raise LimitExceeded(f"The archive has more than {self._limits.entries} entries.")

    def _enter(self, parts: tuple[str, ...], name: str) -> int:
        """Open a folder below the root, made where it is missing. The caller closes it."""
        here = os.dup(self._root)
        try:
            for part in parts:
                try:
                    os.mkdir(part, 0o700, dir_fd=here)
                except FileExistsError:
                    pass
                flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
                below = os.open(part, flags, dir_fd=here)
                os.close(here)
                here = below
        except NotADirectoryError:
            os.close(here)
            raise BadArchive(f"The archive has a file where {name[:200]!r} needs a folder.") from None
        except BaseException:
            os.close(here)
            raise
        return here


def check_name(name: str) -> tuple[str, ...]:
    """Give the parts of a member's name.

    Raises:
        BadArchive: it starts at the root, goes upwards, or is no plain text.
    """
    shown = ascii(name[:200])
    try:
        size = len(name.encode())
    except UnicodeEncodeError:
        raise BadArchive(f"The name {shown} in the archive is not UTF-8.") from None
    if size > MAX_NAME_BYTES or "\\" in name or not name.isprintable():
        raise BadArchive(f"The name {shown} in the archive is too long, or is no plain text.")
    if name.startswith("/") or (len(name) > 1 and name[1] == ":"):
        raise BadArchive(f"The name {shown} in the archive does not start in its own folder.")
    parts = tuple(part for part in name.split("/") if part not in ("", "."))
    if ".." in parts:
        raise BadArchive(f"The name {shown} in the archive leads out of its folder.")
    if len(parts) > MAX_DEPTH or any(len(part.encode()) > MAX_PART_BYTES for part in parts):
        raise BadArchive(f"The name {shown} in the archive is too deep, or a part of it too long.")
    return parts
