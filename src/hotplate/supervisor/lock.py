"""One installation, one supervisor: a lock that ends with the process that holds it, however that ends."""

from __future__ import annotations

import fcntl
import os
import time
from typing import Any

import msgspec

from hotplate.deployment.home import Home
from hotplate.errors import Conflict

POLL_S = 0.02
UNSAID = "It is just starting, or the disk is full: then make room, and it says so within seconds."


class Lock:
    """Held as long as this object lives."""

    def __init__(self, home: Home) -> None:
        self._fd = os.open(home.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        if not _try(self._fd):
            os.close(self._fd)
            running = read(home)
            who = f"pid {running['pid']}, {running['url']}" if running else "it is just starting"
            raise Conflict(
                f"Hotplate is up already ({who}). `hotplate down` ends it; HOTPLATE_HOME names another home."
            )

    def release(self) -> None:
        """Give it back."""
        os.close(self._fd)


def is_up(home: Home) -> bool:
    """Whether a supervisor holds the lock."""
    try:
        fd = os.open(home.lock, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        return not _try(fd)
    finally:
        os.close(fd)


def wait_down(home: Home, timeout_s: float) -> bool:
    """Wait until nobody holds the lock. False: somebody still does."""
    end = time.monotonic() + timeout_s
    while is_up(home):
        if time.monotonic() > end:
            return False
        time.sleep(POLL_S)
    return True


def read(home: Home) -> dict[str, Any]:
    """What the supervisor says of itself (run/supervisor.json); nothing where none runs."""
    try:
        return msgspec.json.decode(home.supervisor_file.read_bytes(), type=dict[str, Any])
    except (OSError, msgspec.DecodeError):
        return {}


def _try(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
