"""The revisions of an endpoint, with their shares of the traffic; `--history` shows what was deployed when."""

from __future__ import annotations

import argparse

from hotplate.cli import console
from hotplate.cli.asking import add_name, age_of, name_of, open_control
from hotplate.cli.cluster_flags import add_target, is_far
from hotplate.cli.parsing import add_output


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of `revisions`."""
    add_name(parser)
    parser.add_argument("--history", action="store_true", help="What was deployed when, and what came of it")
    add_target(parser)
    add_output(parser)


def main(args: argparse.Namespace) -> int:
    """Print them."""
    name = name_of(args)
    if is_far(args, name):
        from hotplate.cli.cluster_commands import show_revisions

        return show_revisions(args, name)
    with open_control() as control:
        found = control.list_deployments(name) if args.history else control.list_revisions(name)
    if args.output == "json":
        console.out_json(found)
    elif args.history:
        rows = [
            (
                age_of(each["at"]),
                each["kind"],
                ", ".join(f"{share['revision'][:12]} {share['percent']:g}%" for share in each["traffic"]),
                each["state"],
                each["token"],
            )
            for each in found
        ]
        console.table(("AGE", "WHAT", "TRAFFIC", "STATE", "TOKEN"), rows)
    else:
        rows = [
            (str(each["number"]), each["revision"][:12], f"{each['percent']:g}%", age_of(each["created_at"]))
            for each in found
        ]
        console.table(("NUMBER", "REVISION", "TRAFFIC", "AGE"), rows)
    return 0
