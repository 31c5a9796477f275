"""Connections to PostgreSQL, for the store of jobs and for control: made alike, and one that hears of changes."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from threading import Event, Thread
from typing import Any

from hotplate.errors import MissingExtra

try:
    import psycopg
except ImportError as error:
    text = 'PostgreSQL needs psycopg. Install it with: pip install "hotplate[postgres]"'
    raise MissingExtra(text) from error

LIMITS: dict[str, Any] = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}
"""A host that vanished without a word is noticed within half a minute, not after the system's two hours."""
LISTEN_S = 5.0
AGAIN_S = 1.0


def connect(url: str, schema: str) -> psycopg.Connection[Any]:
    """Make a connection whose tables are those of a schema, and whose commits are on disk. Raises psycopg.Error."""
    db: psycopg.Connection[Any] = psycopg.Connection.connect(url, autocommit=True, **LIMITS)
    try:
        db.execute(f"SET search_path TO {schema}".encode())
        db.execute("SET synchronous_commit = on")
    except BaseException:
        db.close()
        raise
    return db


class Listener:
    """A thread that hears what a channel is told and calls back with it. It is a convenience: servers look anyway."""

    def __init__(self, url: str, channel: str, heard: Callable[[str], None]) -> None:
        self._url = url
        self._channel = channel
        self._heard = heard
        self._stop = Event()
        self._thread = Thread(target=self._run, name=f"{channel}-listen", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread, soon."""
        self._stop.set()

    def _run(self) -> None:
        while not self._stop.is_set():
            with contextlib.suppress(psycopg.Error), connect(self._url, "public") as db:
                db.execute(f"LISTEN {self._channel}".encode())
                while not self._stop.is_set():
                    for told in db.notifies(timeout=LISTEN_S):
                        self._heard(told.payload)
            self._stop.wait(AGAIN_S)
