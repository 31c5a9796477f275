"""server.db: what happened, what was decided, when tokens were used. A thread writes it: no request waits for a disk.

Control reads it; this process reads it once, at its start, to go on where the one before it ended.
"""

from __future__ import annotations

import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec

from hotplate.scaling.history import Saved
from hotplate.scaling.records import TABLE as DECISIONS

TABLES = (
    """CREATE TABLE IF NOT EXISTS events (
        id INTEGER PRIMARY KEY, at REAL NOT NULL, endpoint TEXT NOT NULL, kind TEXT NOT NULL, replica INTEGER,
        revision TEXT NOT NULL, text TEXT NOT NULL, data TEXT NOT NULL
    )""",
    "CREATE INDEX IF NOT EXISTS events_by_endpoint ON events (endpoint, id)",
    DECISIONS,
    "CREATE INDEX IF NOT EXISTS decisions_by_endpoint ON decisions (endpoint, id)",
    "CREATE TABLE IF NOT EXISTS token_use (token TEXT PRIMARY KEY, at REAL NOT NULL)",
    """CREATE TABLE IF NOT EXISTS samples (
        endpoint TEXT NOT NULL, variant TEXT NOT NULL, at REAL NOT NULL, saved TEXT NOT NULL,
        PRIMARY KEY (endpoint, variant)
    )""",
)
KEPT_ROWS = 20_000
"""Events and decisions that are kept; the oldest go."""
PRUNE_EVERY = 500
MAX_WAITING = 10_000
MAX_TEXT = 8_000
DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}

Row = tuple[str, tuple[Any, ...]]

_saved = msgspec.json.Decoder(Saved)


class Journal:
    """The database and the thread that writes it. What cannot be written is dropped: serving goes on."""

    def __init__(self, path: Path, on_trouble: Callable[[str], None]) -> None:
        self._path = path
        self._on_trouble = on_trouble
        self._rows: queue.SimpleQueue[Row | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._write, name="hotplate-journal", daemon=True)
        self._thread.start()

    # -- what is noted, from the loop

    def event(
        self, endpoint: str, kind: str, text: str, *, replica: int | None, revision: str, data: dict[str, Any]
    ) -> None:
        """Something happened to an endpoint."""
        values = (time.time(), endpoint, kind, replica, revision, text[:MAX_TEXT], msgspec.json.encode(data).decode())
        self._put(
            "INSERT INTO events (at, endpoint, kind, replica, revision, text, data) VALUES (?, ?, ?, ?, ?, ?, ?)",
            values,
        )

    def decision(self, endpoint: str, at: float, before: int, after: int, reason: str, inputs: Any) -> None:
        """The autoscaler decided something."""
        values = (at, endpoint, msgspec.json.encode(inputs).decode(), before, after, reason)
        self._put(
            'INSERT INTO decisions (at, endpoint, inputs, "from", "to", reason) VALUES (?, ?, ?, ?, ?, ?)', values
        )

    def used(self, tokens: Iterable[tuple[str, float]]) -> None:
        """Tokens were used."""
        for token, at in tokens:
            self._put("INSERT OR REPLACE INTO token_use (token, at) VALUES (?, ?)", (token, at))

    def save(self, endpoint: str, variant: str, saved: Saved) -> None:
        """Keep what an autoscaler knows, for the next process."""
        values = (endpoint, variant, time.time(), msgspec.json.encode(saved).decode())
        self._put("INSERT OR REPLACE INTO samples (endpoint, variant, at, saved) VALUES (?, ?, ?, ?)", values)

    def forget(self, endpoint: str, variant: str) -> None:
        """A revision is not in service any more."""
        self._put("DELETE FROM samples WHERE endpoint = ? AND variant = ?", (endpoint, variant))

    def _put(self, sql: str, values: tuple[Any, ...]) -> None:
        if self._rows.qsize() < MAX_WAITING:
            self._rows.put((sql, values))

    def close(self, timeout_s: float = 5.0) -> None:
        """Write what is left."""
        self._rows.put(None)
        self._thread.join(timeout_s)

    # -- at the start

    def saved(self) -> dict[tuple[str, str], Saved]:
        """What autoscalers knew, by endpoint and variant."""
        found: dict[tuple[str, str], Saved] = {}
        uri = f"{self._path.absolute().as_uri()}?mode=ro"
        try:
            with closing(sqlite3.connect(uri, uri=True, timeout=1.0)) as database:
                for endpoint, variant, saved in database.execute("SELECT endpoint, variant, saved FROM samples"):
                    found[endpoint, variant] = _saved.decode(saved)
        except (sqlite3.Error, msgspec.DecodeError):  # a new database, or another version's
            pass
        return found

    # -- the thread

    def _write(self) -> None:
        database: sqlite3.Connection | None = None
        written = 0
        said = ""
        while True:
            rows = self._take()
            try:
                if database is None:
                    database = self._open()
                with database:
                    for sql, values in rows[0]:
                        database.execute(sql, values)
                    written += len(rows[0])
                    if written >= PRUNE_EVERY:
                        written = 0
                        _prune(database)
                said = ""
            except (sqlite3.Error, OSError) as error:
                if database is not None:
                    database.close()
                    database = None
                if (text := self._trouble(error)) != said:  # once, however long it lasts
                    said = text
                    self._on_trouble(text)
            if rows[1]:
                if database is not None:
                    database.close()
                return

    def _trouble(self, error: sqlite3.Error | OSError) -> str:
        """What to say of it. A damaged database is put aside: what is in it is history, and a new one is begun."""
        text = f"{self._path} cannot be written: {getattr(error, 'strerror', None) or error}."
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in DAMAGED:
            aside = self._path.with_name(f"{self._path.name}.damaged")
            try:
                for end in ("-wal", "-shm"):
                    self._path.with_name(self._path.name + end).unlink(missing_ok=True)
                self._path.replace(aside)
            except OSError as failed:
                text += f" It cannot be put aside either: {failed.strerror}."
            else:
                text += f" It is put aside as {aside.name}, and events and decisions begin anew."
        return text

    def _take(self) -> tuple[list[Row], bool]:
        """Wait for rows; give all that are there, and whether it was the end."""
        rows: list[Row] = []
        row = self._rows.get()
        while row is not None:
            rows.append(row)
            if self._rows.empty():
                return rows, False
            row = self._rows.get()
        return rows, True

    def _open(self) -> sqlite3.Connection:
        self._path.touch(mode=0o600)
        database = sqlite3.connect(self._path, timeout=10.0)
        try:
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("PRAGMA synchronous = NORMAL")
            for statement in TABLES:
                database.execute(statement)
        except sqlite3.Error:
            database.close()
            raise
        return database


def _prune(database: sqlite3.Connection) -> None:
    for table in ("events", "decisions"):
        newest = database.execute(f"SELECT max(id) FROM {table}").fetchone()[0]  # noqa: S608 - names of ours
        database.execute(f"DELETE FROM {table} WHERE id <= ?", ((newest or 0) - KEPT_ROWS,))  # noqa: S608
