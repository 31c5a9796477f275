"""Volumes: folders under HOTPLATE_HOME/volumes that replicas find as a path. Names and paths cannot leave them.

Every path is walked folder by folder with O_NOFOLLOW from the volume's own descriptor, since whoever writes a volume
(a model's code) can put links there at any time, also between a check and its use.
"""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
import stat
from collections.abc import AsyncGenerator, Generator
from contextlib import ExitStack, contextmanager
from typing import Any

from hotplate.control.plane import Caller, Plane
from hotplate.control.publication import endpoint_settings
from hotplate.control.settings import refused
from hotplate.deployment.names import check_volume
from hotplate.errors import Conflict, InvalidInput, LimitExceeded, NotFound

MAX_VOLUMES = 2000
MAX_PATH = 1024
MAX_DEPTH = 64
MAX_LISTED = 10_000
MAX_FILE_BYTES = 64 << 30
PIECE_BYTES = 1 << 20

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def create_volume(plane: Plane, caller: Caller, name: str) -> dict[str, Any]:
    """Make an empty volume."""
    check_volume(name)
    with plane.change(caller, "volume.create", name) as now:
        row = plane.database.row("SELECT count(*), count(CASE WHEN name = ? THEN 1 END) FROM volumes", (name,))
        if row and row[1]:
            raise Conflict(f"The volume {name} is there already.")
        if row and row[0] >= MAX_VOLUMES:
            raise refused("name", f"There are {MAX_VOLUMES} volumes already.")
        plane.database.run("INSERT INTO volumes VALUES (?, ?)", (name, now))
        (plane.home.volumes / name).mkdir(mode=0o700, parents=True, exist_ok=True)
    return get_volume(plane, name)


def list_volumes(plane: Plane) -> list[dict[str, Any]]:
    """Every volume."""
    users: dict[str, list[str]] = {}
    for endpoint, settings in endpoint_settings(plane.database):
        users.setdefault(settings.volume, []).append(endpoint)
    rows = plane.database.rows("SELECT name, created_at FROM volumes ORDER BY name")
    return [{**dict(row), "endpoints": users.get(row["name"], [])} for row in rows]


def get_volume(plane: Plane, name: str) -> dict[str, Any]:
    """One volume."""
    row = plane.database.row("SELECT name, created_at FROM volumes WHERE name = ?", (name,))
    if row is None:
        raise NotFound(f"There is no volume {name[:70]!r}. `hotplate volume create` makes one.")
    return {**dict(row), "endpoints": used_by(plane, name)}


def delete_volume(plane: Plane, caller: Caller, name: str) -> dict[str, Any]:
    """Delete a volume that no endpoint names, with all that is in it."""
    get_volume(plane, name)
    with plane.change(caller, "volume.delete", name):
        if users := used_by(plane, name):
            raise Conflict(f"The volume {name} is used by {', '.join(users)}. Take it from them first.")
        plane.database.run("DELETE FROM volumes WHERE name = ?", (name,))
    shutil.rmtree(plane.home.volumes / name, ignore_errors=True)  # does not follow links
    return {"message": f"Volume {name} is deleted."}


def used_by(plane: Plane, name: str) -> list[str]:
    """The endpoints that name a volume."""
    return [endpoint for endpoint, settings in endpoint_settings(plane.database) if settings.volume == name]


def list_files(plane: Plane, name: str, path: str) -> list[dict[str, Any]]:
    """What is in a folder of a volume. Links are named and not followed."""
    found: list[dict[str, Any]] = []
    with _folder(plane, name, split_path(path)) as folder, os.scandir(folder) as entries:
        for entry in entries:
            about = entry.stat(follow_symlinks=False)
            kind = "folder" if stat.S_ISDIR(about.st_mode) else "file" if stat.S_ISREG(about.st_mode) else "other"
            found.append({"name": entry.name, "kind": kind, "size": about.st_size, "modified_at": about.st_mtime})
            if len(found) >= MAX_LISTED:
                break
    return sorted(found, key=lambda each: each["name"])


@contextmanager
def open_file(plane: Plane, name: str, path: str) -> Generator[int]:
    """A file of a volume, as a descriptor to read from."""
    *parents, last = split_path(path) or [""]
    with _folder(plane, name, parents) as folder:
        # Without O_NONBLOCK a pipe that a model made would hold this process.
        fd = _open(last, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, folder)
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise InvalidInput(f"{path!r} is no file.")
        yield fd
    finally:
        os.close(fd)


async def stream_file(plane: Plane, name: str, path: str) -> tuple[int, AsyncGenerator[bytes]]:
    """A file's size, and its pieces: so much of it as there was, even where it grows meanwhile."""
    with ExitStack() as opened:
        fd = await asyncio.to_thread(opened.enter_context, open_file(plane, name, path))
        size = os.fstat(fd).st_size
        keep = opened.pop_all()

    async def pieces() -> AsyncGenerator[bytes]:
        left = size
        with keep:
            while left > 0 and (piece := await asyncio.to_thread(os.read, fd, min(PIECE_BYTES, left))):
                left -= len(piece)
                yield piece

    return size, pieces()


