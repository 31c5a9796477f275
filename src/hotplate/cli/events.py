"""What happened to endpoints: deploys, replicas that came and went, decisions about their number, crashes."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from typing import Any

from hotplate.cli import console
from hotplate.cli.asking import add_name, age_of_stamp, open_control, stamp_before
from hotplate.cli.parsing import add_output


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of `events`."""
    add_name(parser)
    parser.add_argument("-f", "--follow", action="store_true", help="Go on with what happens from now on")
    parser.add_argument("--since", metavar="TIME", help="From then on: 10m, 2h, or a time written out")
    parser.add_argument("--lines", type=int, default=100, metavar="N", help="How many of the last (default 100)")
    add_output(parser)


def main(args: argparse.Namespace) -> int:
    """Print them."""
    name = args.name or args.word
    with open_control() as control:
        if args.follow:
            from hotplate.cli.asking import name_of

            _show(control.follow_events(name_of(args)), args.output)
            return 0
        begin = stamp_before(args.since) if args.since else None
        found = control.get_events(name, max_lines=args.lines, begin_time=begin)
    if args.output == "json":
        console.out_json(found)
        return 0
    rows = [
        (
            age_of_stamp(each["timestamp"]),
            each["event"]["endpoint"],
            each["event"]["level"],
            each["event"]["type"],
            each["event"]["details"].replace("\n", " "),
        )
        for each in found
    ]
    console.table(("AGE", "ENDPOINT", "LEVEL", "TYPE", "DETAILS"), rows)
    return 0


def _show(entries: Iterable[Any], output: str) -> None:
    import json

    for each in entries:
        event = each["event"]
        if output == "json":
            console.out(json.dumps(each, ensure_ascii=False))
        else:
            cells = (age_of_stamp(each["timestamp"]), event["endpoint"], event["type"], event["details"])
            console.out(console.harmless("   ".join(cells)))
