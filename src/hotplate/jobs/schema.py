"""The schema of the SQLite store, as the steps that lead to it. A released step never changes; new ones follow it."""

from __future__ import annotations

import sqlite3

from hotplate.errors import PlatformError

STEPS: tuple[tuple[str, ...], ...] = (
    (
        """CREATE TABLE job (
            seq INTEGER PRIMARY KEY, endpoint TEXT NOT NULL, id TEXT NOT NULL, method TEXT NOT NULL, path TEXT NOT NULL,
            state TEXT NOT NULL, priority INTEGER NOT NULL, attempt INTEGER NOT NULL DEFAULT 0,
            token INTEGER, beat INTEGER NOT NULL DEFAULT 0, owner TEXT NOT NULL DEFAULT '',
            failures INTEGER NOT NULL DEFAULT 0, crashes INTEGER NOT NULL DEFAULT 0, losses INTEGER NOT NULL DEFAULT 0,
            run_at INTEGER NOT NULL, deadline_at INTEGER, keep_until INTEGER,
            created_at REAL NOT NULL, started_at REAL, finished_at REAL,
            progress REAL, progress_text TEXT NOT NULL DEFAULT '',
            code TEXT NOT NULL DEFAULT '', error TEXT NOT NULL DEFAULT '', last_output TEXT NOT NULL DEFAULT '',
            status INTEGER, has_result INTEGER NOT NULL DEFAULT 0,
            origin TEXT NOT NULL, note TEXT NOT NULL DEFAULT ''
        ) STRICT""",
        "CREATE UNIQUE INDEX job_by_id ON job (endpoint, id)",
        "CREATE INDEX job_queued ON job (endpoint, priority, seq) WHERE state = 'queued'",
        "CREATE INDEX job_retrying ON job (endpoint, run_at) WHERE state = 'retrying'",
        "CREATE INDEX job_running ON job (seq) WHERE state = 'running'",
        "CREATE INDEX job_dead ON job (endpoint, seq) WHERE state = 'dead'",
        """CREATE INDEX job_deadline ON job (endpoint, deadline_at)
            WHERE deadline_at IS NOT NULL AND state IN ('queued', 'retrying')""",
        "CREATE INDEX job_kept ON job (keep_until) WHERE keep_until IS NOT NULL",
        """CREATE TABLE idempotency (
            endpoint TEXT NOT NULL, key TEXT NOT NULL, digest BLOB NOT NULL, id TEXT NOT NULL,
            keep_until INTEGER NOT NULL,
            PRIMARY KEY (endpoint, key)
        ) STRICT, WITHOUT ROWID""",
        "CREATE INDEX idempotency_kept ON idempotency (keep_until)",
        """CREATE TABLE input (
            seq INTEGER PRIMARY KEY, meta BLOB NOT NULL,
            blob TEXT NOT NULL, body_bytes INTEGER NOT NULL, body BLOB NOT NULL
        ) STRICT""",
        "CREATE INDEX input_blob ON input (blob) WHERE blob <> ''",
        """CREATE TABLE output (
            seq INTEGER PRIMARY KEY, status INTEGER NOT NULL, headers TEXT NOT NULL, keep_until INTEGER NOT NULL,
            blob TEXT NOT NULL, body_bytes INTEGER NOT NULL, body BLOB NOT NULL
        ) STRICT""",
        "CREATE INDEX output_blob ON output (blob) WHERE blob <> ''",
        "CREATE INDEX output_kept ON output (keep_until)",
        "CREATE TABLE clock (boot TEXT NOT NULL, offset_ms INTEGER NOT NULL) STRICT",
    ),
    (
        "ALTER TABLE job ADD COLUMN caller TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE job ADD COLUMN hooks TEXT NOT NULL DEFAULT ''",
        """CREATE TABLE webhook (
            seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, endpoint TEXT NOT NULL, job TEXT NOT NULL,
            event TEXT NOT NULL, url TEXT NOT NULL, payload TEXT NOT NULL, state TEXT NOT NULL DEFAULT 'waiting',
            attempt INTEGER NOT NULL DEFAULT 0, run_at INTEGER NOT NULL, status INTEGER,
            error TEXT NOT NULL DEFAULT '', created_at REAL NOT NULL, ended_at REAL, keep_until INTEGER NOT NULL
        ) STRICT""",
        "CREATE INDEX webhook_waiting ON webhook (run_at) WHERE state = 'waiting'",
        "CREATE INDEX webhook_by_job ON webhook (endpoint, job)",
        "CREATE INDEX webhook_kept ON webhook (keep_until)",
    ),
    (  # counting those that run would else go through all finished ones of the endpoint
        "DROP INDEX job_running",
        "CREATE INDEX job_running ON job (endpoint, seq) WHERE state = 'running'",
    ),
    (  # a page of a list is found in these, whatever it is filtered by; only its own rows are read
        "CREATE INDEX job_listed ON job (endpoint, seq, origin, path)",
        """CREATE INDEX job_ended ON job (endpoint, state, seq, origin, path)
            WHERE state IN ('completed', 'failed', 'cancelled')""",
        "CREATE INDEX webhook_listed ON webhook (endpoint, seq, state)",
    ),
)


def migrate(connection: sqlite3.Connection) -> None:
    """Bring a database up to date, whatever version it has. Raises PlatformError for one from a newer Hotplate."""
    connection.execute("BEGIN IMMEDIATE")  # two servers may start at once
    try:
        version: int = connection.execute("PRAGMA user_version").fetchone()[0]
        if version > len(STEPS):
            raise PlatformError(
                f"The jobs database has schema {version}; this version of Hotplate knows {len(STEPS)}. Use a newer one."
            )
        for number in range(version, len(STEPS)):
            for statement in STEPS[number]:
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {len(STEPS)}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # a full disk has ended it, and is the error that counts
            connection.execute("ROLLBACK")
        raise
