"""control.db: one SQLite connection behind a lock, in WAL with FULL, so that what an answer confirmed is on disk."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from typing import Any

from hotplate.control.sqlite_schema import MIGRATIONS
from hotplate.errors import PlatformError

BUSY_S = 10.0
DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
REPAIR = (
    "End Hotplate, put control.db back from a backup, with control.db-wal where the backup has one, and start it again."
)


def is_damaged(error: sqlite3.Error) -> bool:
    """Whether it says that the file is no whole database. What Python itself raises carries no code."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in DAMAGED


class SqliteDatabase:
    """See `control.database.Database`. Short transactions, one at a time."""

    shared = False

    def __init__(self, path: Path) -> None:
        self._lock = RLock()
        self._depth = 0
        path.touch(mode=0o600)
        # Autocommit: transactions begin and end where this class says so, and nowhere else.
        self._connection = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
        self._connection.row_factory = sqlite3.Row
        try:
            for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "trusted_schema=OFF"):
                self._connection.execute(f"PRAGMA {pragma}")
            self._migrate()
        except (sqlite3.Error, PlatformError) as error:
            self._connection.close()
            if isinstance(error, sqlite3.Error) and is_damaged(error):
                raise PlatformError(f"{path} is damaged ({error}). {REPAIR}") from error
            raise

    def rows(self, sql: str, values: Iterable[Any] = ()) -> list[sqlite3.Row]:
        """Read rows."""
        with self._lock:
            return self._connection.execute(sql, tuple(values)).fetchall()

    def row(self, sql: str, values: Iterable[Any] = ()) -> sqlite3.Row | None:
        """Read one row, or None."""
        with self._lock:
            return self._connection.execute(sql, tuple(values)).fetchone()

    def run(self, sql: str, values: Iterable[Any] = ()) -> int:
        """Change rows and say how many. Inside `transaction` alone, where several changes belong together."""
        with self._lock:
            return self._connection.execute(sql, tuple(values)).rowcount

    @contextmanager
    def transaction(self) -> Generator[None]:
        """All or nothing. One inside another belongs to the outer one."""
        with self._lock:
            if self._depth:
                yield
                return
            self._connection.execute("BEGIN IMMEDIATE")
            self._depth = 1
            try:
                yield
            except BaseException:
                if self._connection.in_transaction:  # a full disk has undone it already
                    self._connection.execute("ROLLBACK")
                raise
            else:
                self._connection.execute("COMMIT")
            finally:
                self._depth = 0

    def note_change(self) -> None:
        """Nobody else reads this file."""

    def changes(self) -> int:
        """Nobody else writes to it."""
        return 0

    def close(self) -> None:
        """Close the file. WAL and shared memory are folded into it."""
        with self._lock:
            self._connection.close()

    def _migrate(self) -> None:
        version: int = self._connection.execute("PRAGMA user_version").fetchone()[0]
        if version > len(MIGRATIONS):
            raise PlatformError(
                f"control.db is of version {version}, made by a newer Hotplate; this one reads up to {len(MIGRATIONS)}."
            )
        for number, script in enumerate(MIGRATIONS[version:], version + 1):
            self._connection.executescript(f"BEGIN IMMEDIATE;{script};PRAGMA user_version={number};COMMIT;")
