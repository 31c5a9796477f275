"""What a project imports and this environment does not have, told from its text before anything is run."""

from __future__ import annotations

import ast
import importlib.util
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from hotplate.dialects.next_step import next_step

MOST = 20


class Missing(NamedTuple):
    """A module that an import names and nobody has. `hint` says how it is installed."""

    module: str
    file: str
    line: int
    hint: str


def imports(root: Path, files: Iterable[str]) -> list[Missing]:
    """Look through the files, and those of the project that they import, in turn.

    An import inside a function, a `try` or an `if` may never run and is not looked at.
    """
    found: dict[str, Missing] = {}
    queue = [file for file in dict.fromkeys(files) if file.endswith(".py")]
    seen: set[str] = set()
    while queue and len(found) < MOST:
        file = queue.pop(0)
        if file in seen or not (root / file).is_file():
            continue
        seen.add(file)
        for name, line in _imported(root / file):
            top = name.partition(".")[0]
            if own := _own(root, name, file):
                queue.append(own)
            elif top not in found and not _there(top, root):
                hint = next_step(ModuleNotFoundError(name=top), root, file) or ""
                found[top] = Missing(top, file, line, hint)
    return list(found.values())


def _imported(path: Path) -> Iterator[tuple[str, int]]:
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError):
        return
    for node in tree.body:
        if isinstance(node, ast.Import):
            yield from ((each.name, node.lineno) for each in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module, node.lineno


def _own(root: Path, name: str, file: str) -> str:
    """The project's own file behind a dotted name; "" where it has none."""
    place = name.replace(".", "/")
    beside = Path(file).parent.as_posix()
    for folder in dict.fromkeys(("", f"{beside}/" if beside != "." else "", "src/")):
        for candidate in (f"{folder}{place}.py", f"{folder}{place}/__init__.py"):
            if (root / candidate).is_file():
                return candidate
    return ""


def _there(top: str, root: Path) -> bool:
    if top in sys.stdlib_module_names or top in sys.modules or (root / top).is_dir() or (root / "src" / top).is_dir():
        return True
    try:
        return importlib.util.find_spec(top) is not None
    except (ImportError, ValueError):
        return False
