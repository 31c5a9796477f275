"""Where entry points are declared: in the project's own files, read as text, and in the environment.

A folder need not be installed to be served: what its pyproject.toml, setup.cfg or setup.py declares is enough.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, cast

from hotplate.errors import ProjectError

GROUP = "deepaas.v2.model"
FILES = ("pyproject.toml", "setup.cfg", "setup.py")


class Declared(NamedTuple):
    """One entry point. `value` is `package.module` or `package.module:attribute`."""

    name: str
    value: str
    file: str
    line: int


def in_folder(root: Path) -> list[Declared]:
    """Give the entry points of the group that a folder's own files declare, the first file that has some.

    Raises:
        ProjectError: the file that names the group cannot be read, or declares something that is no entry point.
    """
    for name in FILES:
        path = root / name
        if not path.is_file():
            continue
        text = path.read_text("utf-8", "replace")
        if GROUP not in text:
            continue
        try:
            pairs = list(_READERS[name](text))
        except (ValueError, SyntaxError) as error:
            raise ProjectError(f"{name} cannot be read: {error}", file=name, hint="correct the file") from error
        found = [_declared(name, key, value, text) for key, value in pairs]
        if found:
            return found
    return []


def in_environment() -> list[Declared]:
    """Give the entry points of the group that installed packages declare, in the order of their discovery."""
    from importlib.metadata import entry_points

    return [Declared(point.name, point.value, "", 0) for point in entry_points(group=GROUP)]


def _declared(file: str, name: str, value: str, text: str) -> Declared:
    value = value.partition("[")[0].strip()
    lines = text.splitlines()
    line = _line(lines, name, value)
    module, _, attribute = value.partition(":")
    parts = [*module.split("."), *(attribute.split(".") if attribute else ())]
    if not name or not all(part.strip().isidentifier() for part in parts):
        text = f"{name} = {value!r} is no entry point"
        raise ProjectError(text, file=file, line=line, hint="write it as name = package.module:attribute")
    return Declared(name, value.replace(" ", ""), file, line)


def _line(lines: list[str], name: str, value: str) -> int:
    """The line of `name = value`: the first after the group's own that has both; 0 where it is written otherwise."""
    group = next((number for number, each in enumerate(lines) if GROUP in each), 0)
    rest = enumerate(lines[group:], group + 1)
    return next((number for number, each in rest if name in each.partition("=")[0] and value in each), 0) or next(
        (number for number, each in enumerate(lines[group:], group + 1) if name in each and value in each), 0
    )


def _pyproject(text: str) -> Iterator[tuple[str, str]]:
    import tomllib

    points: Any = tomllib.loads(text).get("project", {}).get("entry-points", {}).get(GROUP, {})
    if not isinstance(points, dict):
        raise ValueError(f'[project.entry-points."{GROUP}"] is no table')
    for name, value in cast("dict[str, Any]", points).items():
        yield name, str(value)


def _setup_cfg(text: str) -> Iterator[tuple[str, str]]:
    """`[entry_points]` (pbr, and the oldest setuptools) and `[options.entry_points]` (setuptools)."""
    import configparser

    parser = configparser.RawConfigParser(strict=False)
    parser.optionxform = str  # type: ignore[assignment, method-assign] - names keep their case
    try:
        parser.read_string(text)
    except configparser.Error as error:
        raise ValueError(str(error)) from error
    for section in ("entry_points", "options.entry_points"):
        if parser.has_option(section, GROUP):
            yield from _lines(parser.get(section, GROUP).splitlines())


def _setup_py(text: str) -> Iterator[tuple[str, str]]:
    """`setup(entry_points={...})`, as far as it is written out. What a program computes is found once installed."""
    import ast

    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.keyword) or node.arg != "entry_points":
            continue
        try:
            value: Any = ast.literal_eval(node.value)
        except (ValueError, TypeError):
            continue
        points: Any = cast("dict[str, Any]", value).get(GROUP, ()) if isinstance(value, dict) else ()
        yield from _lines(points.splitlines() if isinstance(points, str) else list(points))


def _lines(lines: list[str]) -> Iterator[tuple[str, str]]:
    for line in lines:
        name, equals, value = line.partition("=")
        if equals and not line.lstrip().startswith("#"):
            yield name.strip(), value.strip()


_READERS = {"pyproject.toml": _pyproject, "setup.cfg": _setup_cfg, "setup.py": _setup_py}
