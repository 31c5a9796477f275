"""`logs`, `events`, `revisions` and `rollback` of an endpoint in a cluster, told as those of this machine."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from hotplate.cli import console, events, logs
from hotplate.cli.asking import age_of_stamp, stamp_before
from hotplate.cli.build import progress
from hotplate.cli.cluster_flags import open_cluster
from hotplate.cli.lines import DEFAULT_LINES
from hotplate.errors import SettingError

if TYPE_CHECKING:
    from hotplate.targets.kubernetes.logs import Line


def show_logs(args: argparse.Namespace, name: str, lines: int | None) -> int:
    """What its pods wrote; with --follow, what they write from now on."""
    from hotplate.targets.kubernetes.logs import follow, read

    there = open_cluster(name, args.context, args.namespace)
    with there.api as api:
        if args.follow:
            for line in follow(api, there.namespace, name):
                if args.replica in (None, line.replica_id):
                    logs.show(_entry(line), args.output)
            return 0
        since = _utc(stamp_before(args.since)) if args.since else ""
        found = read(api, there.namespace, name, lines=DEFAULT_LINES if lines is None else lines, since=since)
    entries = [_entry(line) for line in found if args.replica in (None, line.replica_id)]
    if args.output == "json":
        console.out_json(entries)
    else:
        for entry in entries:
            logs.show(entry, "text")
    return 0


def show_events(args: argparse.Namespace, name: str, lines: int) -> int:
    """What the cluster says of it."""
    from hotplate.targets.kubernetes.events import read

    if args.follow:
        raise SettingError("Events of a cluster are not followed.", key="follow", hint="Ask again, or leave out -f.")
    there = open_cluster(name, args.context, args.namespace)
    begin = stamp_before(args.since) if args.since else ""
    with there.api as api:
        found = read(api, there.namespace, name)
    entries: list[dict[str, Any]] = [
        {
            "timestamp": each.at,
            "replica_id": each.involved_object.name if each.involved_object.kind == "Pod" else None,
            "event": {
                "endpoint": name,
                "level": each.type.lower(),
                "type": each.reason,
                "details": each.message,
            },
        }
        for each in found
        if not begin or datetime.fromisoformat(each.at) >= datetime.fromisoformat(begin)
    ]
    events.show(entries[-lines:], args.output)
    return 0


def show_revisions(args: argparse.Namespace, name: str) -> int:
    """The revisions that the cluster remembers."""
    from hotplate.targets.kubernetes.history import read_deployment, revisions

    if args.history:
        raise SettingError("A cluster keeps no history of deploys.", key="history", hint="Leave out --history.")
    there = open_cluster(name, args.context, args.namespace)
    with there.api as api:
        found = revisions(api, there.namespace, read_deployment(api, there.namespace, name))
    if args.output == "json":
        told = [
            {"number": each.number, "revision": each.digest, "image": each.image, "ready": each.ready}
            | {"current": each.current, "created_at": each.created_at}
            for each in found
        ]
        console.out_json(told)
        return 0
    rows = [
        (
            f"{each.number}{' *' if each.current else ''}",
            each.digest[:12] or "-",
            str(each.ready),
            age_of_stamp(each.created_at) if each.created_at else "-",
            each.image,
        )
        for each in found
    ]
    console.table(("NUMBER", "REVISION", "READY", "AGE", "IMAGE"), rows)
    return 0


def roll_back(args: argparse.Namespace, name: str) -> int:
    """Go back to a revision, and wait until it serves."""
    from hotplate.targets.kubernetes.apply import Applier, Change
    from hotplate.targets.kubernetes.history import back_to, choose, read_deployment, revisions
    from hotplate.targets.kubernetes.rollout import Rollout

    there = open_cluster(name, args.context, args.namespace)
    with there.api as api:
        deployment = read_deployment(api, there.namespace, name)
        past = choose(revisions(api, there.namespace, deployment), args.to, name)
        made = back_to(deployment, past)
        applied = Applier(api, there.namespace).apply([Change(made, None, made)])
        if args.wait:
            generation = int(applied[0]["metadata"].get("generation") or 0)
            Rollout(api, there.namespace, name, tell=progress).wait(generation, args.wait)
    if args.output == "json":
        console.out_json({"name": name, "revision": past.digest, "image": past.image})
    else:
        console.out(f'Endpoint "{name}" serves {past.digest[:12]} again.')
    return 0


def _entry(line: Line) -> dict[str, Any]:
    return {"timestamp": _stamp(line.timestamp), "replica_id": line.replica_id, "data": line.data}


def _stamp(text: str) -> str:
    """A time of the cluster without its last three digits, which are more than Python reads everywhere."""
    head, point, rest = text.partition(".")
    return f"{head}.{rest.rstrip('Z')[:6]}+00:00" if point else text


def _utc(text: str) -> str:
    """A time as the cluster reads it."""
    return datetime.fromisoformat(text).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
