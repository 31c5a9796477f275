"""What jobs print, one file each: appended by a thread a few times a second, capped, dropped with the job's record.

They lie on the host that ran the job. A line belongs to a job where one call at a time runs in its worker.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from typing import Any

from hotplate.jobs.documents import stamp

FLUSH_S = 0.2
MOST_BYTES = 1024 * 1024
"""A job's log is cut here: what a job prints by the gigabyte belongs into a file of its own."""
WAITING_BYTES = 16 * 1024 * 1024
"""More than this is not held for a slow disk; what is dropped is said."""
CUT = "(more was printed than is kept)"


class JobLogs:
    """The folder of logs. Methods are called on the loop, but for `read`, `forget` and `collect`, which block."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._waiting: dict[Path, list[bytes]] = {}
        self._held = 0
        self._closed = False
        self._sizes: dict[Path, int] = {}
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="hotplate-job-logs")
        self._loop = asyncio.get_running_loop()

    def line(self, endpoint: str, job_id: str, stream: str, text: str) -> None:
        """A job printed a line."""
        path = self.path(endpoint, job_id)
        size = self._sizes.get(path, 0)
        if size > MOST_BYTES or self._held > WAITING_BYTES:
            return
        line = _line(stream, text)
        if size + len(line) > MOST_BYTES:
            line, size = _line("hotplate", CUT), MOST_BYTES
        self._sizes[path] = size + len(line)
        self._held += len(line)
        if not self._waiting:
            self._loop.call_later(FLUSH_S, self._flush)
        self._waiting.setdefault(path, []).append(line)

    def ended(self, endpoint: str, job_id: str) -> None:
        """A job prints no more: its last lines have come."""
        if self._sizes:
            self._sizes.pop(self.path(endpoint, job_id), None)

    def path(self, endpoint: str, job_id: str) -> Path:
        """Where a job's log is. Ids may be callers' own words, so they are no names of files."""
        name = sha256(f"{endpoint}\n{job_id}".encode()).hexdigest()
        return self._folder / name[:2] / f"{name}.jsonl"

    def read(self, endpoint: str, job_id: str, offset: int = 0) -> tuple[list[dict[str, Any]], int]:
        """The whole lines from an offset on, and where the next ones begin."""
        try:
            with self.path(endpoint, job_id).open("rb") as file:
                file.seek(offset)
                data = file.read(MOST_BYTES + 4096)
        except FileNotFoundError:
            return [], offset
        whole = data[: data.rfind(b"\n") + 1]
        return list(_parsed(whole)), offset + len(whole)

    def forget(self, endpoint: str, job_id: str) -> None:
        """Drop a job's log."""
        self.path(endpoint, job_id).unlink(missing_ok=True)

    def collect(self, seconds: float) -> None:
        """Drop logs that nobody wrote to for so long."""
        before = time.time() - seconds
        for path in self._folder.glob("*/*.jsonl"):
            if path.stat().st_mtime < before:
                path.unlink(missing_ok=True)

    def close(self) -> None:
        """Write what is left. Blocks."""
        self._flush()
        self._closed = True
        self._thread.shutdown()

    def _flush(self) -> None:
        waiting, self._waiting, self._held = self._waiting, {}, 0
        if waiting and not self._closed:
            self._thread.submit(_append, waiting)


def _append(waiting: dict[Path, list[bytes]]) -> None:
    for path, lines in waiting.items():
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
            with os.fdopen(os.open(path, flags, 0o600), "ab") as file:
                file.write(b"".join(lines))
        except OSError:
            continue  # a full disk takes logs, never jobs


def _line(stream: str, text: str) -> bytes:
    return json.dumps({"at": stamp(time.time()), "stream": stream, "text": text}, ensure_ascii=False).encode() + b"\n"


def _parsed(data: bytes) -> Iterator[dict[str, Any]]:
    for line in data.splitlines():
        try:
            yield json.loads(line)
        except ValueError:
            continue


Hear = Callable[[str, str, str], None]
"""Told of each line of a worker: its stream, its text, the id of the request that printed it if that is known."""
