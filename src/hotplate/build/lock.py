"""From what a project asks for to a lock: every package with its version and the hashes of its files.

The project's packages and what Hotplate's worker imports are resolved together, so they fit each other or the build
says so. A resolution is kept under what it was made from: the same project gets the same packages tomorrow, without
asking the index again.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec

from hotplate.build import uv
from hotplate.build.clash import explain_clash
from hotplate.build.interpreter import Interpreter
from hotplate.build.requirements import PYLOCK, Wanted
from hotplate.build.worker_needs import of_worker
from hotplate.deployment.home import Home, write_whole
from hotplate.errors import PackagesRefused

FORMAT = 1


class Lock(msgspec.Struct, frozen=True, kw_only=True):
    """Packages to install, as texts in the form of pylock.toml (PEP 751), one after the other."""

    parts: tuple[str, ...]

    def digest(self, interpreter: Interpreter, more: Sequence[str] = ()) -> str:
        """What the environment is known by: packages, Python, platform, and whatever else goes into it."""
        facts = [FORMAT, interpreter.tag, self.parts, more]
        return hashlib.sha256(msgspec.json.encode(facts)).hexdigest()

    def packages(self) -> dict[str, str]:
        """Every package and its version; a package of the project's own may have none."""
        found: dict[str, str] = {}
        for part in self.parts:
            for one in _entries(part):
                found[str(one["name"])] = str(one.get("version", ""))
        return found


def resolve(
    wanted: Wanted, interpreter: Interpreter, folder: Path, *, home: Home, bundle: str, upgrade: bool = False
) -> Lock:
    """Lock what a project asks for. `folder` has its files; `bundle` is their digest.

    Raises:
        PackagesRefused: its packages do not fit each other, the worker, or this Python; or there is no such package.
        IndexUnreachable: the index gives no answer.
    """
    kept = home.environments / "locks" / f"{_request(wanted, interpreter, folder, bundle)}.json"
    if not upgrade and (known := _read(kept)) is not None:
        return known
    parts = _given(wanted, interpreter, folder) if wanted.lock else _compiled(wanted, interpreter, folder)
    lock = Lock(parts=parts)
    kept.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_whole(kept, msgspec.json.encode(lock))
    return lock


def _request(wanted: Wanted, interpreter: Interpreter, folder: Path, bundle: str) -> str:
    files = [(name, (folder / name).read_text("utf-8", "replace")) for name in (*wanted.files, wanted.lock) if name]
    lines = [need.text for need in wanted.needs], [need.text for need in wanted.constraints], wanted.options
    extras = [need.text for need in wanted.extras]
    facts = [
        FORMAT,
        interpreter.tag,
        interpreter.version,
        lines,
        extras,
        of_worker(),
        files,
        bundle if wanted.local else "",
    ]
    return hashlib.sha256(msgspec.json.encode(facts)).hexdigest()


def _read(path: Path) -> Lock | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Lock)
    except (FileNotFoundError, msgspec.DecodeError):
        return None


def _compiled(wanted: Wanted, interpreter: Interpreter, folder: Path) -> tuple[str, ...]:
    with TemporaryDirectory(prefix="hotplate-lock-") as temporary:
        desk = _Desk(Path(temporary), folder, interpreter)
        theirs = [desk.write("project.txt", [*wanted.options, *(need.text for need in wanted.needs)])]
        if wanted.files:
            theirs = [desk.write("project.txt", wanted.options), *(folder / name for name in wanted.files)]
        constraints = desk.write("constraints.txt", [need.text for need in wanted.constraints])
        try:
            return (desk.with_worker(wanted, theirs, constraints),)
        except uv.Failed as together:
            try:
                alone = desk.compile(theirs, constraints)
            except uv.Failed as error:
                raise _refused(error, wanted) from None
            raise explain_clash(wanted, _ours(wanted), _versions(alone), together.said) from None


def _given(wanted: Wanted, interpreter: Interpreter, folder: Path) -> tuple[str, ...]:
    """Take the project's own lock as it is, and add what the worker needs besides."""
    if wanted.lock == PYLOCK:
        theirs = (folder / PYLOCK).read_text("utf-8", "replace")
    else:
        try:
            theirs = uv.run(
                *("export", "--quiet", "--frozen", "--no-dev", "--no-emit-project", "--no-editable", "--no-header"),
                *("--format", "pylock.toml", "--python", interpreter.path),
                cwd=folder,
            )
        except uv.Failed as error:
            hint = "Renew it with: uv lock"
            raise PackagesRefused(f"uv.lock cannot be used: {error.said}", file="uv.lock", hint=hint) from None
    try:
        versions = _versions(theirs)
    except tomllib.TOMLDecodeError as error:
        raise PackagesRefused(f"This is not TOML: {error}", file=wanted.lock) from None
    with TemporaryDirectory(prefix="hotplate-lock-") as temporary:
        desk = _Desk(Path(temporary), folder, interpreter)
        pins = desk.write("constraints.txt", [f"{name}=={version}" for name, version in versions.items() if version])
        try:
            return theirs, desk.with_worker(wanted, (), pins)
        except uv.Failed as error:
            raise explain_clash(wanted, _ours(wanted), versions, error.said) from None


def _ours(wanted: Wanted, *, welcome: bool = False) -> list[str]:
    return [*of_worker(welcome=welcome), *(need.text for need in wanted.extras)]


class _Desk:
    """A temporary folder with what uv is asked to read, and asking it."""

    def __init__(self, folder: Path, project: Path, interpreter: Interpreter) -> None:
        self.folder = folder
        self.project = project
        self.interpreter = interpreter

    def write(self, name: str, lines: Sequence[str]) -> Path:
        path = self.folder / name
        path.write_text("".join(f"{line}\n" for line in lines), "utf-8")
        return path

    def with_worker(self, wanted: Wanted, theirs: Sequence[Path], constraints: Path) -> str:
        """Lock the project's packages and the worker's together; those that are only welcome where they fit."""
        try:
            return self.compile([*theirs, self.write("worker.txt", _ours(wanted, welcome=True))], constraints)
        except uv.Failed:
            return self.compile([*theirs, self.write("worker.txt", _ours(wanted))], constraints)

    def compile(self, sources: Sequence[Path], constraints: Path) -> str:
        text = uv.run(
            *("pip", "compile", "--quiet", "--no-header", "--no-annotate", "--format", "pylock.toml"),
            *("--python", self.interpreter.path, "--constraints", constraints, *sources),
            cwd=self.project,
        )
        # It names this very Python, down to the patch: another one must not make another environment of the same.
        return re.sub(r"^requires-python = .*\n", "", text, flags=re.M)


def _refused(error: uv.Failed, wanted: Wanted) -> PackagesRefused:
    file = next((need for need in wanted.needs if need.file and _is_named(need.text, error.said)), None)
    where = file or (wanted.needs[0]._replace(line=0) if wanted.needs else None)
    return PackagesRefused(
        f"The project's packages cannot be installed together: {error.said}",
        file=where.file if where else next(iter(wanted.files), None),
        line=(where.line or None) if where else None,
        hint="Change what the text names, or choose another Python with --python.",
    )


def _is_named(requirement: str, said: str) -> bool:
    return requirement.replace(" ", "").partition(";")[0] in said.replace(" ", "")


def _versions(lock: str) -> dict[str, str]:
    return {str(one["name"]): str(one.get("version", "")) for one in _entries(lock)}


def _entries(lock: str) -> list[dict[str, Any]]:
    return tomllib.loads(lock).get("packages", [])
