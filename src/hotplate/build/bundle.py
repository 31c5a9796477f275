"""A project's files, as they go into a revision: which ones, their content's digest, and copying them.

The digest depends on names, contents and the executable bit alone; not on where the project lies, on its dates or on
who owns it.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from hotplate.build.ignore import Rules, Verdict
from hotplate.build.ignore_rules import OWN, is_private, rules_of
from hotplate.build.kept import LARGE_BYTES, Kept
from hotplate.build.staging import remove
from hotplate.errors import ProjectError

MAX_FILES = 50_000
MAX_BYTES = 20 * 1024**3
MAX_DEPTH = 64
MAX_NAME_BYTES = 1024
_CHUNK = 1 << 20


class Limits(NamedTuple):
    """How much a project may hold."""

    files: int = MAX_FILES
    size: int = MAX_BYTES


class Entry(NamedTuple):
    """One file: its name in the bundle, where it lies now, and what it holds."""

    name: str
    path: Path
    executable: bool
    size: int
    digest: str


class Bundle(NamedTuple):
    """The files of a project. `private` are those that stay out since they look like keys or passwords."""

    root: Path
    digest: str
    entries: tuple[Entry, ...]
    private: tuple[str, ...]
    size: int


def collect(root: Path, dialect: str, limits: Limits | None = None) -> Bundle:
    """Find and read the files of a project.

    Raises:
        ProjectError: the folder is no project's (a home, `/`); there are too many files; one is no plain file, or
            leads out of the folder.
    """
    root = root.resolve()
    if root in (Path("/"), Path.home().resolve()):
        raise ProjectError(
            f"{root} is a whole home or system, not a project.", hint="Put the model's code into a folder of its own."
        )
    walk = _Walk(root, rules_of(root, dialect), limits or Limits())
    entries = sorted(walk.folder(root, (), Verdict(False, None), (root,)))
    digest = hashlib.sha256(
        msgspec.json.encode([(one.name, one.executable, one.digest) for one in entries])
    ).hexdigest()
    return Bundle(root, digest, tuple(entries), tuple(sorted(walk.private)), sum(one.size for one in entries))


def copy(bundle: Bundle, to: Path, *, kept: Kept | None = None, writable: bool = False) -> None:
    """Copy the files into a new folder, read-only, and make sure that they are what was read before.

    `kept` has the large files of other revisions: those are shared and not copied again.

    Raises:
        ProjectError: a file changed meanwhile.
    """
    to.mkdir(mode=0o755)
    for entry in bundle.entries:
        path = to / entry.name
        path.parent.mkdir(parents=True, exist_ok=True)
        if kept is not None and kept.give(entry.digest, entry.size, executable=entry.executable, to=path):
            continue
        mode = (0o500 if entry.executable else 0o400) | (0o200 if writable else 0)
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        digest = hashlib.sha256()
        with os.fdopen(fd, "wb") as file:
            for part in _parts(entry.path, entry.name):
                digest.update(part)
                file.write(part)
        if digest.hexdigest() != entry.digest:
            raise ProjectError("The file changed while it was read.", file=entry.name, hint="Build again.")
        if kept is not None:
            kept.take(entry.digest, entry.size, executable=entry.executable, path=path)


def mend(bundle: Bundle, folder: Path, beside: Path, *, kept: Kept | None = None) -> int:
    """Put back what was changed or removed in a copy, file by file: replicas that run from it keep their folder.

    Of large files the size alone is looked at, so that weights are not read twice. `beside` is a new folder on the same
    file system. Gives how many files were put back.
    """
    damaged = [entry for entry in bundle.entries if not _is_whole(entry, folder / entry.name)]
    if damaged:
        copy(bundle._replace(entries=tuple(damaged)), beside, kept=kept)
    for entry in damaged:
        path = folder / entry.name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir() and not path.is_symlink():
            remove(path)
        (beside / entry.name).replace(path)
    return len(damaged)


def _is_whole(entry: Entry, path: Path) -> bool:
    try:
        facts = path.lstat()
        if not stat.S_ISREG(facts.st_mode) or facts.st_size != entry.size:
            return False
        return entry.size >= LARGE_BYTES or hashlib.sha256(path.read_bytes()).hexdigest() == entry.digest
    except OSError:
        return False


class _Walk:
    """One pass over a project's folders."""

    def __init__(self, root: Path, rules: Rules, limits: Limits) -> None:
        self.root = root
        self.rules = rules
        self.limits = limits
        self.private: list[str] = []
        self.count = 0
        self.size = 0

    def folder(self, folder: Path, parts: tuple[str, ...], above: Verdict, inside: tuple[Path, ...]) -> Iterator[Entry]:
        """Give the files below a folder. `inside` are the real folders on the way there."""
        if len(parts) > MAX_DEPTH:
            raise ProjectError(f"Folders lie more than {MAX_DEPTH} deep.", file="/".join(parts))
        with os.scandir(folder) as items:
            listed = sorted(items, key=lambda item: item.name)
        for item in listed:
            path = (*parts, item.name)
            link = item.is_symlink()
            is_folder = item.is_dir()
            verdict = self.rules.judge(path, is_folder, above)
            if verdict.out and not (is_folder and not link and self.rules.reopens):
                if is_private(verdict.rule):
                    self.private.append("/".join(path))
                continue
            real = self.inside(Path(item.path), path) if link else Path(item.path)
            if is_folder:
                if (real / "pyvenv.cfg").is_file() and not (verdict.rule and verdict.rule.negated):
                    continue  # a virtual environment, whatever its name
                if (real / "admin-token").is_file() and (real / "control.db").is_file():
                    self.private.append("/".join(path))  # a HOTPLATE_HOME, with keys and tokens in it
                    continue
                if link and real in inside:
                    raise ProjectError(
                        "The link leads back to a folder above it.", file="/".join(path), hint=_hint(path)
                    )
                yield from self.folder(real, path, verdict, (*inside, real))
            elif not verdict.out:
                yield self.file(real, path)

    def inside(self, link: Path, path: tuple[str, ...]) -> Path:
        """Follow a link, which may not leave the project."""
        name = "/".join(path)
        try:
            real = link.resolve(strict=True)
        except (OSError, RuntimeError):
            raise ProjectError("The link leads nowhere.", file=name, hint=_hint(path)) from None
        if not real.is_relative_to(self.root):
            text = f"The link leads out of the project, to {real}."
            raise ProjectError(text, file=name, hint=f"Copy what it leads to into the project. {_hint(path)}")
        return real

    def file(self, path: Path, parts: tuple[str, ...]) -> Entry:
        """Read one file."""
        name = "/".join(parts)
        if len(os.fsencode(name)) > MAX_NAME_BYTES or not name.isprintable():
            shown = ascii(name[:200])
            raise ProjectError(f"The name {shown} is too long, or is no plain text.", hint="Give it another name.")
        self.count += 1
        if self.count > self.limits.files:
            text = f"The project has more than {self.limits.files} files; {'/'.join(parts[:-1]) or name} is one folder."
            raise ProjectError(text, hint=f"Leave out what the model does not need, in {OWN}.")
        executable = bool(path.lstat().st_mode & stat.S_IXUSR)
        digest = hashlib.sha256()
        size = 0
        for part in _parts(path, name):
            digest.update(part)
            size += len(part)
            if self.size + size > self.limits.size:
                text = f"The project holds more than {self.limits.size >> 20} MiB, with {name}."
                raise ProjectError(text, hint=f"Leave it out in {OWN}; put weights into a volume (store_assets).")
        self.size += size
        return Entry(name, path, executable, size, digest.hexdigest())


def _parts(path: Path, name: str) -> Iterator[bytes]:
    """Read a plain file piece by piece, without following a link that took its place."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        if error.errno == errno.ENXIO:  # how Linux refuses to open a socket
            raise _special(name) from None
        raise ProjectError(f"The file cannot be read: {error.strerror}.", file=name) from None
    with os.fdopen(fd, "rb", buffering=0) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise _special(name)
        while part := file.read(_CHUNK):
            yield part


def _special(name: str) -> ProjectError:
    return ProjectError("This is no plain file.", file=name, hint=f"Leave it out in {OWN}.")


def _hint(path: tuple[str, ...]) -> str:
    return f"Or leave it out, with a line /{'/'.join(path)} in {OWN}."
