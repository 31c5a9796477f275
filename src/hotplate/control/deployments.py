"""Which revisions an endpoint's traffic goes to: deploy, split, roll back, and what came of it.

A change of traffic, or of what replicas are started with, is `rolling` until the server says that it is stable or has
failed. Until then, and as long as a split lasts, `fallback` keeps the traffic that served before, `fallback_settings`
its settings; when the server reports a failure the endpoint goes back to them, so that also a server that starts anew
finds what works. Where nothing has served yet there is nothing to go back to: it stays `failed` until a replica
runs, or something else is deployed.
"""

from __future__ import annotations

import time
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from hotplate.control.carrying import have, share
from hotplate.control.database import Row
from hotplate.control.endpoints import (
    Change,
    check_change,
    create_endpoint,
    get_endpoint,
    is_good,
    read_row,
    write_change,
)
from hotplate.control.ledger import Level, record_event
from hotplate.control.plane import ITSELF, Caller, Plane, to_json
from hotplate.control.publication import traffic_decoder
from hotplate.control.revisions import add_revision, find_revision, numbered
from hotplate.control.secrets import mask_of
from hotplate.control.settings import refused
from hotplate.deployment.records import Share
from hotplate.errors import Conflict, InvalidInput

Traffic = tuple[Share, ...]

KEPT_DEPLOYMENTS = 1000


class Deploy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Deploy a revision. `settings` are changed with it; a name that is not there yet is created with them.

    `traffic` is the percentage that the new revision gets; the rest stays where it is. `wait_s` is how long the answer
    may wait for the rollout.
    """

    revision: Annotated[str, Meta(min_length=6, max_length=128)]
    settings: dict[str, Any] = {}
    traffic: Annotated[float, Meta(gt=0, le=100)] = 100.0
    wait_s: Annotated[float, Meta(ge=0, le=300)] = 0.0


class Split(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Percentages by revision (its digest, or its number as text); one of them may be left out to get the rest."""

    traffic: Annotated[dict[str, Annotated[float, Meta(ge=0, le=100)]], Meta(min_length=1, max_length=8)]
    wait_s: Annotated[float, Meta(ge=0, le=300)] = 0.0