class Upload:
    """A file on its way into a volume: beside its place until it is whole."""

    def __init__(self, plane: Plane, name: str, path: str) -> None:
        parts = split_path(path)
        if not parts:
            raise refused("path", "names no file.")
        *parents, self._last = parts
        with _folder(plane, name, parents, make=True) as folder:
            self._folder = os.dup(folder)
        self._beside = f".{self._last[:200]}.{os.urandom(6).hex()}"
        self._size = 0
        try:
            self._fd = _open(self._beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, self._folder, 0o600)
        except BaseException:
            os.close(self._folder)
            raise

    def write(self, data: bytes) -> None:
        """Take a piece."""
        self._size += len(data)
        if self._size > MAX_FILE_BYTES:
            raise LimitExceeded(f"A file of a volume may have {MAX_FILE_BYTES >> 30} GiB.")
        view = memoryview(data)
        while view:
            view = view[os.write(self._fd, view) :]

    def keep(self) -> int:
        """Put the whole file in its place and give its size."""
        os.fsync(self._fd)
        try:
            os.rename(self._beside, self._last, src_dir_fd=self._folder, dst_dir_fd=self._folder)
        except OSError as error:
            raise _told(error, self._last) from None
        return self._size

    def close(self) -> None:
        """End. What was not kept is gone."""
        os.close(self._fd)
        try:
            os.unlink(self._beside, dir_fd=self._folder)
        except FileNotFoundError:
            pass
        os.close(self._folder)


def remove_file(plane: Plane, caller: Caller, name: str, path: str, *, recursive: bool) -> dict[str, Any]:
    """Remove a file, or with `recursive` a folder and what is in it."""
    parts = split_path(path)
    if not parts:
        raise refused("path", "names the volume itself; `hotplate volume rm` without a path deletes it.")
    with plane.change(caller, "volume.rm", name, path), _folder(plane, name, parts[:-1]) as folder:
        try:
            about = os.stat(parts[-1], dir_fd=folder, follow_symlinks=False)
            if not stat.S_ISDIR(about.st_mode):
                os.unlink(parts[-1], dir_fd=folder)
            elif recursive:
                shutil.rmtree(parts[-1], dir_fd=folder)
            else:
                os.rmdir(parts[-1], dir_fd=folder)
        except OSError as error:
            raise _told(error, path) from None
    return {"message": f"{path} is removed."}


def split_path(path: str) -> list[str]:
    """The parts of a path inside a volume; none for the volume itself. Raises InvalidInput for what could leave it."""
    if len(path) > MAX_PATH or "\0" in path or "\\" in path or not path.isprintable():
        raise refused("path", "must be up to 1024 printable characters, with `/` between folders.")
    if "\ufffd" in path:  # what a query's decoder puts where bytes were no UTF-8
        raise refused("path", "is not Unicode text.")
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if ".." in parts or len(parts) > MAX_DEPTH or any(len(part.encode()) > 255 for part in parts):
        raise refused("path", f"must lie in the volume: no `..`, at most {MAX_DEPTH} folders.")
    return parts


@contextmanager
def _folder(plane: Plane, name: str, parts: list[str], *, make: bool = False) -> Generator[int]:
    check_volume(name)
    get_volume(plane, name)
    fd = os.open(plane.home.volumes / name, _FOLDER)
    try:
        for part in parts:
            if make:
                try:
                    os.mkdir(part, 0o700, dir_fd=fd)
                except FileExistsError:
                    pass
            below = _open(part, _FOLDER, fd)
            os.close(fd)
            fd = below
        yield fd
    finally:
        os.close(fd)


def _open(name: str, flags: int, folder: int, mode: int = 0) -> int:
    try:
        return os.open(name or ".", flags, mode, dir_fd=folder)
    except OSError as error:
        raise _told(error, name) from None


def _told(error: OSError, path: str) -> Exception:
    if error.errno in (errno.ENOENT, errno.ENXIO):
        return NotFound(f"There is nothing at {path!r} in the volume.")
    if error.errno in (errno.ELOOP, errno.ENOTDIR, errno.EISDIR):
        return InvalidInput(f"{path!r} is a link, or of another kind than it is used as.")
    if error.errno == errno.ENOTEMPTY:
        return Conflict(f"The folder {path!r} is not empty. Remove it with all that is in it by --recursive.")
    if error.errno in (errno.EEXIST, errno.EACCES, errno.EPERM, errno.ENAMETOOLONG):
        return InvalidInput(f"{path!r}: {error.strerror}.")
    return error
