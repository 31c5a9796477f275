"""A revision as it is carried to another machine: a list of its files and what its environment is made from.

The files are the same there, byte by byte. The environment is not carried but made anew from its lock, by the machine
that needs it: it is full of paths, and its packages are quickly had from an index or a cache.
"""

from __future__ import annotations

import hashlib
import os
import stat
import sys
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

import msgspec
from msgspec import structs

from hotplate.build import environment, interpreter, store
from hotplate.build.environment import Recipe
from hotplate.build.interpreter import Interpreter
from hotplate.build.kept import Kept
from hotplate.build.lock import Lock
from hotplate.build.staging import Staging, keep_fresh, remove
from hotplate.deployment.attachment import RECORD
from hotplate.deployment.home import Home
from hotplate.deployment.records import Revision
from hotplate.errors import PackagesRefused, ProjectError

FORMAT = 1
CHUNK = 1 << 20
CACHES = "__pycache__"
"""What Python leaves beside the files when they are run; no revision is made with them."""

Read = Callable[[str], Iterator[bytes]]
"""Give the content of a file by its digest."""


class Carried(msgspec.Struct, frozen=True, kw_only=True):
    """One file. `digest` is the SHA-256 of its content."""

    name: str
    executable: bool
    size: int
    digest: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that another machine has to know. `python` is the version that the environment has."""

    format: int = FORMAT
    revision: Revision
    files: tuple[Carried, ...]
    lock: Lock | None = None
    python: str = ""


def manifest_of(home: Home, digest: str) -> Manifest:
    """Describe a revision of this home. Raises ProjectError, PackagesRefused."""
    revision = store.read(home, digest)
    root = Path(revision.root)
    files = tuple(_files(root)) if root.is_dir() else ()
    if not revision.environment:
        return Manifest(revision=revision, files=files)
    record = environment.path_of(home, revision.environment) / RECORD
    python = msgspec.json.decode(record.read_bytes(), type=environment.Record).python
    return Manifest(revision=revision, files=files, lock=environment.lock_of(home, revision.environment), python=python)


def _files(root: Path) -> Iterator[Carried]:
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if name != CACHES)
        for name in sorted(names):
            path = Path(folder, name)
            facts = path.lstat()
            if stat.S_ISREG(facts.st_mode):
                executable = bool(facts.st_mode & stat.S_IXUSR)
                yield Carried(
                    name=path.relative_to(root).as_posix(),
                    executable=executable,
                    size=facts.st_size,
                    digest=digest_of(path),
                )


def digest_of(path: Path) -> str:
    """The SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def restore(home: Home, manifest: Manifest, read: Read) -> None:
    """Make a revision of another machine's here, as a build would have.

    Raises:
        ProjectError: a file is not what the list says. PackagesRefused: its environment cannot be made here.
        Unavailable: the disk is full, or the package index away.
    """
    revision = manifest.revision
    target = store.path_of(home, revision.digest)
    if manifest.format != FORMAT:
        raise ProjectError(f"The revision {revision.digest[:12]} was shared by a newer Hotplate.")
    if store.find(home, revision.digest) is not None and keep_fresh(target):
        return
    with Staging(home.revisions) as staging:
        files = staging.path / store.FILES
        files.mkdir(mode=0o755)
        for each in manifest.files:
            _write(home, files, each, read)
        python = _environment(home, manifest, files, staging.path)
        store.write(staging.path, structs.replace(revision, root=str(target / store.FILES), python=python))
        if not staging.rename(target) and store.find(home, revision.digest) is None:
            remove(target)  # its environment was lost
            staging.rename(target)


def _write(home: Home, files: Path, each: Carried, read: Read) -> None:
    parts = PurePosixPath(each.name).parts
    if not parts or ".." in parts or parts[0] == "/" or "\0" in each.name:
        raise ProjectError(f"The shared revision names a file {each.name[:100]!r}, which is none of a project.")
    path = files.joinpath(*parts)
    path.parent.mkdir(parents=True, exist_ok=True)
    kept = Kept(home)
    if kept.give(each.digest, each.size, executable=each.executable, to=path):
        return
    mode = 0o500 if each.executable else 0o400
    digest = hashlib.sha256()
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode), "wb") as file:
        for part in read(each.digest):
            digest.update(part)
            file.write(part)
    if digest.hexdigest() != each.digest:
        raise ProjectError("The shared file is not what was built.", file=each.name, hint="Deploy the revision again.")
    kept.take(each.digest, each.size, executable=each.executable, path=path)


def _environment(home: Home, manifest: Manifest, files: Path, staging: Path) -> str:
    """Make the environment, and give its interpreter."""
    digest = manifest.revision.environment
    if not digest or manifest.lock is None:
        return sys.executable
    listed = sorted((each.name, each.executable, each.digest) for each in manifest.files)
    bundle = hashlib.sha256(msgspec.json.encode(listed)).hexdigest()
    for found in _pythons(manifest.python):
        for more in ([], [bundle]):
            if manifest.lock.digest(found, more) == digest:
                workspace = _copy(files, staging / "workspace", manifest) if more else None
                recipe = Recipe(digest, manifest.lock, found, (), workspace)
                python = environment.ensure(home, recipe, lambda: None)
                if workspace is not None:
                    remove(workspace)
                return str(python)
    raise PackagesRefused(
        f"The environment of {manifest.revision.digest[:12]} cannot be made here: it is for another platform or "
        f"Python ({manifest.python}), or scripts of the project's made it.",
        hint="Build the project on this machine too: hotplate build.",
    )


def _pythons(version: str) -> Iterator[Interpreter]:
    yield interpreter.find(None)
    yield interpreter.find(".".join(version.split(".")[:2]))


def _copy(files: Path, to: Path, manifest: Manifest) -> Path:
    """The files once more, to be written to, for packages that lie in the project."""
    for each in manifest.files:
        path = to / each.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes((files / each.name).read_bytes())
        path.chmod(0o700 if each.executable else 0o600)
    return to
