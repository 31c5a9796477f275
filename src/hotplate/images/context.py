"""What an engine's builder is sent: the Dockerfile and all that it copies, as one tar that is written as it is read.

Names, modes, owners and times are fixed, so the same revision is the same tar wherever it is built, and the engine
finds its layers again.
"""

from __future__ import annotations

import io
import stat
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path, PurePath
from typing import IO

from hotplate.images.dockerfile import OURS
from hotplate.images.plan import HOME, PROJECT, VOLUME, ImagePlan, is_cache, is_left_out

SHIMS_LINE = b"hotplate/compat/shims\n"
OCTOAI = "app"
"""Where OctoAI's own Dockerfiles found the project: those that people had edited still say so."""


def write(target: IO[bytes], plan: ImagePlan, dockerfile: str, uv: Path | None, *, own: bool) -> None:
    """Write the tar. `own` says that the Dockerfile is the project's: it may also want the files where they are for a
    plain `docker build`."""
    with tarfile.open(fileobj=target, mode="w|", format=tarfile.PAX_FORMAT) as tar:
        context = _Context(tar)
        if own:
            context.tree(
                plan.files,
                "",
                # What a .dockerignore leaves out is not in the revision.
                lambda path: is_cache(path) or path.parts[0] in ("Dockerfile", ".dockerignore", OURS),
            )
            if f"{OCTOAI}/" in dockerfile and not (plan.files / OCTOAI).exists():
                context.tree(plan.files, OCTOAI, is_cache)
        if dockerfile:
            context.text("Dockerfile", dockerfile.encode())
        for path in (HOME, VOLUME):
            context.folder(f"{OURS}/home/{path.removeprefix(PROJECT + '/')}")
        for name, packages in (("server", plan.server), ("project", plan.project)):
            for number, lock in enumerate(packages.lock if packages else ()):
                context.text(f"{OURS}/pylock.{name}-{number}.toml", lock.encode())
        context.text(f"{OURS}/image.json", plan.record)
        context.text(f"{OURS}/shims.pth", SHIMS_LINE)
        if plan.certificates is not None:
            context.file(plan.certificates, f"{OURS}/certificates.crt")
        if uv is not None:
            context.file(uv, f"{OURS}/uv", executable=True)
        context.tree(plan.hotplate, f"{OURS}/hotplate", is_left_out)
        context.tree(plan.files, f"{OURS}/files", is_cache)


class _Context:
    """A tar being written. Folders come before what lies in them, each once."""

    def __init__(self, tar: tarfile.TarFile) -> None:
        self.tar = tar
        self.folders: set[str] = set()

    def tree(self, root: Path, to: str, but: Callable[[PurePath], bool] = lambda _path: False) -> None:
        """Every plain file of a folder, unless `but` says no to its path in there; links and what else there is stay
        out. Empty folders too."""
        if to:
            self.folder(to)
        for path in _files(root):
            inside = path.relative_to(root)
            if not but(inside):
                self.file(path, f"{to}/{inside.as_posix()}" if to else inside.as_posix())

    def folder(self, name: str) -> None:
        if not name or name in self.folders:
            return
        self.folder(name.rpartition("/")[0])
        self.folders.add(name)
        self.tar.addfile(_entry(name, tarfile.DIRTYPE, 0o755))

    def text(self, name: str, data: bytes) -> None:
        if name in self.folders:
            return
        self.folders.add(name)
        self.folder(name.rpartition("/")[0])
        entry = _entry(name, tarfile.REGTYPE, 0o644)
        entry.size = len(data)
        self.tar.addfile(entry, io.BytesIO(data))

    def file(self, path: Path, name: str, *, executable: bool = False) -> None:
        self.folder(name.rpartition("/")[0])
        with path.open("rb") as file:
            found = path.stat()
            entry = _entry(name, tarfile.REGTYPE, 0o755 if executable or found.st_mode & stat.S_IXUSR else 0o644)
            entry.size = found.st_size
            self.tar.addfile(entry, file)


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.is_dir() and not path.is_symlink():
            yield from _files(path)
        elif path.is_file() and not path.is_symlink():
            yield path


def _entry(name: str, kind: bytes, mode: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type = kind
    entry.mode = mode
    return entry
