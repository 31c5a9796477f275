"""`hotplate endpoint delete --target kubernetes`: shows what goes, asks, deletes it, and says what is left."""

from __future__ import annotations

import argparse

from hotplate.cli import console
from hotplate.cli.asking import confirm
from hotplate.cli.build import progress
from hotplate.cli.cluster_flags import open_cluster
from hotplate.errors import SettingError, TargetRefused

WAIT_S = 120.0


def add_delete(parser: argparse.ArgumentParser) -> None:
    """Flags of it that mean nothing on this machine."""
    group = parser.add_argument_group("With --target kubernetes")
    group.add_argument("--dry-run", action="store_true", help="Show what would be deleted, and delete nothing")
    group.add_argument(
        "--volumes", action="store_true", help="Delete its volume too, unless another endpoint has it; else it is kept"
    )
    group.add_argument(
        "--wait",
        type=float,
        default=WAIT_S,
        metavar="SECONDS",
        help=f"How long its pods may take to end, 0 for not to look (default {WAIT_S:g})",
    )


def check_here(args: argparse.Namespace) -> None:
    """Raise SettingError for a flag that only a cluster has."""
    for name in ("dry_run", "volumes"):
        if getattr(args, name):
            flag = "--" + name.replace("_", "-")
            raise SettingError(f"{flag} is for an endpoint in a cluster.", key=name, hint="Add --target kubernetes.")


def delete(args: argparse.Namespace, name: str) -> int:
    """Delete what a deploy has applied.

    Raises:
        NotFound: there is nothing.
        TargetRefused: some of it may not be deleted, and nothing was; or some of it is left.
    """
    from hotplate.deployment.home import find_home
    from hotplate.targets.kubernetes import memory
    from hotplate.targets.kubernetes.kinds import shown
    from hotplate.targets.kubernetes.removal import Remover

    there = open_cluster(name, args.context, args.namespace)
    with there.api as api:
        remover = Remover(api, there.namespace)
        found = remover.find(name, volumes=args.volumes)
        remover.try_all(found.objects)
        names = [shown(each) for each in found.objects]
        if args.output != "json":
            console.out(f"In {api.where[4:]}, namespace {there.namespace}:")
            for line in names:
                console.out(console.paint(console.harmless(f"- {line}"), "red"))
        for line in found.notes:
            progress("note", line)
        if args.dry_run:
            if args.output == "json":
                console.out_json({"name": name, "would_delete": names, "kept": found.notes})
            return 0
        confirm(f"Delete the endpoint {name}, these {len(names)} objects?", sure=args.force)
        troubles = remover.remove(name, found.objects, args.wait, lambda text: progress("deleted", text))
    if troubles:
        raise TargetRefused(
            f"{len(troubles)} of {len(names)} objects of {name} are left: {'; '.join(troubles)}. "
            "Ask once more to go on."
        )
    memory.forget(find_home(), name)
    if args.output == "json":
        console.out_json({"name": name, "deleted": names, "kept": found.notes})
    else:
        console.out(f'Endpoint "{name}" has been deleted.')
    return 0
