"""Endpoints of this machine: list, get, create, update, pause, start and delete them."""

from __future__ import annotations

import argparse
from typing import Any

from hotplate.cli import console
from hotplate.cli.asking import add_name, age, age_of, below, confirm, name_of, open_control
from hotplate.cli.cluster_delete import add_delete, check_here, delete
from hotplate.cli.cluster_flags import add_target, is_far
from hotplate.cli.endpoint_flags import add_settings, read_settings
from hotplate.cli.parsing import add_output
from hotplate.cli.rollout import DEFAULT_WAIT_S, add_wait, finish

_ACTIONS = {
    "list": "Every endpoint",
    "get": "One endpoint, with its replicas",
    "create": "Make an endpoint without code; `hotplate deploy` gives it some",
    "update": "Change how an endpoint is configured",
    "pause": "Stop an endpoint's replicas and refuse its calls",
    "start": "End a pause",
    "delete": "Delete an endpoint",
}


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the commands below `endpoint`."""
    actions = below(parser, list(_ACTIONS))
    for action, text in _ACTIONS.items():
        command = actions.add_parser(action, help=text, description=text)
        if action != "list":
            add_name(command)
        if action in ("create", "update"):
            add_settings(command)
        if action in ("update", "start"):
            add_wait(command, DEFAULT_WAIT_S)
        if action == "create":
            command.add_argument("--pause", action="store_true", help="Make it paused")
        if action == "delete":
            command.add_argument("--force", "--yes", "-y", action="store_true", help="Do not ask")
            add_target(command)
            add_delete(command)
        add_output(command)


def main(args: argparse.Namespace) -> int:
    """Run the command below `endpoint`."""
    if args.action == "delete":
        if is_far(args):
            return delete(args, name_of(args))
        check_here(args)
    with open_control() as control:
        if args.action == "list":
            found = control.list_endpoints()
            if args.output == "json":
                console.out_json(found)
            else:
                show_list(found)
            return 0
        name = name_of(args)
        if args.action == "delete":
            confirm(f"Delete the endpoint {name}?", sure=args.force)
            _tell(args, control.delete_endpoint(name), f'Endpoint "{name}" has been deleted.')
            return 0
        if args.action == "get":
            found = control.get_endpoint(name)
        elif args.action == "create":
            settings = read_settings(args)
            found = control.create_endpoint(name, **settings, **({"endpoint_state": "disabled"} if args.pause else {}))
        elif args.action == "update":
            settings = read_settings(args, control.get_endpoint(name))
            found = control.update_endpoint(name, **settings)
        else:
            found = control.pause_endpoint(name) if args.action == "pause" else control.start_endpoint(name)
        if args.action in ("update", "start") and found["rollout"]["state"] == "rolling":
            found = finish(control, found, args.wait)
    if args.output == "json":
        console.out_json(found)
    elif args.action == "get":
        show_one(found)
    else:
        done = {"create": "created", "update": "updated", "pause": "paused", "start": "started"}[args.action]
        console.out(f'Endpoint "{name}" has been {done}.')
    return 0


def show_list(found: list[dict[str, Any]]) -> None:
    """The table of `endpoint list`. `REPLICAS` is `[min-max]`, as OctoAI prints it."""
    rows = [
        (
            each["name"],
            each["endpoint"] or "-",
            each["status"],
            bounds(each),
            str(sum(replica["status"] == "running" for replica in each["replicas"])),
            each["instance_type"],
            each["visibility"],
        )
        for each in found
    ]
    console.table(("NAME", "ENDPOINT", "STATUS", "REPLICAS", "RUNNING", "HARDWARE", "VISIBILITY"), rows)


def bounds(each: dict[str, Any]) -> str:
    """`[0-3]`."""
    return f"[{each['min_replicas']}-{each['max_replicas']}]"


def show_one(each: dict[str, Any]) -> None:
    """One endpoint for people."""
    rollout = each["rollout"]
    traffic = ", ".join(f"{share['revision'][:12]} {share['percent']:g}%" for share in each["traffic"])
    facts = {
        "Name": each["name"],
        "Display name": each["display_name"],
        "Description": each["description"],
        "Endpoint": each["endpoint"],
        "Status": each["status"],
        "Visibility": each["visibility"],
        "Replicas": bounds(each),
        "Concurrency per replica": each["concurrency_per_replica"],
        "Scale down after": age(each["scale_to_zero"]),
        "Hardware": each["instance_type"],
        "Traffic": traffic or "nothing is deployed",
        "Rollout": rollout["state"] if rollout["state"] != "stable" else "",
        "Environment": ", ".join(each["env_overrides"]),
        "Secrets": ", ".join(each["container_secrets"]),
        "Volume": each["volume"],
        "Created": f"{age_of(each['created_at'])} ago",
        "Updated": f"{age_of(each['updated_at'])} ago",
    }
    width = max(map(len, facts)) + 2
    for name, value in facts.items():
        if value not in ("", None):
            console.out(console.harmless(f"{name + ':':<{width}} {value}"))
    if rollout["text"]:
        kept = "what served before goes on serving" if rollout["kept"] else "nothing has served yet"
        console.out(console.harmless(f"\nThe last change failed, and {kept}:\n{rollout['text']}"))
    if each["replicas"]:
        console.out()
        rows = [
            (
                replica["replica_id"],
                replica["status"],
                age(replica["age"]) if replica["age"] >= 0 else "-",
                str(replica["restarts"]),
                replica["revision"][:12],
            )
            for replica in each["replicas"]
        ]
        console.table(("REPLICA", "STATUS", "AGE", "RESTARTS", "REVISION"), rows)


def _tell(args: argparse.Namespace, answer: Any, text: str) -> None:
    if args.output == "json":
        console.out_json(answer)
    else:
        console.out(text)
