"""A revision on a node: where it lies there already, or made of an archive with its files and its environments' locks.

What was made lies in a cache of the node's by its digest, written beside and renamed when it is whole; of two actors
that need the same one, the second waits and finds it. Needs the standard library alone.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import uuid
from collections.abc import Generator, Iterator
from typing import Any

UV = "uv>=0.8"
"""What installs environments, from PyPI where the node has none (it reads pylock.toml from this version on)."""
OURS = ".hotplate"
"""The folder of the archive with what Hotplate puts in (`images/context.py`)."""
IMAGE_PYTHON = "/opt/hotplate/env/bin/python"
"""Hotplate's interpreter in an image of ours (`images/plan.py`)."""


class Failed(Exception):
    """The revision cannot be made here; the text is for people."""


def find(order: dict[str, Any], archive: bytes | None) -> tuple[str, dict[str, Any] | None] | None:
    """Give (interpreter with Hotplate, record of the revision), or None: the archive is needed.

    `order` has `digest`, `python`, `hotplate` (the package's folder), `record`, `files` (`auto` or `ship`), `image`.
    """
    if order["image"]:
        return IMAGE_PYTHON, None
    record: dict[str, Any] = order["record"]
    if order["files"] == "auto":
        needed = (order["python"], order["hotplate"], record["root"], record["python"])
        if all(os.access(path, os.R_OK) for path in needed):
            return order["python"], record
    cache = os.path.expanduser(order["cache"])
    folder = os.path.join(cache, "revisions", order["digest"])
    if not os.path.isfile(os.path.join(folder, "made.json")):
        if archive is None:
            return None
        make(cache, folder, archive)
    with open(os.path.join(folder, "made.json"), encoding="utf-8") as file:
        made = json.load(file)
    return made["server"], {**record, "root": os.path.join(folder, "files"), "python": made["python"]}


def make(cache: str, folder: str, archive: bytes) -> None:
    """Unpack an archive, and make the environments that it asks for."""
    os.makedirs(cache, mode=0o700, exist_ok=True)
    with held(os.path.join(cache, ".revisions.lock")):
        if os.path.isdir(folder):
            return
        beside = os.path.join(cache, "revisions", f".{uuid.uuid4().hex}")
        os.makedirs(beside, mode=0o700)
        try:
            with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as tar:
                unpack(tar, beside)
            ours = os.path.join(beside, OURS)
            server = environment(cache, ours, "server", None)
            has_project = os.path.isfile(os.path.join(ours, "pylock.project-0.toml"))
            project = environment(cache, ours, "project", os.path.join(ours, "files")) if has_project else server
            os.rename(os.path.join(ours, "files"), os.path.join(beside, "files"))
            with open(os.path.join(beside, "made.json"), "w", encoding="utf-8") as file:
                json.dump({"server": python_of(server), "python": python_of(project)}, file)
            os.rename(beside, folder)
        except BaseException:
            shutil.rmtree(beside, ignore_errors=True)
            raise


def unpack(tar: tarfile.TarFile, folder: str) -> None:
    """Write plain files and folders, and nothing outside. Debian's Python 3.11 has no filters of `extractall` yet."""
    root = os.path.realpath(folder)
    for member in tar:
        path = os.path.realpath(os.path.join(root, member.name))
        if not path.startswith(root + os.sep) or not (member.isfile() or member.isdir()):
            raise Failed(f"The revision's archive holds {member.name!r}, which is none of a revision.")
        if member.isdir():
            os.makedirs(path, exist_ok=True)
            continue
        os.makedirs(os.path.dirname(path), exist_ok=True)
        source = tar.extractfile(member)
        assert source is not None
        with source, open(path, "wb") as file:
            shutil.copyfileobj(source, file)
        os.chmod(path, member.mode & 0o755 | 0o600)


def environment(cache: str, ours: str, name: str, files: str | None) -> str:
    """Make an environment of its locks, with Hotplate in it, unless the node has it. Gives its folder."""
    locks = sorted(os.path.join(ours, each) for each in os.listdir(ours) if each.startswith(f"pylock.{name}-"))
    key = hashlib.sha256(sys.version.encode())
    for path in (*locks, *every(os.path.join(ours, "hotplate"))):
        with open(path, "rb") as file:
            key.update(hashlib.sha256(file.read()).digest())
    if files is not None:
        key.update(json.dumps(sorted(os.listdir(files))).encode())
    folder = os.path.join(cache, "environments", key.hexdigest()[:32])
    if os.path.isfile(os.path.join(folder, "whole")):
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    uv = find_uv(cache)
    python = getattr(sys, "_base_executable", sys.executable)
    run([*uv, "venv", "--quiet", "--no-project", "--python", python, folder])
    for lock in locks:
        here = ours
        if files is not None:  # packages among the project's files are named relative to those
            here = files
            shutil.copy(lock, os.path.join(files, os.path.basename(lock)))
        words = ["pip", "install", "--quiet", "--no-deps", "--compile-bytecode", "--python", python_of(folder)]
        run(
            [*uv, *words, "--requirements", os.path.join(here, os.path.basename(lock))],
            cwd=here,
        )
        if files is not None:
            os.remove(os.path.join(files, os.path.basename(lock)))
    site = os.path.join(folder, "lib", f"python{sys.version_info[0]}.{sys.version_info[1]}", "site-packages")
    shutil.copytree(os.path.join(ours, "hotplate"), os.path.join(site, "hotplate"), dirs_exist_ok=True)
    shutil.copy(os.path.join(ours, "shims.pth"), os.path.join(site, "zz_hotplate_compat.pth"))
    with open(os.path.join(folder, "whole"), "w", encoding="utf-8"):
        pass
    return folder


def find_uv(cache: str) -> list[str]:
    """The command uv: of the node, or installed into the cache from PyPI."""
    own = os.path.join(cache, "uv")
    for words in ([shutil.which("uv") or "uv"], [sys.executable, "-m", "uv"], [os.path.join(own, "bin", "uv")]):
        with contextlib.suppress(OSError, ValueError):
            done = subprocess.run([*words, "--version"], capture_output=True, text=True, check=False)
            if done.returncode == 0 and tuple(map(int, done.stdout.split()[1].split(".")[:2])) >= (0, 8):
                return words
    run([sys.executable, "-m", "venv", "--clear", own])
    run([os.path.join(own, "bin", "python"), "-m", "pip", "install", "--quiet", UV])
    return [os.path.join(own, "bin", "uv")]


def python_of(folder: str) -> str:
    """The interpreter of an environment."""
    return os.path.join(folder, "bin", "python")


def every(folder: str) -> Iterator[str]:
    """Every file below a folder, in a fixed order."""
    for root, folders, names in os.walk(folder):
        folders.sort()
        yield from (os.path.join(root, name) for name in sorted(names))


def run(words: list[str], cwd: str | None = None) -> None:
    """Run a command. Raises Failed with its last words."""
    kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    done = subprocess.run(words, cwd=cwd, env=kept, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failed(f"The packages cannot be installed on the node: {(done.stderr or done.stdout).strip()[-2000:]}")


@contextlib.contextmanager
def held(path: str) -> Generator[None]:
    """Hold a lock file as long as this lasts. The kernel lets go of it when the process dies."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)
