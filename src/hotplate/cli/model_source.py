"""Where a project comes from when it is no folder on the command line's own: `--model`, a folder or a git repository.

A repository is fetched without its history into a private folder, which goes when the command ends. Addresses are
checked before git sees them, git may only use https, ssh and files, and nothing of the repository runs here.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import tempfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, NoReturn
from urllib.parse import unquote, urlsplit

from hotplate.errors import SettingError

PROTOCOLS = ("https", "ssh", "file")
EXAMPLE = "git+https://host/user/project.git@branch"

_SCP = re.compile(r"[A-Za-z0-9_][\w.-]*@[A-Za-z0-9][\w.-]*:[^\s:-][^\s:]*")
_HOST = re.compile(r"[A-Za-z0-9\[][A-Za-z0-9.:\]-]*")
_REF = re.compile(r"[A-Za-z0-9_][\w./+-]*")
_FOREIGN = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_NAMESPACE", "GIT_TEMPLATE_DIR")
"""Variables that would make git work on another repository, as when a hook of git's starts us."""

_kept: list[tempfile.TemporaryDirectory[str]] = []
"""Fetched repositories: each goes when the process ends."""


class Repository(NamedTuple):
    """A repository as typed. `ref` is a branch, a tag or a commit, or HEAD; `folder` lies in it."""

    url: str
    ref: str = "HEAD"
    folder: str = ""

    @property
    def shown(self) -> str:
        """The address without a password in it."""
        return re.sub(r"(?<=://)[^/]*@", "***@", self.url)


def open_source(text: str, flag: str) -> Path:
    """Give the folder of a source: itself, or that of the fetched repository.

    Raises:
        SettingError: it is neither a folder nor a repository that can be fetched.
    """
    repository = parse(text, flag)
    if repository is not None:
        return fetch(repository, flag)
    if not Path(text).is_dir():
        raise SettingError(
            f"There is no folder {text}.", key="model", source=flag, hint=f"Give a folder, or a repository: {EXAMPLE}"
        )
    return Path(text)


def parse(text: str, flag: str) -> Repository | None:
    """Read the address of a repository; None for what is a folder's.

    `git+URL@REF#subdirectory=FOLDER` is pip's way to write it. Without `git+` the whole text is the address.

    Raises:
        SettingError: it is an address that is not fetched from.
    """
    ref, folder = "HEAD", ""
    url = text.removeprefix("git+")
    if url != text:
        url, _, fragment = url.partition("#")
        for part in filter(None, fragment.split("&")):
            name, _, folder = part.partition("=")
            if name != "subdirectory" or folder.startswith("/") or ".." in folder.split("/"):
                _refuse(flag, f"{part!r} is nothing that Hotplate takes", "Write #subdirectory=models/first")
        head, at, tail = url.rpartition("@")
        if at and "/" in head.partition("://")[2]:
            url, ref = head, tail
        if not _REF.fullmatch(ref) or ".." in ref:
            _refuse(flag, f"{ref!r} is no branch, tag or commit", f"Write it as {EXAMPLE}")
    scheme, separator, _ = url.partition("://")
    if not separator:
        if _SCP.fullmatch(url) and not Path(url).exists():
            return Repository(url, ref, folder)
        if url == text and "::" not in url:
            return None
        _refuse(flag, f"{url!r} is no address of a repository", f"Write it as {EXAMPLE}")
    if scheme not in PROTOCOLS:
        _refuse(flag, f"Nothing is fetched over {scheme!r}", f"Use one of {', '.join(PROTOCOLS)}: {EXAMPLE}")
    _check(url, scheme, flag)
    return Repository(url, ref, folder)


def _check(url: str, scheme: str, flag: str) -> None:
    """Refuse what git, ssh or a proxy could take for an option or for a second line."""
    try:
        found = urlsplit(url)
        host = found.hostname or ""
    except ValueError:
        found, host = urlsplit(""), "-"
    odd = any(ord(each) <= 32 or ord(each) == 127 for each in unquote(url))
    if scheme == "file":
        wrong = found.netloc not in ("", "localhost") or not found.path.startswith("/")
    else:
        wrong = not _HOST.fullmatch(host) or (found.username or "").startswith("-") or found.path in ("", "/")
    if odd or wrong:
        _refuse(flag, f"{Repository(url).shown!r} is no address of a repository", f"Write it as {EXAMPLE}")


def _refuse(flag: str, text: str, hint: str) -> NoReturn:
    raise SettingError(f"{text}.", key="model", source=flag, hint=f"{hint}.")


def fetch(repository: Repository, flag: str) -> Path:
    """Fetch one commit of a repository, without its history, tags and submodules, into a folder of this process's own.

    Raises:
        SettingError: git is not there or says no; its own words are in the text.
    """
    kept = tempfile.TemporaryDirectory(prefix="hotplate-model-")  # mode 0700
    _kept.append(kept)
    # Its name may be shown as the endpoint's.
    name = re.sub(r"[^\w.-]", "-", re.split(r"[/:]", repository.url.rstrip("/"))[-1].removesuffix(".git"))
    root = Path(kept.name, name.lstrip(".-") or "model")
    root.mkdir()
    with _ended_by_sigterm():
        _git(root, repository, flag, "init", "--quiet", "--template=")
        _git(root, repository, flag, "remote", "add", "origin", repository.url)
        depth = ("--depth=1", "--no-tags", "--no-recurse-submodules", "--quiet")
        _git(root, repository, flag, "fetch", *depth, "origin", repository.ref)
        _git(root, repository, flag, "checkout", "--quiet", "--detach", "FETCH_HEAD", "--")
    folder = (root / repository.folder).resolve()
    if not folder.is_dir() or not folder.is_relative_to(root.resolve()):
        text = f"{repository.shown} has no folder {repository.folder}"
        _refuse(flag, text, "Name one of its folders after #subdirectory=")
    return folder


def _git(root: Path, repository: Repository, flag: str, *words: str) -> None:
    settings = ("core.hooksPath=/dev/null", "core.fsmonitor=false", "http.lowSpeedLimit=1000", "http.lowSpeedTime=60")
    options = [part for setting in settings for part in ("-c", setting)]
    try:
        done = subprocess.run(
            ["git", *options, "-C", str(root), *words],
            env=environment(os.environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
    except FileNotFoundError:
        _refuse(flag, "git is not installed, and a repository is to be fetched", "Install git, or give a folder")
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().replace(repository.url, repository.shown)
        text = f"git cannot fetch {repository.ref} of {repository.shown}: {said or f'status {done.returncode}'}"
        _refuse(flag, text, "Check the address, the branch and that git may read it without asking for a password")


def environment(environ: Mapping[str, str]) -> dict[str, str]:
    """What git is started with: it asks nobody, and uses no other protocol, whatever its settings say."""
    found = {name: value for name, value in environ.items() if name not in _FOREIGN}
    found["GIT_TERMINAL_PROMPT"] = "0"
    found["GIT_ALLOW_PROTOCOL"] = ":".join(PROTOCOLS)
    found.setdefault("GIT_SSH_COMMAND", "ssh -oBatchMode=yes")
    found["LC_ALL"] = "C"
    return found


@contextmanager
def _ended_by_sigterm() -> Generator[None]:
    """Let SIGTERM end the fetch as Ctrl-C does, so that the folder goes as well."""

    def leave(number: int, _: Any) -> NoReturn:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
