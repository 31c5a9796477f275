"""Which log lines a page wants: by replica, level, text and request, in pages from the newest to the oldest.

A line is looked into as bytes before it is decoded: of a hundred thousand lines few are what somebody looks for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from hotplate.control.logs import backwards, log_files, read_entry, shown
from hotplate.control.plane import Plane
from hotplate.control.secrets import mask_of
from hotplate.deployment.names import check_endpoint
from hotplate.errors import InvalidInput

PAGE = 200
MAX_SCANNED = 48 << 20
"""Bytes that one page may look through. What is older is looked through by the next."""
MAX_TEXT = 200
LEVELS = ("error", "warning", "info", "debug")
NEWEST = float("inf")
STREAMS = ("stdout", "stderr", "hotplate")

_WORDS = {
    "error": "CRITICAL|FATAL|ERROR|Error|error|Exception|Traceback",
    "warning": "WARNING|Warning|WARN|warning",
    "info": "INFO|info",
    "debug": "DEBUG|debug",
}
_LEVEL = re.compile(rf"\b(?:{'|'.join(f'({_WORDS[level]})' for level in LEVELS)})\b")
_LEVEL_BYTES = {level: tuple(words.encode().split(b"|")) for level, words in _WORDS.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A filter. Empty fields let everything through. `level` is a level or a stream."""

    replica: str = ""
    level: str = ""
    text: str = ""
    request: str = ""

    def could_have(self, data: bytes) -> bool:
        """Whether one of these lines of a file may fit; they are not decoded yet."""
        if self.request and _plain(self.request) and self.request.encode() not in data:
            return False
        if self.level in STREAMS and self.level.encode() not in data:
            return False
        if self.level in LEVELS and not any(word in data for word in _LEVEL_BYTES[self.level]):
            return False
        return not self.text or not _plain(self.text) or self.text.lower().encode() in data.lower()

    def fits(self, entry: Mapping[str, Any]) -> bool:
        """Whether an entry is wanted."""
        if self.replica and entry["replica_id"] != self.replica:
            return False
        if self.request and entry["request_id"] != self.request:
            return False
        if self.text and self.text.lower() not in entry["data"].lower():
            return False
        if self.level in STREAMS:
            return entry["stream"] == self.level
        return not self.level or level_of(entry["data"]) == self.level


@dataclass(frozen=True, slots=True)
class Lines:
    """A page of lines, the newest first. `older` is where the next one begins; empty: there is nothing older."""

    entries: list[dict[str, Any]]
    older: str


def read_wanted(query: Mapping[str, str]) -> Wanted:
    """The filter of a query."""
    found = {name: query.get(name, "").strip() for name in ("replica", "level", "text", "request")}
    if any(len(value) > MAX_TEXT for value in found.values()):
        raise InvalidInput(f"A filter may have {MAX_TEXT} characters.")
    if found["level"] not in ("", *LEVELS, *STREAMS):
        raise InvalidInput(f"`level` is one of {', '.join((*LEVELS, *STREAMS))}.")
    return Wanted(**found)


def level_of(text: str) -> str:
    """The level that a line names near its beginning; none for most."""
    found = _LEVEL.search(text, 0, 120)
    return LEVELS[(found.lastindex or 1) - 1] if found else ""


def read_lines(plane: Plane, endpoint: str, wanted: Wanted, before: str = "", limit: int = PAGE) -> Lines:
    """Lines that are older than a place, or the newest."""
    end, skip = _place(before)
    left = MAX_SCANNED
    found: list[dict[str, Any]] = []
    last, same = end, skip
    mask = mask_of(plane)
    for line in newest_first(plane, endpoint, wanted):
        if end != NEWEST and _at(line) > end:
            continue
        left -= len(line)
        full = len(found) >= limit or left < 0
        if not full and not wanted.could_have(line):
            continue
        entry = read_entry(line, endpoint, mask)
        if entry is None or entry["at"] > end:
            continue
        if full:
            return Lines(found, f"{entry['at']!r}+{same if entry['at'] == last else 0}")
        if entry["at"] == end and skip > 0:
            skip -= 1
            continue
        same = same + 1 if entry["at"] == last else 1
        last = entry["at"]
        if wanted.fits(entry):
            found.append(_for_page(shown(entry)))
    return Lines(found, "")


def newest_first(plane: Plane, endpoint: str, wanted: Wanted) -> Iterator[bytes]:
    """The lines of an endpoint's files, without long stretches that have nothing that is wanted."""
    could_have = None if wanted == Wanted() else wanted.could_have
    for path in log_files(plane.home.logs / check_endpoint(endpoint)):
        yield from backwards(path, could_have)


def oldest_first(plane: Plane, endpoint: str, wanted: Wanted) -> Iterator[dict[str, Any]]:
    """Every wanted line, in the order in which they were written."""
    mask = mask_of(plane)
    for path in reversed(log_files(plane.home.logs / check_endpoint(endpoint))):
        for line in _lines(path):
            if wanted.could_have(line):
                entry = read_entry(line, endpoint, mask)
                if entry is not None and wanted.fits(entry):
                    yield shown(entry)


def for_page(entries: list[dict[str, Any]], wanted: Wanted) -> list[dict[str, Any]]:
    """New entries as a page shows them, the newest first."""
    return [_for_page(entry) for entry in reversed(entries) if wanted.fits(entry)]


def _for_page(entry: dict[str, Any]) -> dict[str, Any]:
    return {**entry, "level": level_of(entry["data"])}


def _lines(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            yield from file
    except OSError:
        return


def _at(line: bytes) -> float:
    """The time of a line, without decoding it: the server writes it first. What has none is looked into."""
    try:
        return float(line[6 : line.index(b",", 6, 40)]) if line.startswith(b'{"at":') else 0.0
    except ValueError:
        return 0.0


def _plain(text: str) -> bool:
    """Whether JSON writes this text as it is."""
    return text.isascii() and msgspec.json.encode(text) == f'"{text}"'.encode()


def _place(text: str) -> tuple[float, int]:
    at, _, skip = text.partition("+")
    try:
        return (float(at), int(skip or 0)) if text else (NEWEST, 0)
    except ValueError:
        raise InvalidInput("`before` is no place in the log.") from None
