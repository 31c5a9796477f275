"""Reads requirements files (https://pip.pypa.io/en/stable/reference/requirements-file-format/) into single needs.

`-r` and `-c` are followed inside the project. What is no package (`--extra-index-url …`) is handed to uv as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from hotplate.errors import PackagesRefused

MAX_BYTES = 1024 * 1024
MAX_DEPTH = 10
Options = tuple[str, ...]

_INCLUDE = re.compile(r"^(-r|--requirement|-c|--constraint)[ =]?\s*(.+)$")
_EDITABLE = re.compile(r"^(-e|--editable)[ =]?\s*")
_LOCAL = re.compile(r"^(\.{1,2}(/|$)|/|file:)|@\s*(file:|\.{0,2}/)|^[\w./-]+\.(whl|tar\.gz|zip)(\s|$)")
_LOCAL_OPTION = re.compile(r"^(-f|--find-links)[ =]\s*(?!https?:)")


class Need(NamedTuple):
    """One requirement and the line that has it. Line 0: not known."""

    text: str
    file: str
    line: int

    @property
    def place(self) -> str:
        """`requirements.txt:3`."""
        return f"{self.file}:{self.line}" if self.line else self.file


class Read(NamedTuple):
    """What a file says, with the files that it includes. `local`: some packages lie in the project."""

    needs: tuple[Need, ...]
    constraints: tuple[Need, ...]
    options: Options
    local: bool


def read_file(root: Path, name: str) -> Read:
    """Read a requirements file.

    Raises:
        PackagesRefused: a file that it includes is not there, or lies outside of the project.
    """
    reader = _Reader(root.resolve())
    reader.read(name, constraints=False, depth=0)
    return Read(tuple(reader.needs), tuple(reader.constraints), tuple(reader.options), reader.local)


def plain(needs: tuple[Need, ...]) -> tuple[Need, ...]:
    """Needs without hashes, as constraints may be."""
    return tuple(need._replace(text=re.sub(r"\s*--hash[= ]\S+", "", need.text)) for need in needs)


class _Reader:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.needs: list[Need] = []
        self.constraints: list[Need] = []
        self.options: list[str] = []
        self.local = False

    def read(self, name: str, *, constraints: bool, depth: int) -> None:
        path = (self.root / name).resolve()
        if depth > MAX_DEPTH:
            raise PackagesRefused("Requirements files include each other too deeply.", file=name)
        if not path.is_relative_to(self.root):
            raise PackagesRefused("The file lies outside of the project.", file=name, hint="Copy it into the project.")
        if not path.is_file():
            raise PackagesRefused("There is no such file in the project.", file=name)
        if path.stat().st_size > MAX_BYTES:
            raise PackagesRefused(f"The file is larger than {MAX_BYTES >> 20} MiB.", file=name)
        for number, line in _lines(path.read_text("utf-8-sig", "replace")):
            if include := _INCLUDE.match(line):
                other = include[2].strip()
                if "://" in other:
                    text = "Lists of packages are read from the project alone, not from the network."
                    raise PackagesRefused(text, file=name, line=number, hint=f"Save {other} in the project.")
                target = (path.parent / other).resolve()
                inside = target.relative_to(self.root) if target.is_relative_to(self.root) else target
                self.read(str(inside), constraints=constraints or include[1] in ("-c", "--constraint"), depth=depth + 1)
            elif constraints:
                self.constraints.append(Need(line, name, number))
            else:
                self.take(line, name, number)

    def take(self, line: str, name: str, number: int) -> None:
        line = _EDITABLE.sub("", line)  # a revision never changes, so there is nothing to edit
        if _LOCAL_OPTION.match(line):
            self.local = True
        if line.startswith("-"):
            self.options.append(line)
            return
        if _LOCAL.search(line):
            self.local = True
            self.check_inside(line, name, number)
        self.needs.append(Need(line, name, number))

    def check_inside(self, line: str, name: str, number: int) -> None:
        path = (
            re.split(r"\s*[;\[]|\s+--", re.sub(r"^.*@\s*", "", line).strip())[0]
            .removeprefix("file://")
            .removeprefix("file:")
        )
        if not (self.root / path).resolve().is_relative_to(self.root):
            hint = "Copy the package into the project, and name it by a path that starts with ./"
            raise PackagesRefused(f"{path} lies outside of the project.", file=name, line=number, hint=hint)


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Give each whole line with the number of its first part; comments and empty ones left out."""
    held, start = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        start = start or number
        if line.endswith("\\"):
            held += line[:-1]
            continue
        whole = re.sub(r"(^|\s)#.*$", "", held + line).strip()
        if whole:
            yield start, whole
        held, start = "", 0
    if whole := re.sub(r"(^|\s)#.*$", "", held).strip():
        yield start, whole
