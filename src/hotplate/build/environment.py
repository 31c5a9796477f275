"""The environment of a revision: a virtual environment with exactly what its lock says, shared by all with that lock.

It is made beside and renamed when it is whole, under a file lock: of two builds that need the same one, the second
waits and finds it. Nothing is ever changed in one that has its name.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import msgspec

from hotplate.build import interpreter, uv
from hotplate.build.interpreter import Interpreter
from hotplate.build.lock import Lock
from hotplate.build.requirements import Script
from hotplate.build.staging import Staging, keep_fresh
from hotplate.deployment.attachment import RECORD, attach
from hotplate.deployment.home import Home, write_whole
from hotplate.errors import PackagesRefused

SCRIPT_TIMEOUT_S = 3600.0
LOCK = "lock.json"
"""What was installed, so that the same can be installed elsewhere: in an image."""
_SAID = 4000


class Recipe(NamedTuple):
    """What an environment is made of. `workspace` is a copy of the project's files to spoil, for packages and scripts
    that lie in it; None where there are none."""

    digest: str
    lock: Lock
    interpreter: Interpreter
    scripts: tuple[Script, ...]
    workspace: Path | None


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """What an environment says of itself."""

    digest: str
    python: str
    packages: dict[str, str]


def path_of(home: Home, digest: str) -> Path:
    """Where an environment lies, there or not."""
    return home.environments / digest


def python_of(home: Home, digest: str) -> Path:
    """Its interpreter."""
    return path_of(home, digest) / "bin" / "python"


def is_whole(home: Home, digest: str) -> bool:
    """Whether an environment is there and its Python still runs."""
    return (path_of(home, digest) / RECORD).is_file() and interpreter.works(python_of(home, digest))


def lock_of(home: Home, digest: str) -> Lock:
    """What an environment was made from.

    Raises:
        PackagesRefused: it does not say; an earlier version of Hotplate made it.
    """
    try:
        return msgspec.json.decode((path_of(home, digest) / LOCK).read_bytes(), type=Lock)
    except (FileNotFoundError, msgspec.DecodeError):
        hint = "Remove it, and build again."
        raise PackagesRefused(f"{path_of(home, digest)} does not say what it was made from.", hint=hint) from None


def ensure(home: Home, recipe: Recipe, waiting: Callable[[], None]) -> Path:
    """Make an environment unless it is there; give its interpreter. `waiting` is called when another makes it.

    Raises:
        PackagesRefused: a package cannot be installed, or a script failed.
        DiskFull, IndexUnreachable: what the machine lacks.
    """
    python = python_of(home, recipe.digest)
    with _held(home.environments / f".{recipe.digest}.lock", waiting):
        target = path_of(home, recipe.digest)
        if is_whole(home, recipe.digest) and keep_fresh(target):
            attach(target)
            return python
        with Staging(home.environments) as staging:
            _make(staging.path, recipe)
            if target.exists():  # its Python has gone, so no worker can run in it
                shutil.rmtree(target)
            staging.rename(target)
    return python


def _make(path: Path, recipe: Recipe) -> None:
    python = path / "bin" / "python"
    try:
        uv.run(
            "venv",
            "--quiet",
            "--relocatable",
            "--no-project",
            "--allow-existing",
            "--python",
            recipe.interpreter.path,
            path,
        )
        with TemporaryDirectory(prefix="hotplate-lock-") as temporary:
            folder = recipe.workspace or Path(temporary)  # paths in a lock are relative to it
            for number, part in enumerate(recipe.lock.parts):
                lock = folder / f"pylock.hotplate-{number}.toml"
                lock.write_text(part, "utf-8")
                uv.run(
                    *("pip", "install", "--quiet", "--no-deps", "--compile-bytecode"),
                    *("--python", python, "--requirements", lock),
                    cwd=folder,
                )
    except uv.Failed as error:
        hint = "A package without a build for this Python and platform needs a compiler; another version may not."
        raise PackagesRefused(f"The packages cannot be installed: {error.said}", hint=hint) from None
    for script in recipe.scripts:
        assert recipe.workspace is not None
        _run(script, recipe.workspace, path)
    attach(path)
    record = Record(digest=recipe.digest, python=recipe.interpreter.version, packages=recipe.lock.packages())
    write_whole(path / LOCK, msgspec.json.encode(recipe.lock))
    write_whole(path / RECORD, msgspec.json.format(msgspec.json.encode(record)))


def _run(script: Script, folder: Path, environment: Path) -> None:
    """Run one of the project's own scripts, with the environment first on PATH, so that its `pip` is that one's."""
    variables = {
        **uv.environment(),
        "VIRTUAL_ENV": str(environment),
        "PATH": os.pathsep.join([str(environment / "bin"), os.environ.get("PATH", os.defpath)]),
    }
    try:
        uv.run("pip", "install", "--quiet", "--python", environment / "bin" / "python", "pip")
        done = subprocess.run(
            script.words,
            cwd=folder,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
            timeout=SCRIPT_TIMEOUT_S,
        )
    except uv.Failed as error:
        raise PackagesRefused(f"pip cannot be installed: {error.said}") from None
    except subprocess.TimeoutExpired:
        raise PackagesRefused("The script did not end within an hour.", file=script.source) from None
    except OSError as error:
        raise PackagesRefused(f"The script cannot be started: {error.strerror}.", file=script.source) from None
    if done.returncode:
        said = done.stdout.decode("utf-8", "replace")[-_SAID:]
        text = f"The script ended with status {done.returncode}."
        raise PackagesRefused(text, file=script.source, trace=said, hint="Its last words stand above.")


@contextmanager
def _held(path: Path, waiting: Callable[[], None]) -> Generator[None]:
    """Hold a lock file as long as this lasts. The kernel lets go of it when the process dies."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)
