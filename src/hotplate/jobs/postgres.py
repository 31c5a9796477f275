"""Jobs in PostgreSQL, for servers on several hosts: `FOR UPDATE SKIP LOCKED` to lease, `NOTIFY` to tell of new ones.

A connection that was lost is made anew with the next transaction; what was under way in it was not acknowledged.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import errors

from hotplate.errors import PlatformError, StorageFull
from hotplate.jobs import postgres_link
from hotplate.jobs.clock import Clock, SteadyClock, since_boot_ms
from hotplate.jobs.postgres_schema import STEPS
from hotplate.jobs.records import NewJob, Refused, Submitted
from hotplate.jobs.retention import Retention
from hotplate.jobs.sql import SqlStore
from hotplate.jobs.statements import Rows

SCHEMA = "hotplate"
LOCK = 0x686F74706C617465
"""The advisory lock under which the schema is brought up to date."""
CHANNEL = "hotplate_jobs"


class PostgresStore(SqlStore):
    """One connection. `clock` is for tests; without it the database's clock is used, read once and then kept going."""

    SKIP_LOCKED = " FOR UPDATE OF job SKIP LOCKED"
    SKIP_LOCKED_ROWS = " FOR UPDATE SKIP LOCKED"

    def __init__(self, url: str, *, retention: Retention | None = None, clock: Clock | None = None) -> None:
        super().__init__(retention)
        self._url = url
        self._fixed = clock
        self._db = self._connect()
        try:
            self._migrate()
        except BaseException:
            self._db.close()
            raise

    def _connect(self) -> psycopg.Connection[Any]:
        db = connect(self._url)
        if self._fixed is not None:
            self._clock = self._fixed
        else:
            row = db.execute("SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint").fetchone()
            assert row is not None
            self._clock = SteadyClock(row[0] - since_boot_ms())
        return db

    def _migrate(self) -> None:
        db = self._db
        with db.transaction():
            db.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))  # servers may start at once
            db.execute("CREATE SCHEMA IF NOT EXISTS hotplate")
            db.execute("CREATE TABLE IF NOT EXISTS version (step INTEGER NOT NULL)")
            row = db.execute("SELECT max(step) FROM version").fetchone()
            version: int = row[0] if row is not None and row[0] is not None else 0
            if version > len(STEPS):
                raise PlatformError(
                    f"The jobs database has schema {version}; this version of Hotplate knows {len(STEPS)}."
                    " Use a newer one."
                )
            for step in STEPS[version:]:
                for statement in step:
                    db.execute(statement.encode())
            db.execute("DELETE FROM version")
            db.execute("INSERT INTO version (step) VALUES (%s)", (len(STEPS),))

    # -- transactions

    def begin(self) -> None:
        """Begin a transaction, on a new connection if the old one was lost."""
        if self._db.closed or self._db.broken:
            self._depths.clear()
            self._db = self._connect()
        self._db.execute("BEGIN")

    def commit(self) -> None:
        """Make it durable."""
        self._db.execute("COMMIT")

    def rollback(self) -> None:
        """Undo it."""
        self._depths.clear()
        self._db.execute("ROLLBACK")

    def close(self) -> None:
        """Let go of the connection."""
        self._db.close()

    def submit(self, new: NewJob, most: int) -> Submitted | Refused:
        """Keep a new job, and tell other servers of it."""
        if new.key:  # one at a time: another server may be given the same key now
            self._run("SELECT pg_advisory_xact_lock(hashtextextended(?, 0))", (f"{new.endpoint}\n{new.key}",))
        made = super().submit(new, most)
        if isinstance(made, Submitted) and made.created:
            self._run("SELECT pg_notify(?, ?)", (CHANNEL, new.endpoint))
        return made

    # -- for the statements

    def _run(self, statement: str, values: Sequence[Any] = ()) -> Rows:
        if self._db.closed:
            self._db = self._connect()
        with self._of_the_primary():
            return self._db.execute(statement.replace("?", "%s").encode(), values)

    def _many(self, statement: str, rows: Iterable[Sequence[Any]]) -> None:
        with self._of_the_primary(), self._db.cursor() as cursor:
            cursor.executemany(statement.replace("?", "%s").encode(), rows)

    @contextmanager
    def _of_the_primary(self) -> Generator[None]:
        """A connection to what may only be read is let go: another one may find the server that took over."""
        try:
            yield
        except errors.ReadOnlySqlTransaction:
            self._db.close()
            raise

    def _wall_s(self) -> float:
        return self._clock.now_ms() / 1000


def connect(url: str) -> psycopg.Connection[Any]:
    """Make a connection. Raises StorageFull when the database cannot be reached."""
    try:
        return postgres_link.connect(url, SCHEMA)
    except psycopg.Error as error:
        raise unreachable(error) from error


def unreachable(error: BaseException) -> BaseException:
    """The error behind one of psycopg's, where there is one of ours for it."""
    if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError | errors.ReadOnlySqlTransaction):
        return StorageFull("The database in which jobs are kept cannot be reached. Try again later.")
    return error