class Rollback(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Go back to a revision: its digest or number, or the one that served before where none is named."""

    revision: Annotated[str, Meta(max_length=128)] = ""
    wait_s: Annotated[float, Meta(ge=0, le=300)] = 0.0


def deploy(plane: Plane, caller: Caller, name: str, given: Deploy) -> dict[str, Any]:
    """Point an endpoint to a revision that was built on this machine, or on one that shares its database."""
    have(plane, given.revision)
    share(plane.home, plane.database, given.revision)
    change: Change | None = None
    if plane.database.row("SELECT 1 FROM endpoints WHERE name = ?", (name,)) is None:
        create_endpoint(plane, caller, name, given.settings)
    elif given.settings:
        change = check_change(plane, caller, name, given.settings)
    before = traffic_decoder.decode(read_row(plane, name)["traffic"])
    traffic = split_with(before, given.revision, given.traffic)
    with plane.change(caller, "endpoint.deploy", name, f"{given.revision[:12]} {given.traffic:g}%"):
        if change is not None:  # with the traffic: the server is to see both or neither
            write_change(plane, name, change)
        add_revision(plane, caller, name, given.revision)
        _move(plane, caller, name, traffic, "deploy")
    return get_endpoint(plane, name)


def split(plane: Plane, caller: Caller, name: str, given: Split) -> dict[str, Any]:
    """Share an endpoint's traffic out among its revisions."""
    row = read_row(plane, name)
    shares = {find_revision(plane, name, word): percent for word, percent in given.traffic.items()}
    total = sum(shares.values())
    serving = [share.revision for share in traffic_decoder.decode(row["traffic"]) if share.revision not in shares]
    if total < 100 and serving:
        shares[serving[0]] = 100 - total
        total = 100
    if abs(total - 100) > 0.001:
        raise refused("traffic", f"The percentages add up to {total:g}, not 100.")
    order = [row["digest"] for row in numbered(plane, name)]  # the newest is last: the server ends a split by taking it
    traffic = tuple(Share(revision=digest, percent=shares[digest]) for digest in order if shares.get(digest))
    with plane.change(caller, "endpoint.traffic", name, _words(traffic)):
        _move(plane, caller, name, traffic, "traffic")
    return get_endpoint(plane, name)


def rollback(plane: Plane, caller: Caller, name: str, given: Rollback) -> dict[str, Any]:
    """Go back to a revision that served before."""
    row = read_row(plane, name)
    digest = find_revision(plane, name, given.revision) if given.revision else _before(plane, row)
    have(plane, digest)
    traffic = (Share(revision=digest, percent=100.0),)
    with plane.change(caller, "endpoint.rollback", name, digest[:12]):
        _move(plane, caller, name, traffic, "rollback")
    return get_endpoint(plane, name)


def list_deployments(plane: Plane, name: str) -> list[dict[str, Any]]:
    """What was deployed when, by whom, and what came of it; the newest first."""
    read_row(plane, name)
    rows = plane.database.rows("SELECT * FROM deployments WHERE endpoint = ? ORDER BY id DESC LIMIT 100", (name,))
    return [
        {
            "at": row["at"],
            "token": row["token"],
            "kind": row["kind"],
            "traffic": msgspec.json.decode(row["traffic"]),
            "state": row["state"],
            "text": row["text"],
        }
        for row in rows
    ]


def split_with(before: Traffic, digest: str, percent: float) -> Traffic:
    """The traffic when a revision gets a share and the others keep the rest, in their proportions."""
    others = [share for share in before if share.revision != digest]
    total = sum(share.percent for share in others)
    if percent >= 100 or not total:
        if percent < 100:
            raise refused("traffic", "There is nothing to share with: no other revision serves this endpoint.")
        return (Share(revision=digest, percent=100.0),)
    rest = [Share(revision=each.revision, percent=each.percent * (100 - percent) / total) for each in others]
    return (*rest, Share(revision=digest, percent=percent))


def settle(plane: Plane, name: str, generation: int, state: str, text: str) -> None:
    """Write down what the server says of a rollout. A failed one goes back to what served before."""
    row = plane.database.row("SELECT * FROM endpoints WHERE name = ? AND generation = ?", (name, generation))
    if row is None:  # changed in the meantime: the server will speak of that
        return
    traffic = traffic_decoder.decode(row["traffic"])
    if state == "stable" and row["rollout"] == "rolling":
        done = len(traffic) == 1
        with plane.database.transaction():
            plane.database.run(
                "UPDATE endpoints SET rollout = 'stable', rollout_text = '', kept = 0, fallback_settings = NULL, "
                "fallback = CASE WHEN ? THEN NULL ELSE fallback END WHERE name = ? AND generation = ?",
                (done, name, generation),
            )
            _finish(plane, name, "stable", "")
            record_event(plane.database, name, "deployed", f"Serving {_words(traffic)}.")
            plane.database.note_change()
        plane.publisher.publish()
    elif state == "failed" and (row["rollout"] == "rolling" or row["fallback"]):
        _go_back(plane, row, text)


def recover(plane: Plane, name: str, generation: int) -> None:
    """Write down that what could not start runs after all, such as on a node that has come."""
    with plane.database.transaction():
        changed = plane.database.run(
            "UPDATE endpoints SET rollout = 'stable', rollout_text = '' "
            "WHERE name = ? AND generation = ? AND rollout = 'failed' AND kept = 0",
            (name, generation),
        )
        if changed:
            record_event(plane.database, name, "deployed", "It runs now.")
            plane.database.note_change()


def _go_back(plane: Plane, row: Row, text: str) -> None:
    name, kept = row["name"], is_good(row)
    text = mask_of(plane)(text)  # the author's traceback may show what the code was given
    back = traffic_decoder.decode(row["fallback"] or row["traffic"]) if kept else ()
    details = f"{_words(traffic_decoder.decode(row['traffic']))} failed: {text}"
    details += f" {_words(back)} goes on serving, with the settings that it had." if back else ""
    with plane.change(ITSELF, "endpoint.revert", name, _words(back)):
        plane.database.run(
            "UPDATE endpoints SET rollout = 'failed', rollout_text = ?, kept = ?, "
            "traffic = coalesce(fallback, traffic), settings = coalesce(fallback_settings, settings), "
            "fallback = NULL, fallback_settings = NULL, "
            "generation = generation + ? WHERE name = ? AND generation = ?",
            (text, int(kept), int(kept), name, row["generation"]),
        )
        _finish(plane, name, "failed", text)
        _event(plane, name, "deploy_failed", details, "warning")


def _move(plane: Plane, caller: Caller, name: str, traffic: Traffic, kind: str) -> None:
    row = read_row(plane, name)
    before = traffic_decoder.decode(row["traffic"])
    if traffic == before and row["rollout"] == "stable":
        return
    if not is_good(row):
        before = ()  # it has failed, or is being tried: there is nothing better to go back to
    fallback = row["fallback"] or (to_json(before) if before else None)
    back = bool(fallback) and traffic_decoder.decode(fallback) == traffic  # to what serves now, or before a split
    fallback = None if back else fallback
    now_rows = plane.database.run(
        "UPDATE endpoints SET traffic = ?, fallback = ?, rollout = 'rolling', rollout_text = '', kept = ?, "
        "generation = generation + 1, updated_at = ? WHERE name = ?",
        (to_json(traffic), fallback, int(back), time.time(), name),
    )
    if not now_rows:
        raise Conflict(f"The endpoint {name} was deleted at the same time.")
    _finish(plane, name, "replaced", "")
    plane.database.run(
        "INSERT INTO deployments (endpoint, at, token, kind, traffic, state) VALUES (?, ?, ?, ?, ?, 'rolling')",
        (name, time.time(), caller.id, kind, to_json(traffic)),
    )
    plane.database.run(
        "DELETE FROM deployments WHERE endpoint = ? AND id <= (SELECT max(id) FROM deployments WHERE endpoint = ?) - ?",
        (name, name, KEPT_DEPLOYMENTS),
    )
    _event(plane, name, kind, f"Moving to {_words(traffic)}.", "normal")


def _finish(plane: Plane, name: str, state: str, text: str) -> None:
    plane.database.run(
        "UPDATE deployments SET state = ?, text = ? WHERE endpoint = ? AND state = 'rolling'", (state, text, name)
    )


def _event(plane: Plane, name: str, kind: str, text: str, level: Level) -> None:
    record_event(plane.database, name, kind, text, level=level)


def _before(plane: Plane, row: Row) -> str:
    """The revision that served before the present one: the one that a split or rollout has not yet replaced, or else
    the last one that was deployed well."""
    serving = {share.revision for share in traffic_decoder.decode(row["traffic"]) if share.percent == 100}
    if row["fallback"]:
        return max(traffic_decoder.decode(row["fallback"]), key=lambda share: share.percent).revision
    past = plane.database.rows(
        "SELECT traffic FROM deployments WHERE endpoint = ? AND state IN ('stable', 'replaced') "
        "ORDER BY state = 'stable' DESC, id DESC",
        (row["name"],),
    )
    for each in past:
        best = max(traffic_decoder.decode(each["traffic"]), key=lambda share: share.percent).revision
        if best not in serving:
            return best
    raise InvalidInput(f"The endpoint {row['name']} has no earlier revision to go back to.")


def _words(traffic: Traffic) -> str:
    if not traffic:
        return "nothing"
    if len(traffic) == 1:
        return traffic[0].revision[:12]
    return ", ".join(f"{share.revision[:12]} {share.percent:g}%" for share in traffic)
