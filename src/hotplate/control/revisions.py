"""The revisions of an endpoint: each has a number, and the newest has the highest."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from hotplate.control.database import Row
from hotplate.control.endpoints import read_row
from hotplate.control.plane import Caller, Plane
from hotplate.control.publication import traffic_decoder
from hotplate.deployment.names import is_digest
from hotplate.errors import NotFound

NEW = "new"
"""In a split: the revision that is being deployed."""

MAX_REVISIONS = 1000


def list_revisions(plane: Plane, name: str) -> list[dict[str, Any]]:
    """An endpoint's revisions, the newest first, each with its share of the traffic."""
    row = read_row(plane, name)
    percent = {share.revision: share.percent for share in traffic_decoder.decode(row["traffic"])}
    rows = plane.database.rows("SELECT * FROM revisions WHERE endpoint = ? ORDER BY number DESC", (name,))
    return [
        {
            "number": each["number"],
            "revision": each["digest"],
            "percent": percent.get(each["digest"], 0.0),
            "created_at": each["created_at"],
            "token": each["token"],
            "built": (plane.home.revisions / each["digest"] / "revision.json").is_file(),
        }
        for each in rows
    ]


def find_revision(plane: Plane, name: str, word: str) -> str:
    """The digest that a number, a digest or its beginning stands for."""
    rows = numbered(plane, name)
    if word == NEW and rows:
        return rows[-1]["digest"]
    found = [row["digest"] for row in rows if word in (str(row["number"]), row["digest"])]
    if not found and is_digest(word):
        found = [row["digest"] for row in rows if row["digest"].startswith(word)]
    if len(found) != 1:
        known = ", ".join(f"{row['number']} ({row['digest'][:12]})" for row in rows[-5:]) or "none"
        raise NotFound(f"The endpoint {name} has no revision {word[:60]!r}. The newest are: {known}.")
    return found[0]


def numbered(plane: Plane, name: str) -> Sequence[Row]:
    """An endpoint's revisions with their numbers, the newest last."""
    return plane.database.rows("SELECT number, digest FROM revisions WHERE endpoint = ? ORDER BY number", (name,))


def add_revision(plane: Plane, caller: Caller, name: str, digest: str) -> None:
    """Give a revision the next number of an endpoint, and forget those that are too old."""
    row = plane.database.row("SELECT coalesce(max(number), 0), count(*) FROM revisions WHERE endpoint = ?", (name,))
    newest, count = (row[0], row[1]) if row else (0, 0)
    plane.database.run(
        "INSERT INTO revisions VALUES (?, ?, ?, ?, ?) "
        "ON CONFLICT (endpoint, digest) DO UPDATE SET number = excluded.number, created_at = excluded.created_at, "
        "token = excluded.token WHERE revisions.number < ?",
        (name, newest + 1, digest, time.time(), caller.id, newest),
    )
    if count >= MAX_REVISIONS:
        plane.database.run(
            "DELETE FROM revisions WHERE endpoint = ? AND number <= ?", (name, newest + 1 - MAX_REVISIONS)
        )
