"""Everything that the command line writes goes through here: plain text, tables, JSON, and colours where they help.

Results go to stdout, everything about them to stderr. Colours appear on a terminal alone, and never with `NO_COLOR`
(https://no-color.org).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from typing import Any, Literal, TextIO

Colour = Literal["bold", "dim", "red", "green", "yellow", "cyan"]

_CODES: dict[Colour, str] = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}


def out(text: str = "", *, end: str = "\n") -> None:
    """Write a result."""
    sys.stdout.write(text + end)
    sys.stdout.flush()


def out_bytes(data: bytes) -> None:
    """Write a result that is no text."""
    sys.stdout.flush()
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def err(text: str = "") -> None:
    """Write a word about what goes on."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def out_json(value: Any) -> None:
    """Write a result for programs: one JSON value, indented."""
    import json

    out(json.dumps(value, indent=2, ensure_ascii=False))


def problem(text: str, *, where: str | None = None, hint: str | None = None) -> None:
    """Write what went wrong, where, and the next step."""
    place = f"{where}: " if where else ""
    err(f"{paint('error:', 'red', sys.stderr)} {harmless(place + text)}")
    if hint:
        err("  " + harmless(hint).replace("\n", "\n  "))


def harmless(text: str) -> str:
    """The text without what would steer a terminal: a project file or an endpoint may have written it."""
    return "".join(char if char.isprintable() or char in "\n\t" else "\ufffd" for char in text)


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Write rows in columns under a header."""
    lines = [[harmless(cell) for cell in row] for row in rows]
    widths = [max(len(line[column]) for line in [list(header), *lines]) for column in range(len(header))]
    out(paint(_line(header, widths), "bold"))
    for line in lines:
        out(_line(line, widths))


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()


def paint(text: str, colour: Colour, stream: TextIO | None = None) -> str:
    """Colour the text, where the stream (stdout unless told) shows colours."""
    return f"\x1b[{_CODES[colour]}m{text}\x1b[0m" if has_colours(stream or sys.stdout) else text


def has_colours(stream: TextIO) -> bool:
    """Whether to colour what goes to this stream."""
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb" and stream.isatty()


def is_interactive() -> bool:
    """Whether somebody sits there who can answer a question."""
    return sys.stdin.isatty() and sys.stdout.isatty()
