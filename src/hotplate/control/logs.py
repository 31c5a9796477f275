"""Replica output, as the server wrote it into logs/<endpoint>/: read backwards from the newest line, or followed."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import msgspec

from hotplate.control.plane import Plane
from hotplate.control.secrets import mask_of
from hotplate.control.span import Span
from hotplate.control.stamps import stamp
from hotplate.deployment.masking import Mask
from hotplate.deployment.names import check_endpoint

CURRENT = "current.jsonl"
BLOCK = 64 * 1024
MAX_SCANNED = 256 << 20
MAX_LINE = 64 * 1024

_decoder = msgspec.json.Decoder(dict[str, Any])


def read_logs(plane: Plane, endpoint: str, span: Span) -> list[dict[str, Any]]:
    """The last lines within a span, the oldest of them first. Secrets are masked."""
    folder = plane.home.logs / check_endpoint(endpoint)
    mask = mask_of(plane)
    found: list[dict[str, Any]] = []
    left = MAX_SCANNED if span.limit else -1
    for path in log_files(folder):
        for line in backwards(path):
            left -= len(line)
            if left < 0:
                return _ended(found)
            entry = read_entry(line, endpoint, mask)
            if entry is not None and entry["at"] < span.begin:
                return _ended(found)
            if entry is not None and entry["at"] < span.end and span.is_of(endpoint, entry["number"]):
                found.append(entry)
            if len(found) >= span.limit:
                return _ended(found)
    return _ended(found)


class Follower:
    """The lines that are written from now on. Rotation is noticed by the file's identity."""

    def __init__(self, plane: Plane, endpoint: str, span: Span) -> None:
        self._path = plane.home.logs / check_endpoint(endpoint) / CURRENT
        self._endpoint = endpoint
        self._span = span
        self._plane = plane
        self._fd: int | None = None
        self._rest = b""
        self._open(from_start=False)

    def new(self) -> list[dict[str, Any]]:
        """What was written since the last look, without waiting."""
        if self._fd is None:
            self._open(from_start=True)
        lines = self._read()
        if self._rotated():
            lines += self._read()
            self.close()
            self._open(from_start=True)
            lines += self._read()
        if not lines:
            return []
        mask = mask_of(self._plane)
        entries = [entry for line in lines if (entry := read_entry(line, self._endpoint, mask)) is not None]
        return [shown(each) for each in entries if self._span.is_of(self._endpoint, each["number"])]

    def close(self) -> None:
        """Let the file go."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None
            self._rest = b""

    def _open(self, *, from_start: bool) -> None:
        try:
            self._fd = os.open(self._path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:
            return
        if not from_start:
            os.lseek(self._fd, 0, os.SEEK_END)

    def _read(self) -> list[bytes]:
        if self._fd is None:
            return []
        data = os.read(self._fd, 1 << 20)
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > MAX_LINE:
            self._rest = b""
        return lines

    def _rotated(self) -> bool:
        if self._fd is None:
            return False
        mine = os.fstat(self._fd)
        try:
            now = self._path.stat()
        except OSError:
            return True
        return (now.st_ino, now.st_dev) != (mine.st_ino, mine.st_dev)


def log_files(folder: Path) -> list[Path]:
    """An endpoint's log files, the newest first."""
    try:
        files = [path for path in folder.iterdir() if path.suffix == ".jsonl" and path.is_file()]
    except OSError:
        return []
    # By time, for the rotated ones; the current one is first even if nothing was written to it for long.
    return sorted(files, key=lambda path: (path.name == CURRENT, path.stat().st_mtime_ns, path.name), reverse=True)


def backwards(path: Path, could_have: Callable[[bytes], bool] | None = None) -> Iterator[bytes]:
    """The lines of a file, the last one first, without holding the file in memory.

    `could_have` says of many lines at once whether one of them may be wanted; where none is, they are passed over.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return
    try:
        yield from _backwards(fd, could_have)
    finally:
        os.close(fd)


def _backwards(fd: int, could_have: Callable[[bytes], bool] | None) -> Generator[bytes]:
    at = os.fstat(fd).st_size
    rest = b""
    while at:
        size = min(BLOCK, at)
        at -= size
        data = os.pread(fd, size, at) + rest
        first, newline, others = data.partition(b"\n")
        if newline and (could_have is None or could_have(others)):
            yield from (line for line in reversed(others.split(b"\n")) if line)
        rest = first if len(first) <= MAX_LINE else b""
    if rest:
        yield rest


def read_entry(line: bytes, endpoint: str, mask: Mask) -> dict[str, Any] | None:
    """A line of the file; None for one that is cut off or was never one of ours."""
    try:
        found = _decoder.decode(line)
        at = float(found["at"])
    except (msgspec.DecodeError, msgspec.ValidationError, KeyError, TypeError, ValueError):
        return None
    number = found.get("replica", "")
    return {
        "at": at,
        "number": number,
        "replica_id": Span.replica_id(endpoint, number),
        "data": mask(str(found.get("text", ""))),
        "stream": str(found.get("stream", "")),
        "revision": str(found.get("revision") or "") or None,
        "request_id": str(found.get("request_id") or "") or None,
    }


def shown(entry: dict[str, Any]) -> dict[str, Any]:
    """An entry as the API has it."""
    shown = {name: value for name, value in entry.items() if name not in ("at", "number")}
    return {"timestamp": stamp(entry["at"]), **shown}


def _ended(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [shown(entry) for entry in reversed(found)]
