"""The schema of the PostgreSQL store, as the steps that lead to it. A released step never changes; new ones follow it.

The tables lie in a schema of their own, `hotplate`.
"""

from __future__ import annotations

STEPS: tuple[tuple[str, ...], ...] = (
    (
        """CREATE TABLE job (
            seq BIGSERIAL PRIMARY KEY, endpoint TEXT NOT NULL, id TEXT NOT NULL, method TEXT NOT NULL,
            path TEXT NOT NULL, state TEXT NOT NULL, priority INTEGER NOT NULL, attempt INTEGER NOT NULL DEFAULT 0,
            token BIGINT, beat BIGINT NOT NULL DEFAULT 0, owner TEXT NOT NULL DEFAULT '',
            failures INTEGER NOT NULL DEFAULT 0, crashes INTEGER NOT NULL DEFAULT 0, losses INTEGER NOT NULL DEFAULT 0,
            run_at BIGINT NOT NULL, deadline_at BIGINT, keep_until BIGINT,
            created_at DOUBLE PRECISION NOT NULL, started_at DOUBLE PRECISION, finished_at DOUBLE PRECISION,
            progress DOUBLE PRECISION, progress_text TEXT NOT NULL DEFAULT '',
            code TEXT NOT NULL DEFAULT '', error TEXT NOT NULL DEFAULT '', last_output TEXT NOT NULL DEFAULT '',
            status INTEGER, has_result INTEGER NOT NULL DEFAULT 0,
            origin TEXT NOT NULL, note TEXT NOT NULL DEFAULT '', UNIQUE (endpoint, id)
        )""",
        "CREATE INDEX job_queued ON job (endpoint, priority, seq) WHERE state = 'queued'",
        "CREATE INDEX job_retrying ON job (endpoint, run_at) WHERE state = 'retrying'",
        "CREATE INDEX job_running ON job (seq) WHERE state = 'running'",
        "CREATE INDEX job_dead ON job (endpoint, seq) WHERE state = 'dead'",
        """CREATE INDEX job_deadline ON job (endpoint, deadline_at)
            WHERE deadline_at IS NOT NULL AND state IN ('queued', 'retrying')""",
        "CREATE INDEX job_kept ON job (keep_until) WHERE keep_until IS NOT NULL",
        """CREATE TABLE idempotency (
            endpoint TEXT NOT NULL, key TEXT NOT NULL, digest BYTEA NOT NULL, id TEXT NOT NULL,
            keep_until BIGINT NOT NULL, PRIMARY KEY (endpoint, key)
        )""",
        "CREATE INDEX idempotency_kept ON idempotency (keep_until)",
        """CREATE TABLE input (
            seq BIGINT PRIMARY KEY, meta BYTEA NOT NULL, blob TEXT NOT NULL, body_bytes BIGINT NOT NULL,
            body BYTEA NOT NULL
        )""",
        """CREATE TABLE output (
            seq BIGINT PRIMARY KEY, status INTEGER NOT NULL, headers TEXT NOT NULL, keep_until BIGINT NOT NULL,
            blob TEXT NOT NULL, body_bytes BIGINT NOT NULL, body BYTEA NOT NULL
        )""",
        "CREATE INDEX output_kept ON output (keep_until)",
    ),
    (
        "ALTER TABLE job ADD COLUMN caller TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE job ADD COLUMN hooks TEXT NOT NULL DEFAULT ''",
        """CREATE TABLE webhook (
            seq BIGSERIAL PRIMARY KEY, id TEXT NOT NULL UNIQUE, endpoint TEXT NOT NULL, job TEXT NOT NULL,
            event TEXT NOT NULL, url TEXT NOT NULL, payload TEXT NOT NULL, state TEXT NOT NULL DEFAULT 'waiting',
            attempt INTEGER NOT NULL DEFAULT 0, run_at BIGINT NOT NULL, status INTEGER,
            error TEXT NOT NULL DEFAULT '', created_at DOUBLE PRECISION NOT NULL, ended_at DOUBLE PRECISION,
            keep_until BIGINT NOT NULL
        )""",
        "CREATE INDEX webhook_waiting ON webhook (run_at) WHERE state = 'waiting'",
        "CREATE INDEX webhook_by_job ON webhook (endpoint, job)",
        "CREATE INDEX webhook_kept ON webhook (keep_until)",
    ),
    (  # counting those that run would else go through all finished ones of the endpoint
        "DROP INDEX job_running",
        "CREATE INDEX job_running ON job (endpoint, seq) WHERE state = 'running'",
    ),
    (  # a page of a list is found in these; without paths, which may be longer than what an index may hold
        "CREATE INDEX job_listed ON job (endpoint, seq, origin)",
        """CREATE INDEX job_ended ON job (endpoint, state, seq, origin)
            WHERE state IN ('completed', 'failed', 'cancelled')""",
        "CREATE INDEX webhook_listed ON webhook (endpoint, seq, state)",
    ),
)
