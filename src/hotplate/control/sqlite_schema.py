"""The tables of control.db, as steps: a database of any older version is brought to the newest when it is opened."""

from __future__ import annotations

MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT;
    CREATE TABLE endpoints (
        name TEXT PRIMARY KEY,
        settings TEXT NOT NULL,
        generation INTEGER NOT NULL,
        traffic TEXT NOT NULL DEFAULT '[]',
        fallback TEXT,
        rollout TEXT NOT NULL DEFAULT 'stable' CHECK (rollout IN ('stable', 'rolling', 'failed')),
        rollout_text TEXT NOT NULL DEFAULT '',
        created_at REAL NOT NULL,
        updated_at REAL NOT NULL
    ) STRICT;
    CREATE TABLE revisions (
        endpoint TEXT NOT NULL REFERENCES endpoints (name) ON DELETE CASCADE,
        number INTEGER NOT NULL,
        digest TEXT NOT NULL,
        created_at REAL NOT NULL,
        token TEXT NOT NULL,
        PRIMARY KEY (endpoint, number),
        UNIQUE (endpoint, digest)
    ) STRICT;
    CREATE TABLE deployments (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        endpoint TEXT NOT NULL REFERENCES endpoints (name) ON DELETE CASCADE,
        at REAL NOT NULL,
        token TEXT NOT NULL,
        kind TEXT NOT NULL,
        traffic TEXT NOT NULL,
        state TEXT NOT NULL,
        text TEXT NOT NULL DEFAULT ''
    ) STRICT;
    CREATE INDEX deployments_of ON deployments (endpoint, id);
    CREATE TABLE tokens (
        id TEXT PRIMARY KEY,
        name TEXT NOT NULL,
        hash TEXT NOT NULL,
        scopes TEXT NOT NULL,
        endpoints TEXT NOT NULL DEFAULT '[]',
        expires_at REAL,
        rate_per_s REAL,
        concurrency INTEGER,
        created_at REAL NOT NULL,
        revoked_at REAL,
        last_used_at REAL
    ) STRICT;
    CREATE TABLE secrets (
        key TEXT PRIMARY KEY,
        sealed TEXT NOT NULL,
        fingerprint TEXT NOT NULL,
        created_at REAL NOT NULL,
        updated_at REAL NOT NULL
    ) STRICT;
    CREATE TABLE volumes (name TEXT PRIMARY KEY, created_at REAL NOT NULL) STRICT;
    CREATE TABLE events (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        at REAL NOT NULL,
        endpoint TEXT NOT NULL,
        type TEXT NOT NULL,
        level TEXT NOT NULL,
        revision TEXT NOT NULL DEFAULT '',
        details TEXT NOT NULL
    ) STRICT;
    CREATE INDEX events_of ON events (endpoint, at);
    CREATE TABLE audit (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        at REAL NOT NULL,
        token TEXT NOT NULL,
        action TEXT NOT NULL,
        subject TEXT NOT NULL,
        details TEXT NOT NULL DEFAULT ''
    ) STRICT;
    """,
    """
    CREATE TABLE registry_credentials (
        key TEXT PRIMARY KEY,
        registry TEXT NOT NULL,
        username TEXT NOT NULL,
        sealed TEXT NOT NULL,
        fingerprint TEXT NOT NULL,
        created_at REAL NOT NULL,
        updated_at REAL NOT NULL
    ) STRICT;
    """,
    """
    ALTER TABLE endpoints ADD COLUMN fallback_settings TEXT;
    ALTER TABLE endpoints ADD COLUMN kept INTEGER NOT NULL DEFAULT 0;
    UPDATE endpoints SET kept = 1 WHERE rollout = 'failed'
        AND name IN (SELECT endpoint FROM deployments WHERE state = 'stable');
    """,
)
"""One script a version; `PRAGMA user_version` counts those that were run. A released one is never changed."""
