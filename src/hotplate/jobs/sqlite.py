"""Jobs in one SQLite file: WAL with synchronous=FULL, so that what was committed survives a loss of power.

Writers of several processes take turns (BEGIN IMMEDIATE); readers never wait.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from hotplate.errors import StorageFull
from hotplate.jobs.clock import Clock, SteadyClock, boot_id, fresh_offset_ms
from hotplate.jobs.retention import Retention
from hotplate.jobs.schema import migrate
from hotplate.jobs.sql import SqlStore

BUSY_TIMEOUT_S = 10.0
SYNCHRONOUS = "FULL"
"""Each commit is flushed. With NORMAL a loss of power would take back jobs that were acknowledged."""
WAL_BYTES = 64 * 1024 * 1024


class SqliteStore(SqlStore):
    """One connection to the file. `clock` is for tests; without it the machine's steady clock is used."""

    def __init__(self, path: Path, *, retention: Retention | None = None, clock: Clock | None = None) -> None:
        super().__init__(retention)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._db = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
        try:
            for pragma in (
                "journal_mode = WAL",
                f"synchronous = {SYNCHRONOUS}",
                "temp_store = MEMORY",
                f"journal_size_limit = {WAL_BYTES}",
            ):
                self._db.execute(f"PRAGMA {pragma}")
            migrate(self._db)
            self._clock = clock or _shared_clock(self._db)
        except BaseException:
            self._db.close()
            raise
        path.chmod(0o600)

    # -- transactions

    def begin(self) -> None:
        """Begin a transaction."""
        self._guarded("BEGIN IMMEDIATE")

    def commit(self) -> None:
        """Make it durable. Raises StorageFull, or what SQLite says."""
        self._guarded("COMMIT")

    def rollback(self) -> None:
        """Undo it."""
        self._depths.clear()
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    def _guarded(self, statement: str) -> None:
        try:
            self._db.execute(statement)
        except sqlite3.OperationalError as error:
            raise storage_error(error) from error

    # -- for the statements

    def _run(self, statement: str, values: Sequence[Any] = ()) -> sqlite3.Cursor:
        return self._db.execute(statement, values)

    def _many(self, statement: str, rows: Iterable[Sequence[Any]]) -> None:
        self._db.executemany(statement, rows)

    def _by(self, index: str) -> str:
        return f" INDEXED BY {index}"

    def _wall_s(self) -> float:
        return time.time()


def _shared_clock(db: sqlite3.Connection) -> SteadyClock:
    """The clock of this boot of the machine; its first process writes the offset down."""
    boot = boot_id()
    db.execute("BEGIN IMMEDIATE")
    found = db.execute("SELECT offset_ms FROM clock WHERE boot = ? AND boot <> ''", (boot,)).fetchone()
    offset: int = found[0] if found else fresh_offset_ms()
    if found is None:
        db.execute("DELETE FROM clock")
        db.execute("INSERT INTO clock (boot, offset_ms) VALUES (?, ?)", (boot, offset))
    db.execute("COMMIT")
    return SteadyClock(offset)


def storage_error(error: sqlite3.OperationalError) -> Exception:
    """What a failed write means: no room left, or the error itself."""
    code = error.sqlite_errorcode & 0xFF
    if code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR):
        return StorageFull()
    return error
