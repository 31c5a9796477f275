"""What an endpoint's replicas wrote: one line each with its age, the replica and the text.

`-n` takes a number of lines, or as with `octoai logs` the endpoint's name.
"""

from __future__ import annotations

import argparse
import json
from typing import Any

from hotplate.cli import console
from hotplate.cli.asking import age_of_stamp, name_of, open_control, stamp_before
from hotplate.cli.parsing import add_output
from hotplate.errors import SettingError

DEFAULT_LINES = 100


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of `logs`."""
    parser.add_argument("word", nargs="?", metavar="NAME", help="Name of the endpoint")
    parser.add_argument("--name", metavar="NAME", help="The same")
    parser.add_argument("-n", "--lines", metavar="N", help=f"How many of the last lines (default {DEFAULT_LINES})")
    parser.add_argument("-f", "--follow", action="store_true", help="Go on with what is written from now on")
    parser.add_argument("--since", metavar="TIME", help="From then on: 10m, 2h, or a time written out")
    parser.add_argument("--replica", metavar="ID", help="Of this replica alone: its id or number")
    add_output(parser)


def main(args: argparse.Namespace) -> int:
    """Print them."""
    lines = None
    if args.lines is not None and args.lines.isdigit():
        lines = int(args.lines)
    elif args.lines is not None:
        if args.name or args.word:
            raise SettingError(f"{args.lines!r} is no number of lines.", source="-n")
        args.name = args.lines
    name = name_of(args)
    with open_control() as control:
        if args.follow:
            # As with the seed, only what is written from now on, unless a number of lines is asked for.
            for entry in control.follow_logs(name, max_lines=lines or 0, replica_id=args.replica):
                _show(entry, args.output)
            return 0
        begin = stamp_before(args.since) if args.since else None
        count = min(DEFAULT_LINES if lines is None else lines, 1000)
        found = control.get_logs(name, max_lines=count, begin_time=begin, replica_id=args.replica)
    if args.output == "json":
        console.out_json(found)
    else:
        for entry in found:
            _show(entry, "text")
    return 0


def _show(entry: dict[str, Any], output: str) -> None:
    if output == "json":
        console.out(json.dumps(entry, ensure_ascii=False))
    else:
        cells = (age_of_stamp(entry["timestamp"]), entry["replica_id"], entry["data"])
        console.out(console.harmless("   ".join(cells)))
