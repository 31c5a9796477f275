"""What packages a project asks for, and where it says so: one line of a file each, so that errors can name it.

Of several files the most exact one counts: `pylock.toml`, then `uv.lock`, then what the dialect names (Cortex's
`dependencies`, Inferless's runtime file, `requirements.txt`), then `pyproject.toml` and `setup.cfg`.
"""

from __future__ import annotations

import configparser
import re
import tomllib
from pathlib import Path
from typing import Any, Literal, NamedTuple, cast

from hotplate.build import dialect_needs
from hotplate.build.requirement_file import Need, Options, plain, read_file
from hotplate.build.worker_needs import extras_of, name_of, of_extra
from hotplate.dialects.base import Match, Project
from hotplate.errors import PackagesRefused

Scripts = Literal["refuse", "run", "skip", "image"]
PYLOCK = "pylock.toml"

_LOCAL_SOURCE = re.compile(r"""^source = \{ (directory|path|editable|virtual) = "(?!\."\s)""", re.M)
"""A package of uv.lock that lies in the project, and is not the project itself."""

ELSEWHERE = {
    "environment.yml": "conda packages; list them in requirements.txt",
    "environment.yaml": "conda packages; list them in requirements.txt",
    "Pipfile": "Pipenv's list; write it as requirements.txt: pipenv requirements > requirements.txt",
}
"""Files that list packages in a way that is not read, and what to do. They count only where nothing else does."""


class Script(NamedTuple):
    """Shell commands that a project wants to be run where its packages are installed."""

    source: str
    words: tuple[str, ...]


class Wanted(NamedTuple):
    """All that a project asks for. `lock` is the name of the file that has it to the last version.

    `files` are given to uv as they stand, else `needs` line by line. `extras` come along where anything is asked for
    at all. `local` says that some packages lie in the project itself.
    """

    needs: tuple[Need, ...] = ()
    extras: tuple[Need, ...] = ()
    constraints: tuple[Need, ...] = ()
    options: Options = ()
    files: tuple[str, ...] = ()
    lock: str = ""
    local: bool = False
    scripts: tuple[Script, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def nothing(self) -> bool:
        """Whether the project asks for no package at all."""
        return not (self.needs or self.files or self.lock or self.scripts)


def read(project: Project, match: Match, scripts: Scripts) -> Wanted:
    """Read what a project asks for.

    Raises:
        ProjectError: a file cannot be read, or asks for what is not done (the text names the other way).
    """
    root = project.root
    asked = dialect_needs.read(root, match)
    wanted = _packages(root, asked)
    wanted = wanted._replace(notes=asked.notes, extras=asked.extras)
    if asked.scripts and scripts == "refuse":
        first = asked.scripts[0]
        raise PackagesRefused(
            f"{first.source} is a script that installs what the project needs; a build does not run it unasked.",
            file=first.source,
            hint="List the packages in requirements.txt instead and build with --scripts skip; or build with --scripts "
            "run, which runs it here, under your account; or with --scripts image, which runs it in an image alone.",
        )
    if scripts == "run":
        wanted = wanted._replace(scripts=tuple(Script(one.source, one.words) for one in asked.scripts))
    return _without_ours(wanted)


def _packages(root: Path, asked: dialect_needs.Asked) -> Wanted:
    if (root / PYLOCK).is_file():
        return Wanted(lock=PYLOCK, local='path = "' in (root / PYLOCK).read_text("utf-8", "replace"))
    if (root / "uv.lock").is_file() and (root / "pyproject.toml").is_file():
        local = _LOCAL_SOURCE.search((root / "uv.lock").read_text("utf-8", "replace")) is not None
        return Wanted(lock="uv.lock", files=("pyproject.toml", "uv.lock"), local=local)
    read = [read_file(root, name) for name in asked.files if (root / name).is_file()]
    needs = [*asked.needs, *(need for one in read for need in one.needs)]
    if needs or read:
        return Wanted(
            needs=tuple(needs),
            constraints=tuple(need for one in read for need in one.constraints),
            options=tuple(option for one in read for option in one.options),
            local=any(one.local for one in read),
        )
    if (root / "pyproject.toml").is_file() and (found := _pyproject(root)) is not None:
        return found
    if (root / "setup.cfg").is_file() and (found := _setup_cfg(root)) is not None:
        return found
    for name, instead in ELSEWHERE.items():
        if (root / name).is_file():
            raise PackagesRefused(f"{name} lists {instead.partition(';')[0]}.", file=name, hint=instead)
    return Wanted()


def _pyproject(root: Path) -> Wanted | None:
    name = "pyproject.toml"
    try:
        document = tomllib.loads((root / name).read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        line = int(found[1]) if (found := re.search(r"line (\d+)", str(error))) else None
        raise PackagesRefused(f"This is not TOML: {error}", file=name, line=line) from None
    project = _table(document, "project")
    listed = project.get("dependencies")
    if isinstance(listed, list) and listed:
        text = (root / name).read_text("utf-8")
        needs = tuple(Need(str(one), name, _line_of(text, str(one))) for one in cast("list[object]", listed))
        if sources := _table(document, "tool", "uv", "sources"):
            return Wanted(needs=needs, files=(name,), local=_are_local(sources))
        return Wanted(needs=needs)
    if "dependencies" in cast("list[object]", project.get("dynamic") or []):
        return Wanted(files=(name,), local=True)
    poetry = _table(document, "tool", "poetry", "dependencies")
    if set(poetry) - {"python"}:
        raise PackagesRefused(
            "pyproject.toml lists its packages for Poetry alone.",
            file=name,
            line=_line_of((root / name).read_text("utf-8"), "[tool.poetry.dependencies]"),
            hint="Write them as requirements.txt: poetry export -f requirements.txt -o requirements.txt",
        )
    return None


def _setup_cfg(root: Path) -> Wanted | None:
    parser = configparser.ConfigParser(interpolation=None)
    try:
        text = (root / "setup.cfg").read_text("utf-8")
        parser.read_string(text)
    except (configparser.Error, UnicodeDecodeError) as error:
        raise PackagesRefused(f"This cannot be read: {error}", file="setup.cfg") from None
    lines = parser.get("options", "install_requires", fallback="").splitlines()
    needs = [Need(line.strip(), "setup.cfg", _line_of(text, line.strip())) for line in lines if line.strip()]
    return Wanted(needs=tuple(needs)) if needs else None


def _are_local(sources: dict[str, Any]) -> bool:
    tables = [cast("dict[str, Any]", one) for one in sources.values() if isinstance(one, dict)]
    return len(tables) < len(sources) or any("path" in one or "workspace" in one for one in tables)


def _table(document: dict[str, Any], *names: str) -> dict[str, Any]:
    found: Any = document
    for name in names:
        found = cast("dict[str, Any]", found).get(name)
        if not isinstance(found, dict):
            return {}
    return cast("dict[str, Any]", found)


def _line_of(text: str, part: str) -> int:
    at = text.find(part)
    return text.count("\n", 0, at) + 1 if at >= 0 else 0


def _without_ours(wanted: Wanted) -> Wanted:
    """Hotplate itself comes from the installation that builds, never from an index; its extras are taken apart."""
    needs: list[Need] = []
    for need in wanted.needs:
        if name_of(need.text) != "hotplate":
            needs.append(need)
        else:
            needs += [Need(text, need.file, need.line) for extra in extras_of(need.text) for text in of_extra(extra)]
    return wanted._replace(needs=tuple(needs), constraints=plain(wanted.constraints))
