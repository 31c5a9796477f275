"""Control's records in a PostgreSQL that several servers share.

One transaction at a time over all of them, as with the file: an advisory lock stands for SQLite's. Control is on the
way of no call, so turns cost nothing that anybody waits for, and no statement has to be thought through for two
writers. A connection that was lost is made anew with the next statement.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from functools import lru_cache
from threading import RLock
from time import monotonic
from typing import Any

import psycopg
from psycopg import errors

from hotplate.control.database import Row
from hotplate.control.postgres_schema import SCHEMA, STEPS
from hotplate.errors import DiskFull, PlatformError, SettingError, Unavailable
from hotplate.jobs import postgres_link

CHANNEL = "hotplate_control"
SCHEMA_LOCK, WRITE_LOCK = 0x686F74706C617466, 0x686F74706C617467
"""The advisory locks under which the schema is brought up to date, and under which something is changed."""
LIMITS = {"lock_timeout": "10s", "idle_in_transaction_session_timeout": "60s"}
"""A server that was stopped in the middle of a change does not hold up the others for ever."""
AGAIN_S = 1.0
"""A database that could not be reached is not asked again before that: whoever waits would wait for nothing."""
AWAY = (psycopg.OperationalError, psycopg.InterfaceError, errors.ReadOnlySqlTransaction)


class PostgresDatabase:
    """See `control.database.Database`. `mark` tells which key this home seals secrets with: all servers have one."""

    shared = True

    def __init__(self, url: str, mark: int | None) -> None:
        self.url = url
        self._mark = mark
        self._lock = RLock()
        self._depth = 0
        self._db: psycopg.Connection[Any] | None = None
        self._failed_at = float("-inf")

    def rows(self, sql: str, values: Iterable[Any] = ()) -> list[Row]:
        """Read rows."""
        with self._lock:
            return self._ask(sql, values, again=not self._depth).fetchall()

    def row(self, sql: str, values: Iterable[Any] = ()) -> Row | None:
        """Read one row, or None."""
        with self._lock:
            return self._ask(sql, values, again=not self._depth).fetchone()

    def run(self, sql: str, values: Iterable[Any] = ()) -> int:
        """Change rows and say how many."""
        with self.transaction():
            return self._ask(sql, values).rowcount

    @contextmanager
    def transaction(self) -> Generator[None]:
        """All or nothing. One inside another belongs to the outer one."""
        with self._lock:
            if self._depth:
                yield
                return
            self._ask("BEGIN", again=True)
            self._depth = 1
            try:
                self._ask("SELECT pg_advisory_xact_lock(?)", (WRITE_LOCK,))
                yield
                self._ask("COMMIT")
            except BaseException:
                with contextlib.suppress(psycopg.Error):
                    if self._db is not None and not self._db.closed:
                        self._db.execute("ROLLBACK")
                raise
            finally:
                self._depth = 0

    def note_change(self) -> None:
        """Tell other servers, once this transaction is done."""
        self.run("INSERT INTO meta VALUES ('changes', 1) ON CONFLICT (key) DO UPDATE SET value = meta.value + 1", ())
        self._ask("SELECT pg_notify(?, '')", (CHANNEL,))

    def changes(self) -> int:
        """How often something was changed by any server."""
        row = self.row("SELECT value FROM meta WHERE key = 'changes'")
        return int(row[0]) if row else 0

    def close(self) -> None:
        """Let go of the connection."""
        with self._lock:
            if self._db is not None:
                self._db.close()

    # -- the connection

    def _ask(self, sql: str, values: Iterable[Any] = (), *, again: bool = False) -> psycopg.Cursor[Any]:
        """Run a statement; with `again` once more where the connection turns out to have been lost before."""
        fresh = self._db is None or self._db.closed
        db = self._connection()
        try:
            return db.execute(_translated(sql), [_clean(value) for value in values])
        except psycopg.Error as error:
            if isinstance(error, errors.ReadOnlySqlTransaction):  # what was the primary is one no more
                db.close()
            if again and not fresh and db.closed:
                return self._ask(sql, values)
            raise told(error) from error

    def _connection(self) -> psycopg.Connection[Any]:
        if self._db is not None and not self._db.closed:
            return self._db
        if self._depth:
            raise unreachable()
        if monotonic() - self._failed_at < AGAIN_S:
            raise unreachable()
        try:
            db = postgres_link.connect(self.url, SCHEMA)
            try:
                for name, value in LIMITS.items():
                    db.execute(f"SET {name} = '{value}'".encode())
                self._migrate(db)
            except BaseException:
                db.close()
                raise
        except psycopg.Error as error:
            self._failed_at = monotonic()
            raise told(error) from error
        db.row_factory = _named
        self._db = db
        return db

    def _migrate(self, db: psycopg.Connection[Any]) -> None:
        with db.transaction():
            db.execute("SELECT pg_advisory_xact_lock(%s)", (SCHEMA_LOCK,))  # servers may start at once
            db.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}".encode())
            db.execute("CREATE TABLE IF NOT EXISTS version (step INTEGER NOT NULL)")
            row = db.execute("SELECT max(step) FROM version").fetchone()
            version: int = row[0] if row is not None and row[0] is not None else 0
            if version > len(STEPS):
                raise PlatformError(
                    f"The shared database is of version {version}, made by a newer Hotplate; this one reads up to "
                    f"{len(STEPS)}."
                )
            if version < len(STEPS):
                for step in STEPS[version:]:
                    for statement in step:
                        db.execute(statement.encode())
                db.execute("DELETE FROM version")
                db.execute("INSERT INTO version (step) VALUES (%s)", (len(STEPS),))
            self._check_key(db)

    def _check_key(self, db: psycopg.Connection[Any]) -> None:
        """The first server's key is everyone's. Whoever has another one could not open a secret."""
        row = db.execute("SELECT value FROM meta WHERE key = 'key'").fetchone()
        if row is None and self._mark is not None:
            db.execute("INSERT INTO meta VALUES ('key', %s)", (self._mark,))
        elif row is not None and row[0] != self._mark:
            raise SettingError(
                "The key of this home is not the one that the servers of this database seal secrets with.",
                key="store",
                hint="Copy the file `key` from the home of a server that is up with this database, mode 0600.",
            )


def unreachable() -> Unavailable:
    """What callers are told while the database is away."""
    return Unavailable(
        "The database that servers share cannot be reached. Calls of endpoints are answered as before; try again later."
    )


def told(error: psycopg.Error) -> Exception:
    """An error of psycopg's in our words, where there are some; else the error."""
    if isinstance(error, errors.LockNotAvailable):
        return Unavailable("The database is busy: another server has been changing it for long. Try again.")
    if isinstance(error, errors.DiskFull):
        return DiskFull("The disk of the database that servers share is full. Make room there and try again.")
    if isinstance(error, errors.InvalidPassword | errors.InvalidAuthorizationSpecification | errors.InvalidCatalogName):
        return SettingError(f"The database refuses: {_said(error)}.", key="store")
    return unreachable() if isinstance(error, AWAY) else error


def _said(error: psycopg.Error) -> str:
    return " ".join(str(error).split())[:300].rstrip(".")


class _Named:
    """A row whose values have places and names, as SQLite's have."""

    __slots__ = ("_names", "_values")

    def __init__(self, names: dict[str, int], values: Sequence[Any]) -> None:
        self._names = names
        self._values = values

    def __getitem__(self, key: int | str) -> Any:
        return self._values[key if isinstance(key, int) else self._names[key]]

    def __iter__(self) -> Any:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def keys(self) -> Iterable[str]:
        """The names."""
        return self._names.keys()


def _named(cursor: psycopg.Cursor[Any]) -> Any:
    names = {column.name: place for place, column in enumerate(cursor.description or ())}

    def row(values: Sequence[Any]) -> _Named:
        return _Named(names, values)

    return row


@lru_cache(maxsize=512)
def _translated(sql: str) -> bytes:
    return sql.replace("%", "%%").replace("?", "%s").encode()


def _clean(value: Any) -> Any:
    """PostgreSQL's texts have no NUL. Nothing that is looked up has one; what people are told may."""
    return value.replace("\0", "\N{REPLACEMENT CHARACTER}") if isinstance(value, str) else value
