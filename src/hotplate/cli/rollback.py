"""Go back to the revision that an endpoint served before, or to one that is named."""

from __future__ import annotations

import argparse

from hotplate.cli import console
from hotplate.cli.asking import add_name, name_of, open_control
from hotplate.cli.cluster_flags import add_target, is_far
from hotplate.cli.parsing import add_output
from hotplate.cli.rollout import DEFAULT_WAIT_S, add_wait, finish


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of `rollback`."""
    add_name(parser)
    parser.add_argument("--to", default="", metavar="REVISION", help="Its number, or the beginning of its digest")
    add_wait(parser, DEFAULT_WAIT_S)
    add_target(parser)
    add_output(parser)


def main(args: argparse.Namespace) -> int:
    """Go back, and wait until it serves."""
    name = name_of(args)
    if is_far(args):
        from hotplate.cli.cluster_commands import roll_back

        return roll_back(args, name)
    with open_control() as control:
        found = finish(control, control.rollback(name, args.to), args.wait)
    if args.output == "json":
        console.out_json(found)
    else:
        shares = ", ".join(share["revision"][:12] for share in found["traffic"])
        console.out(f'Endpoint "{name}" serves {shares} again.')
    return 0
