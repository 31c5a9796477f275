"""The decisions that the server has kept, as `hotplate scale explain` reads them from its database."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import msgspec

from hotplate.errors import PlatformError, UserError

TABLE = """CREATE TABLE IF NOT EXISTS decisions (
    id INTEGER PRIMARY KEY, at REAL NOT NULL, endpoint TEXT NOT NULL, inputs TEXT NOT NULL,
    "from" INTEGER NOT NULL, "to" INTEGER NOT NULL, reason TEXT NOT NULL
)"""
"""`at` is Unix time; `inputs` is JSON."""


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """One decision that was kept."""

    at: float
    before: int
    after: int
    reason: str
    inputs: dict[str, Any]


def last_decisions(path: Path, endpoint: str, count: int) -> list[Kept]:
    """Give the last decisions about an endpoint, the newest last. The database is only read.

    Raises:
        UserError: nothing has been served here yet.
        PlatformError: the database cannot be read.
    """
    if not path.exists():
        raise UserError(f"Nothing has been served yet: there is no {path}.")
    query = 'SELECT at, "from", "to", reason, inputs FROM decisions WHERE endpoint = ? ORDER BY id DESC LIMIT ?'
    try:
        database = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
        try:
            rows = database.execute(query, (endpoint, count)).fetchall()
        finally:
            database.close()
    except sqlite3.Error as error:
        raise PlatformError(f"The decisions in {path} cannot be read: {error}") from error
    return [
        Kept(at=at, before=before, after=after, reason=reason, inputs=msgspec.json.decode(inputs, type=dict[str, Any]))
        for at, before, after, reason, inputs in reversed(rows)
    ]
