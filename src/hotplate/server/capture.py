"""What replicas print, in files: logs/ENDPOINT/current.jsonl, one JSON object a line, rotated and capped.

A thread writes them. When the disk is slower than the models, lines are dropped and counted; nothing waits.
"""

from __future__ import annotations

import os
import queue
import shutil
import threading
import time
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

import msgspec

CURRENT = "current.jsonl"
FILE_BYTES = 8 * 1024 * 1024
FILES = 5
"""An endpoint keeps so many files beside the current one."""
MAX_WAITING = 20_000
MAX_OPEN = 64


class Line(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line. `at` is Unix time; `request_id` is there where one call alone can have printed it."""

    at: float
    replica: int
    revision: str
    stream: str
    text: str
    request_id: str = ""


class Capture:
    """The files of all endpoints."""

    def __init__(self, folder: Path, *, file_bytes: int = FILE_BYTES, files: int = FILES) -> None:
        self.dropped = 0
        self._folder = folder
        self._file_bytes = file_bytes
        self._files = files
        self._lines: queue.SimpleQueue[tuple[str, Line | None] | None] = queue.SimpleQueue()
        self._open: dict[str, _File] = {}
        self._thread = threading.Thread(target=self._write, name="hotplate-capture", daemon=True)
        self._thread.start()

    def put(self, endpoint: str, line: Line) -> None:
        """Write a line, soon."""
        if self._lines.qsize() >= MAX_WAITING:
            self.dropped += 1
            return
        self._lines.put((endpoint, line))

    def remove(self, endpoint: str) -> None:
        """Remove what an endpoint has written, after what it has still to write: it was deleted."""
        self._lines.put((endpoint, None))

    def keep(self, endpoints: Collection[str]) -> None:
        """Remove what endpoints wrote that are there no more: they were deleted while no server ran."""
        with suppress(OSError):
            for folder in self._folder.iterdir():
                if folder.is_dir() and folder.name not in endpoints:
                    self.remove(folder.name)

    def close(self, timeout_s: float = 5.0) -> None:
        """Write what is left."""
        self._lines.put(None)
        self._thread.join(timeout_s)

    def _write(self) -> None:
        encode = msgspec.json.Encoder().encode
        while True:
            pieces: dict[str, list[bytes]] = {}
            taken = self._lines.get()
            while taken is not None:
                endpoint, line = taken
                if line is None:
                    pieces.pop(endpoint, None)
                    self._erase(endpoint)
                else:
                    pieces.setdefault(endpoint, []).append(encode(line))
                if self._lines.empty():
                    break
                taken = self._lines.get()
            for endpoint, lines in pieces.items():
                try:
                    self._file(endpoint).append(b"\n".join(lines) + b"\n", self._file_bytes, self._files)
                except OSError:
                    self.dropped += len(lines)
                    self._forget(endpoint)
            if taken is None:
                for endpoint in list(self._open):
                    self._forget(endpoint)
                return

    def _file(self, endpoint: str) -> _File:
        file = self._open.pop(endpoint, None)
        if file is None:
            if len(self._open) >= MAX_OPEN:
                self._forget(next(iter(self._open)))
            file = _File(self._folder / endpoint)
        self._open[endpoint] = file  # last: the one used longest ago is closed first
        return file

    def _erase(self, endpoint: str) -> None:
        self._forget(endpoint)
        shutil.rmtree(self._folder / endpoint, ignore_errors=True)

    def _forget(self, endpoint: str) -> None:
        file = self._open.pop(endpoint, None)
        if file is not None:
            os.close(file.fd)


class _File:
    """One endpoint's current file."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder
        self._path = folder / CURRENT
        self._open()

    def _open(self) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        self.fd = os.open(self._path, flags, 0o600)
        self._size = os.fstat(self.fd).st_size

    def append(self, data: bytes, most_bytes: int, files: int) -> None:
        if self._size and self._size + len(data) > most_bytes:
            self._rotate(files)
        self._size += len(data)
        while data:
            data = data[os.write(self.fd, data) :]

    def _rotate(self, files: int) -> None:
        os.close(self.fd)
        self._path.rename(self._folder / f"{time.time_ns():020}.jsonl")
        old = sorted(path for path in self._folder.glob("*.jsonl") if path.name != CURRENT)
        for path in old[:-files]:
            path.unlink(missing_ok=True)
        self._open()
