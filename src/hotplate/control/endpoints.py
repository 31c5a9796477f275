"""Endpoints: made, configured, paused, deleted, and shown with what the server says of them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import msgspec

from hotplate.control.database import Row
from hotplate.control.ledger import record_event
from hotplate.control.plane import Caller, Plane, to_json
from hotplate.control.publication import settings_decoder, traffic_decoder
from hotplate.control.secrets import check_secrets, mask_of
from hotplate.control.server_link import endpoint_states, read_state
from hotplate.control.settings import STARTED_WITH, EndpointSettings, read_settings
from hotplate.control.span import Span
from hotplate.control.supervisor import read_url
from hotplate.deployment.names import check_endpoint
from hotplate.errors import Conflict, Forbidden, InvalidInput, NotFound

MAX_ENDPOINTS = 2000

States = Mapping[str, dict[str, Any]]

_STATUS = {
    "starting": "pending",
    "running": "running",
    "ready": "running",
    "busy": "running",
    "stopping": "succeeded",
    "failed": "failed",
}
"""A replica's state as the server has it, in OctoAI's words."""


def create_endpoint(plane: Plane, caller: Caller, name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Make an endpoint without code. It has a URL once a revision is deployed."""
    check_endpoint(name)
    settings = read_settings(given)
    _check_references(plane, caller, settings, EndpointSettings())
    with plane.change(caller, "endpoint.create", name) as now:
        row = plane.database.row("SELECT count(*), count(CASE WHEN name = ? THEN 1 END) FROM endpoints", (name,))
        if row and row[1]:
            raise Conflict(f"The endpoint {name} is there already. `hotplate endpoint update` changes it.")
        if row and row[0] >= MAX_ENDPOINTS:
            raise InvalidInput(f"There are {MAX_ENDPOINTS} endpoints already.")
        plane.database.run(
            "INSERT INTO endpoints (name, settings, generation, created_at, updated_at) VALUES (?, ?, ?, ?, ?)",
            (name, to_json(settings), _first_generation(plane), now, now),
        )
        _keep_volume(plane, settings.volume, now)
        record_event(plane.database, name, "created", "The endpoint was created.")
    return get_endpoint(plane, name)


@dataclass(frozen=True, slots=True)
class Change:
    """Settings that are checked and not written yet."""

    old: EndpointSettings
    new: EndpointSettings

    @property
    def fields(self) -> str:
        """What is different."""
        return ", ".join(name for name in self.new.__struct_fields__ if self._differs(name))

    @property
    def moves(self) -> bool:
        """Whether it takes other replicas."""
        return self.new.endpoint_state == "active" and any(self._differs(name) for name in STARTED_WITH)

    def _differs(self, name: str) -> bool:
        return getattr(self.old, name) != getattr(self.new, name)


