"""What an endpoint's replicas wrote: one line each with its age, the replica and the text."""

from __future__ import annotations

import argparse
import json
from typing import Any

from hotplate.cli import console
from hotplate.cli.asking import age_of_stamp, name_of, open_control, stamp_before
from hotplate.cli.cluster_flags import add_target, is_far
from hotplate.cli.lines import DEFAULT_LINES, add_name_and_lines, take_lines
from hotplate.cli.parsing import add_output


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of `logs`."""
    add_name_and_lines(parser)
    parser.add_argument("-f", "--follow", action="store_true", help="Go on with what is written from now on")
    parser.add_argument("--since", metavar="TIME", help="From then on: 10m, 2h, or a time written out")
    parser.add_argument("--replica", metavar="ID", help="Of this replica alone: its id or number")
    add_target(parser)
    add_output(parser)


def main(args: argparse.Namespace) -> int:
    """Print them."""
    lines = take_lines(args)
    name = name_of(args)
    if is_far(args, name):
        from hotplate.cli.cluster_commands import show_logs

        return show_logs(args, name, lines)
    with open_control() as control:
        if args.follow:
            # As with the seed, only what is written from now on, unless a number of lines is asked for.
            for entry in control.follow_logs(name, max_lines=lines or 0, replica_id=args.replica):
                show(entry, args.output)
            return 0
        begin = stamp_before(args.since) if args.since else None
        count = DEFAULT_LINES if lines is None else lines
        found = control.get_logs(name, max_lines=count, begin_time=begin, replica_id=args.replica)
    if args.output == "json":
        console.out_json(found)
    else:
        for entry in found:
            show(entry, "text")
    return 0


def show(entry: dict[str, Any], output: str) -> None:
    """Print one line."""
    if output == "json":
        console.out(json.dumps(entry, ensure_ascii=False))
    else:
        cells = (age_of_stamp(entry["timestamp"]), entry["replica_id"], entry["data"])
        console.out(console.harmless("   ".join(cells)))
