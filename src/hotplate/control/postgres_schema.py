"""The tables of control in PostgreSQL, as steps; a released one is never changed. They lie in a schema of their own.

What `sqlite_schema.py` has, and besides it the files of revisions, which servers fetch from here.
"""

from __future__ import annotations

SCHEMA = "hotplate_control"

STEPS: tuple[tuple[str, ...], ...] = (
    (
        "CREATE TABLE meta (key TEXT PRIMARY KEY, value BIGINT NOT NULL)",
        """CREATE TABLE endpoints (
            name TEXT PRIMARY KEY, settings TEXT NOT NULL, generation BIGINT NOT NULL,
            traffic TEXT NOT NULL DEFAULT '[]', fallback TEXT,
            rollout TEXT NOT NULL DEFAULT 'stable' CHECK (rollout IN ('stable', 'rolling', 'failed')),
            rollout_text TEXT NOT NULL DEFAULT '',
            created_at DOUBLE PRECISION NOT NULL, updated_at DOUBLE PRECISION NOT NULL
        )""",
        """CREATE TABLE revisions (
            endpoint TEXT NOT NULL REFERENCES endpoints (name) ON DELETE CASCADE, number BIGINT NOT NULL,
            digest TEXT NOT NULL, created_at DOUBLE PRECISION NOT NULL, token TEXT NOT NULL,
            PRIMARY KEY (endpoint, number), UNIQUE (endpoint, digest)
        )""",
        """CREATE TABLE deployments (
            id BIGSERIAL PRIMARY KEY, endpoint TEXT NOT NULL REFERENCES endpoints (name) ON DELETE CASCADE,
            at DOUBLE PRECISION NOT NULL, token TEXT NOT NULL, kind TEXT NOT NULL, traffic TEXT NOT NULL,
            state TEXT NOT NULL, text TEXT NOT NULL DEFAULT ''
        )""",
        "CREATE INDEX deployments_of ON deployments (endpoint, id)",
        """CREATE TABLE tokens (
            id TEXT PRIMARY KEY, name TEXT NOT NULL, hash TEXT NOT NULL, scopes TEXT NOT NULL,
            endpoints TEXT NOT NULL DEFAULT '[]', expires_at DOUBLE PRECISION, rate_per_s DOUBLE PRECISION,
            concurrency INTEGER, created_at DOUBLE PRECISION NOT NULL, revoked_at DOUBLE PRECISION,
            last_used_at DOUBLE PRECISION
        )""",
        """CREATE TABLE secrets (
            key TEXT PRIMARY KEY, sealed TEXT NOT NULL, fingerprint TEXT NOT NULL,
            created_at DOUBLE PRECISION NOT NULL, updated_at DOUBLE PRECISION NOT NULL
        )""",
        """CREATE TABLE registry_credentials (
            key TEXT PRIMARY KEY, registry TEXT NOT NULL, username TEXT NOT NULL, sealed TEXT NOT NULL,
            fingerprint TEXT NOT NULL, created_at DOUBLE PRECISION NOT NULL, updated_at DOUBLE PRECISION NOT NULL
        )""",
        "CREATE TABLE volumes (name TEXT PRIMARY KEY, created_at DOUBLE PRECISION NOT NULL)",
        """CREATE TABLE events (
            id BIGSERIAL PRIMARY KEY, at DOUBLE PRECISION NOT NULL, endpoint TEXT NOT NULL, type TEXT NOT NULL,
            level TEXT NOT NULL, revision TEXT NOT NULL DEFAULT '', details TEXT NOT NULL
        )""",
        "CREATE INDEX events_of ON events (endpoint, at)",
        """CREATE TABLE audit (
            id BIGSERIAL PRIMARY KEY, at DOUBLE PRECISION NOT NULL, token TEXT NOT NULL, action TEXT NOT NULL,
            subject TEXT NOT NULL, details TEXT NOT NULL DEFAULT ''
        )""",
        """CREATE TABLE carried (
            digest TEXT PRIMARY KEY, manifest BYTEA NOT NULL, created_at DOUBLE PRECISION NOT NULL
        )""",
        """CREATE TABLE carried_file (
            digest TEXT PRIMARY KEY, whole BOOLEAN NOT NULL DEFAULT FALSE, used_at DOUBLE PRECISION NOT NULL
        )""",
        """CREATE TABLE carried_part (
            file TEXT NOT NULL REFERENCES carried_file (digest) ON DELETE CASCADE, number INTEGER NOT NULL,
            data BYTEA NOT NULL, PRIMARY KEY (file, number)
        )""",
        "ALTER TABLE carried_part ALTER COLUMN data SET STORAGE EXTERNAL",
        "CREATE INDEX revisions_by_digest ON revisions (digest)",
    ),
    (
        "ALTER TABLE endpoints ADD COLUMN fallback_settings TEXT",
        "ALTER TABLE endpoints ADD COLUMN kept INTEGER NOT NULL DEFAULT 0",
        """UPDATE endpoints SET kept = 1 WHERE rollout = 'failed'
           AND name IN (SELECT endpoint FROM deployments WHERE state = 'stable')""",
    ),
)
