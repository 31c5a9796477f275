"""Events (what happens to endpoints) and the audit log (who changed what). Both are bounded, and hold no secret."""

from __future__ import annotations

import time
from typing import Literal

from hotplate.control.database import Database
from hotplate.errors import InvalidInput

Level = Literal["normal", "warning"]

MAX_EVENTS = 50_000
MAX_AUDIT = 50_000
TRIM_EVERY = 500
MAX_TEXT = 4000


def record_event(
    database: Database, endpoint: str, kind: str, details: str, *, level: Level = "normal", revision: str = ""
) -> None:
    """Write an event of control's own."""
    database.run(
        "INSERT INTO events (at, endpoint, type, level, revision, details) VALUES (?, ?, ?, ?, ?, ?)",
        (time.time(), endpoint, kind, level, revision, details[:MAX_TEXT]),
    )
    _trim(database, "events", MAX_EVENTS)


def record_change(database: Database, token: str, action: str, subject: str, details: str = "") -> None:
    """Write who changed what. `details` names fields and never has the value of a secret."""
    database.run(
        "INSERT INTO audit (at, token, action, subject, details) VALUES (?, ?, ?, ?, ?)",
        (time.time(), token, action, subject, details[:MAX_TEXT]),
    )
    _trim(database, "audit", MAX_AUDIT)


def read_audit(database: Database, limit: int) -> list[dict[str, object]]:
    """The newest changes, the newest first."""
    if not 1 <= limit <= 1000:
        raise InvalidInput("`limit` must be 1 to 1000.")
    rows = database.rows("SELECT at, token, action, subject, details FROM audit ORDER BY id DESC LIMIT ?", (limit,))
    return [dict(row) for row in rows]


def _trim(database: Database, table: Literal["events", "audit"], keep: int) -> None:
    row = database.row(f"SELECT max(id) FROM {table}")  # noqa: S608 - one of two words of ours
    newest = int(row[0] or 0) if row else 0
    if newest % TRIM_EVERY == 0:
        database.run(f"DELETE FROM {table} WHERE id <= ?", (newest - keep,))  # noqa: S608
