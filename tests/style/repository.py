"""The repository's own files, as the style tests read them."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Source:
    """A text file of the repository. `name` is its path from the root."""

    name: str
    text: str

    def __hash__(self) -> int:
        return hash(self.name)

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, self.name)

    @property
    def module(self) -> str:
        """`hotplate.edge.status` for src/hotplate/edge/status.py."""
        return self.name.removeprefix("src/").removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def names() -> list[str]:
    """Files that git has or would take: no environment, no cache, no output."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode:  # an unpacked source archive
        return [str(path.relative_to(ROOT)) for path in ROOT.rglob("*") if path.is_file() and ".venv" not in path.parts]
    return sorted(name for name in listed.stdout.split("\0") if name)


def read(names: Iterable[str]) -> list[Source]:
    found: list[Source] = []
    for name in names:
        try:
            found.append(Source(name, (ROOT / name).read_text("utf-8")))
        except (UnicodeDecodeError, FileNotFoundError, IsADirectoryError):
            continue  # not a text, or deleted and not yet committed
    return found