def update_endpoint(plane: Plane, caller: Caller, name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Change settings. To change nothing is no change: no event, no new generation."""
    change = check_change(plane, caller, name, given)
    if change is not None:
        with plane.change(caller, "endpoint.update", name, change.fields):
            write_change(plane, name, change)
    return get_endpoint(plane, name)


def check_change(plane: Plane, caller: Caller, name: str, given: Mapping[str, Any]) -> Change | None:
    """What a change comes to; None where nothing is different."""
    old = settings_decoder.decode(read_row(plane, name)["settings"])
    change = Change(old, read_settings(given, old))
    if change.new == old:
        return None
    _check_references(plane, caller, change.new, old)
    return change


def write_change(plane: Plane, name: str, change: Change) -> None:
    """Write it down, within a transaction. What takes other replicas is `rolling` until the server has spoken, and
    what it is to go back to is kept."""
    row, now = read_row(plane, name), time.time()
    if settings_decoder.decode(row["settings"]) != change.old:
        raise Conflict(f"The endpoint {name} was changed at the same time. Try again.")
    plane.database.run(
        "UPDATE endpoints SET settings = ?, generation = generation + 1, updated_at = ? WHERE name = ?",
        (to_json(change.new), now, name),
    )
    if change.moves and row["traffic"] != "[]":
        serves = change.old.endpoint_state == "active" and is_good(row)
        plane.database.run(
            "UPDATE endpoints SET rollout = 'rolling', rollout_text = '', kept = 0, "
            "fallback_settings = coalesce(fallback_settings, ?) WHERE name = ?",
            (row["settings"] if serves else None, name),
        )
    _keep_volume(plane, change.new.volume, now)
    record_event(plane.database, name, _kind(change.old, change.new), f"Changed: {change.fields}.")


def is_good(row: Row) -> bool:
    """Whether there is something to go back to: what the row says has served, or what it replaces."""
    return row["rollout"] == "stable" or bool(row["kept"]) or bool(row["fallback"]) or bool(row["fallback_settings"])


def delete_endpoint(plane: Plane, caller: Caller, name: str) -> dict[str, Any]:
    """Delete an endpoint with its revisions' records. Built revisions and volumes stay on disk."""
    read_row(plane, name)
    with plane.change(caller, "endpoint.delete", name):
        plane.database.run(
            "INSERT INTO meta SELECT 'generation', generation FROM endpoints WHERE name = ? "
            "ON CONFLICT (key) DO UPDATE SET value = excluded.value WHERE meta.value < excluded.value",
            (name,),
        )
        plane.database.run("DELETE FROM endpoints WHERE name = ?", (name,))
        record_event(plane.database, name, "deleted", "The endpoint was deleted.")
    return {"message": f"Endpoint {name} is deleted."}


def get_endpoint(plane: Plane, name: str, states: States | None = None) -> dict[str, Any]:
    """One endpoint. `states`: what the server said of all of them; without it, it is asked."""
    row = read_row(plane, name)
    return _shown(plane, row, _states(plane, states).get(name), read_url(plane.home))


def list_endpoints(plane: Plane, caller: Caller, states: States | None = None) -> list[dict[str, Any]]:
    """Every endpoint that the token is for. `states` as in `get_endpoint`."""
    rows = plane.database.rows("SELECT * FROM endpoints ORDER BY name")
    live = _states(plane, states)
    url = read_url(plane.home)
    return [_shown(plane, row, live.get(row["name"]), url) for row in rows if caller.reaches(row["name"])]


def _states(plane: Plane, states: States | None) -> States:
    return endpoint_states(read_state(plane.home.server_socket)) if states is None else states


def read_row(plane: Plane, name: str) -> Row:
    """The database's row of an endpoint."""
    row = plane.database.row("SELECT * FROM endpoints WHERE name = ?", (name,))
    if row is None:
        raise NotFound(f"There is no endpoint {name[:70]!r}. `hotplate endpoint list` shows what there is.")
    return row


def _first_generation(plane: Plane) -> int:
    """Above that of every endpoint that was deleted: the server may still speak of one that had the same name."""
    row = plane.database.row("SELECT value FROM meta WHERE key = 'generation'")
    return (row[0] if row else 0) + 1


def _check_references(plane: Plane, caller: Caller, settings: EndpointSettings, old: EndpointSettings) -> None:
    """What is listed is there, and a token for some endpoints cannot reach the secrets or volumes of others."""
    check_secrets(plane, settings.container_secrets)
    new = sorted(set(settings.container_secrets) - set(old.container_secrets))
    if settings.volume != old.volume and settings.volume:
        new.append(f"volume {settings.volume}")
    if new and caller.endpoints:
        raise Forbidden(f"This token is for {', '.join(caller.endpoints)} alone and cannot add {', '.join(new)}.")


def _keep_volume(plane: Plane, name: str, now: float) -> None:
    """An endpoint that names a volume gets it, as with OctoAI's automatic volumes."""
    if name:
        plane.database.run("INSERT INTO volumes VALUES (?, ?) ON CONFLICT DO NOTHING", (name, now))
        (plane.home.volumes / name).mkdir(mode=0o700, parents=True, exist_ok=True)


def _kind(old: EndpointSettings, new: EndpointSettings) -> str:
    if old.endpoint_state != new.endpoint_state:
        return "paused" if new.endpoint_state == "disabled" else "started"
    return "updated"


def _shown(plane: Plane, row: Row, state: dict[str, Any] | None, url: str) -> dict[str, Any]:
    settings = settings_decoder.decode(row["settings"])
    traffic = traffic_decoder.decode(row["traffic"])
    live = state or {}
    return {
        "name": row["name"],
        **cast("dict[str, Any]", msgspec.to_builtins(settings)),
        "endpoint": f"{url}/{row['name']}" if url else "",
        "generation": row["generation"],
        "traffic": msgspec.to_builtins(traffic),
        "rollout": _rollout(plane, row, live),
        "status": _status(row, settings, live),
        "replicas": [_replica(row["name"], each) for each in _replicas(live)],
        "queue_depth": live.get("queue_depth"),
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
    }


def _rollout(plane: Plane, row: Row, live: dict[str, Any]) -> dict[str, Any]:
    """What came of the last change. That replicas do not run with a secret's new value is said by the server alone: no
    deploy asked for it, and those with the old value serve on. Where there is something to go back to, as during a
    split, what the server says is shown once the endpoint has gone back."""
    at_rest = row["rollout"] == "stable" and not row["fallback"]
    said = read_rollout(live, row["generation"]) if at_rest else None
    if said is not None and said[0] == "failed":
        return {"state": "failed", "text": mask_of(plane)(said[1]), "kept": True}
    return {"state": row["rollout"], "text": row["rollout_text"], "kept": bool(row["kept"])}


def read_rollout(state: dict[str, Any] | None, generation: int) -> tuple[str, str] | None:
    """What a state says of one generation: (stable | failed, text); None while it is not decided."""
    if state is None or int(state.get("generation") or 0) < generation:
        return None
    rollout: Any = state.get("rollout") or {}
    if isinstance(rollout, str):
        rollout = {"state": rollout}
    word = str(rollout.get("state") or "")
    return (word, str(rollout.get("text") or "")) if word in ("stable", "failed") else None


def _status(row: Row, settings: EndpointSettings, live: Mapping[str, Any]) -> str:
    """One word for people."""
    if settings.endpoint_state == "disabled":
        return "paused"
    if row["traffic"] == "[]":
        return "empty"
    if row["rollout"] == "rolling":
        return "rolling"
    if not live:
        return "unknown"
    if is_running(live):
        return "running"
    if row["rollout"] == "failed" and not row["kept"]:
        return "failed"
    return "starting" if _replicas(live) else "idle"


def is_running(live: Mapping[str, Any]) -> bool:
    """Whether a replica of an endpoint runs, by what the server says of it."""
    return any(_STATUS.get(str(each.get("state"))) == "running" for each in _replicas(live))


def _replicas(live: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Replicas stand beside each other in a state, or below their revision."""
    found: list[Any] = list(live.get("replicas") or [])
    revisions: Any = live.get("revisions") or []
    for each in cast("list[Any]", revisions.values() if isinstance(revisions, dict) else revisions):
        if isinstance(each, dict):
            found.extend(cast("dict[str, Any]", each).get("replicas") or [])
    return [cast("dict[str, Any]", each) for each in found if isinstance(each, dict)]


def _replica(name: str, each: Mapping[str, Any]) -> dict[str, Any]:
    started = each.get("started_at")
    status = _STATUS.get(str(each.get("state")), "unknown")
    return {
        "endpoint_name": name,
        "replica_id": Span.replica_id(name, each.get("number", each.get("replica", ""))),
        "status": status,
        "restarts": int(each.get("restarts") or 0),
        "age": int(max(0.0, time.time() - started)) if status == "running" and isinstance(started, int | float) else -1,
        "revision": each.get("revision", ""),
        "level": each.get("level", ""),
        "pid": each.get("pid"),
        "in_flight": each.get("in_flight"),
        "rss_bytes": each.get("rss_bytes"),
        "where": each.get("where", ""),
    }
