"""What happened to endpoints: control's own events and the server's, in one order of time."""

from __future__ import annotations

from typing import Any

import msgspec

from hotplate.control.plane import Caller, Plane
from hotplate.control.secrets import mask_of
from hotplate.control.server_rows import read_rows
from hotplate.control.span import Span
from hotplate.control.stamps import stamp

_WARNINGS = ("crash", "fail", "lost", "error", "abort", "refus", "oom", "fall")
"""The server's kinds of events say in their names what went wrong."""


def read_events(plane: Plane, caller: Caller, endpoint: str | None, span: Span) -> list[dict[str, Any]]:
    """The newest events within a span, the oldest of them first."""
    if not span.limit:
        return []
    mask = mask_of(plane)
    rows = [*_own(plane, endpoint, span), *_servers(plane, endpoint, span), *_scaled(plane, endpoint, span)]
    rows = [row for row in rows if caller.reaches(row["endpoint"])]
    rows.sort(key=lambda row: row["at"])
    return [
        {
            "timestamp": stamp(row["at"]),
            "replica_id": row["replica"] or None,
            "event": {
                "type": row["type"],
                "level": row["level"],
                "endpoint": row["endpoint"],
                "revision": row["revision"] or None,
                "details": mask(row["details"]),
            },
        }
        for row in rows[-span.limit :]
    ]


def _own(plane: Plane, endpoint: str | None, span: Span) -> list[dict[str, Any]]:
    rows = plane.database.rows(
        "SELECT at, endpoint, type, level, revision, details FROM events "
        "WHERE (CAST(? AS TEXT) IS NULL OR endpoint = ?) AND at >= ? AND at < ? ORDER BY id DESC LIMIT ?",
        (endpoint, endpoint, span.begin, span.end, span.limit),
    )
    return [{**dict(row), "replica": ""} for row in rows] if span.replica is None else []


def _servers(plane: Plane, endpoint: str | None, span: Span) -> list[dict[str, Any]]:
    rows = read_rows(
        plane.home.server_db,
        "SELECT * FROM events WHERE (? IS NULL OR endpoint = ?) AND at >= ? AND at < ? ORDER BY id DESC LIMIT ?",
        (endpoint, endpoint, span.begin, span.end, span.limit),
    )
    found: list[dict[str, Any]] = []
    for row in rows:
        kind = str(row.get("kind") or "")
        number = row.get("replica")
        if span.replica is not None and not span.is_of(str(row.get("endpoint")), number):
            continue
        found.append(
            {
                "at": float(row.get("at") or 0.0),
                "endpoint": str(row.get("endpoint") or ""),
                "type": kind,
                "level": "warning" if any(word in kind for word in _WARNINGS) else "normal",
                "revision": str(row.get("revision") or ""),
                "replica": "" if number in (None, "") else span.replica_id(str(row.get("endpoint")), number),
                "details": str(row.get("text") or ""),
            }
        )
    return found


def _scaled(plane: Plane, endpoint: str | None, span: Span) -> list[dict[str, Any]]:
    """The autoscaler's decisions are events too; what they were made from is in `read_decisions`."""
    rows = read_rows(
        plane.home.server_db,
        'SELECT at, endpoint, "from", "to", reason FROM decisions '
        "WHERE (? IS NULL OR endpoint = ?) AND at >= ? AND at < ? ORDER BY id DESC LIMIT ?",
        (endpoint, endpoint, span.begin, span.end, span.limit),
    )
    if span.replica is not None:
        return []
    return [
        {
            "at": float(row["at"]),
            "endpoint": row["endpoint"],
            "type": "scaled",
            "level": "normal",
            "revision": "",
            "replica": "",
            "details": f"{row['from']} -> {row['to']} replicas: {row['reason']}.",
        }
        for row in rows
    ]


def read_decisions(plane: Plane, endpoint: str, limit: int) -> list[dict[str, Any]]:
    """The autoscaler's last decisions with what they were made from, the newest first."""
    rows = read_rows(
        plane.home.server_db, "SELECT * FROM decisions WHERE endpoint = ? ORDER BY id DESC LIMIT ?", (endpoint, limit)
    )
    return [{**row, "inputs": _decoded(row.get("inputs"))} for row in rows]


def _decoded(value: Any) -> Any:
    try:
        return msgspec.json.decode(value) if isinstance(value, str | bytes) else value
    except msgspec.DecodeError:
        return value
