"""A command of `hotplate`'s that outlives who started it, in a job's folder: its process, its lock and its log.

The process holds a lock on the folder as long as it lives, so that nobody takes another process for it.
"""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from proximl.exceptions import ApiError


def start(folder: Path, words: list[str], variables: Mapping[str, str]) -> None:
    """Run `hotplate WORDS` for a job. Raises ApiError where it has such a process already."""
    with (folder / "lock").open("a") as lock, (folder / "log").open("wb") as log:
        _take(lock)
        process = subprocess.Popen(
            [sys.executable, "-m", "hotplate.cli", *words],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={**os.environ, **variables},
            pass_fds=[lock.fileno()],  # the lock lives as long as any process that has it
            start_new_session=True,
        )
    (folder / "pid").write_text(str(process.pid))
    _running[process.pid] = process


def signal(folder: Path, number: int) -> None:
    """Send a signal, if the process lives."""
    if alive(folder):
        os.kill(int((folder / "pid").read_text()), number)


def alive(folder: Path) -> bool:
    """Whether the process lives."""
    for pid, process in list(_running.items()):
        if process.poll() is not None:
            del _running[pid]
    with (folder / "lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


_running: dict[int, subprocess.Popen[bytes]] = {}
"""Our own children, to be waited for."""


def _take(lock: IO[str]) -> None:
    """Lock a job's folder. Others only look for a moment, so it is free soon or not at all."""
    end = time.monotonic() + 2.0
    while True:
        try:
            return fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > end:
                raise ApiError(409, {"errorMessage": "The job is running already"}) from None
            time.sleep(0.01)


# -- the log


def messages(folder: Path) -> list[str]:
    """Every line that was said so far."""
    return [message for _, message in _records((folder / "log").read_bytes().splitlines())]


def lines(folder: Path, done: int, *, ended: bool) -> tuple[list[tuple[str, str]], int]:
    """Give the whole lines after a place in the log, as pairs of time (or "") and text, and the place after them."""
    with (folder / "log").open("rb") as log:
        log.seek(done)
        whole = [line for line in log if line.endswith(b"\n") or ended]
    return list(_records(whole)), done + sum(map(len, whole))


def _records(found: list[bytes]) -> Iterator[tuple[str, str]]:
    for line in found:
        try:
            record: Any = json.loads(line)
            yield record["time"], record["message"]
        except (ValueError, KeyError, TypeError):
            yield "", line.decode(errors="replace")
