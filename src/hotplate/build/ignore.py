"""Patterns of files to leave out, as gitignore(5) has them; and as Docker has them in `.dockerignore`.

The last pattern that matches decides, and `!` takes a file in again. Matching takes time in proportion to the name,
whatever the pattern: each part of a path is compared by a regular expression without backtracking (`fnmatch`).
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Literal, NamedTuple

from hotplate.errors import ProjectError

Style = Literal["git", "docker"]
"""In `docker` every pattern starts at the top, and what lies in an excluded folder can be taken in again."""

MAX_FILE_BYTES = 64 * 1024
MAX_PATTERN = 512
MAX_PARTS = 32
_GLOB = re.compile(r"[*?\[\\]")


class Verdict(NamedTuple):
    """What the rules say of one path, and the rule that said it."""

    out: bool
    rule: Rule | None


class Rule(NamedTuple):
    """One pattern. `parts` are its folders and its name; an empty part stands for `**`."""

    text: str
    source: str
    negated: bool
    folders_only: bool
    anywhere: bool
    style: Style
    parts: tuple[re.Pattern[str] | str | None, ...]

    def fits(self, path: tuple[str, ...], is_folder: bool) -> bool:
        """Whether the pattern names this path."""
        if self.folders_only and not is_folder:
            return False
        if self.anywhere:
            return _same(self.parts[0], path[-1])
        return _walk(self.parts, path)


class Rules:
    """Rules in order: built-in ones first, an author's own last."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._rules = tuple(rules)
        self.reopens = any(rule.negated and rule.style == "docker" for rule in self._rules)
        """Whether a folder that is left out must be looked into all the same."""

    def judge(self, path: tuple[str, ...], is_folder: bool, above: Verdict) -> Verdict:
        """Say of one path (as its parts) whether it stays out. `above` is what was said of its folder."""
        for rule in reversed(self._rules):
            if rule.fits(path, is_folder):
                return Verdict(not rule.negated, rule)
        return above


def read_rules(path: Path, style: Style = "git") -> list[Rule]:
    """Read a file of patterns; none where there is no such file.

    Raises:
        ProjectError: it is too long, or a pattern is.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return []
    if len(data) > MAX_FILE_BYTES:
        raise ProjectError(f"The file is larger than {MAX_FILE_BYTES // 1024} KiB.", file=path.name)
    lines = data.decode("utf-8-sig", "replace").splitlines()
    found = (parse(line, path.name, number, style) for number, line in enumerate(lines, 1))
    return [rule for rule in found if rule is not None]


def parse(line: str, source: str = "", number: int = 0, style: Style = "git") -> Rule | None:
    """Read one line; None for an empty one or a comment."""
    text = line.rstrip("\r\n")
    if text.startswith("#"):
        return None
    text = re.sub(r"(?<!\\)[ \t]+$", "", text)
    negated = text.startswith("!")
    pattern = text[1:] if negated else text
    folders_only = pattern.endswith("/")
    pattern = pattern.rstrip("/") if style == "git" else pattern.strip().rstrip("/")
    if not pattern:
        return None
    given = pattern.removeprefix("./" if style == "docker" else "").lstrip("/").split("/")
    if len(pattern) > MAX_PATTERN or len(given) > MAX_PARTS:
        raise ProjectError("This pattern is too long.", file=source, line=number)
    anywhere = style == "git" and "/" not in pattern and pattern != "**"
    parts: list[re.Pattern[str] | str | None] = []
    for part in given:
        if part == "**":
            if not parts or parts[-1] is not None:
                parts.append(None)
        elif part not in ("", "."):
            parts.append(_part(part))
    if parts and parts[-1] is None:
        parts.append(_part("*"))  # `logs/**` is everything inside, and not the folder itself
    if not parts:
        return None
    return Rule(text, source, negated, folders_only and style == "git", anywhere, style, tuple(parts))


def _part(text: str) -> re.Pattern[str] | str:
    if not _GLOB.search(text):
        return text
    glob = re.sub(r"\\(.)", lambda found: f"[{found[1]}]" if found[1] in "*?[" else found[1], text)
    return re.compile(fnmatch.translate(glob.replace("[^", "[!")))


def _same(part: re.Pattern[str] | str | None, name: str) -> bool:
    return part is None or (part == name if isinstance(part, str) else part.match(name) is not None)


def _walk(parts: tuple[re.Pattern[str] | str | None, ...], path: tuple[str, ...]) -> bool:
    """Compare part by part. `reached` holds how many parts of the path the pattern's first ones may have taken."""
    reached = {0}
    for part in parts:
        if part is None:
            reached = set(range(min(reached), len(path)))
        else:
            reached = {at + 1 for at in reached if at < len(path) and _same(part, path[at])}
        if not reached:
            return False
    return len(path) in reached
