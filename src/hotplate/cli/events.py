"""What happened to endpoints: deploys, replicas that came and went, decisions about their number, crashes."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from typing import Any

from hotplate.cli import console
from hotplate.cli.asking import age_of_stamp, name_of, open_control, stamp_before
from hotplate.cli.cluster_flags import add_target, is_far
from hotplate.cli.lines import DEFAULT_LINES, add_name_and_lines, take_lines
from hotplate.cli.parsing import add_output


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of `events`."""
    add_name_and_lines(parser)
    parser.add_argument("-f", "--follow", action="store_true", help="Go on with what happens from now on")
    parser.add_argument("--since", metavar="TIME", help="From then on: 10m, 2h, or a time written out")
    add_target(parser)
    add_output(parser)


def main(args: argparse.Namespace) -> int:
    """Print them."""
    lines = take_lines(args)
    name = args.name or args.word
    if is_far(args, name or ""):
        from hotplate.cli.cluster_commands import show_events

        return show_events(args, name_of(args), DEFAULT_LINES if lines is None else lines)
    with open_control() as control:
        if args.follow:
            _follow(control.follow_events(name_of(args)), args.output)
            return 0
        begin = stamp_before(args.since) if args.since else None
        found = control.get_events(name, max_lines=DEFAULT_LINES if lines is None else lines, begin_time=begin)
    show(found, args.output)
    return 0


def show(found: list[dict[str, Any]], output: str) -> None:
    """Print them as a table."""
    if output == "json":
        console.out_json(found)
        return
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


def _follow(entries: Iterable[Any], output: str) -> None:
    import json

    for each in entries:
        event = each["event"]
        if output == "json":
            console.out(json.dumps(each, ensure_ascii=False))
        else:
            cells = (age_of_stamp(each["timestamp"]), event["endpoint"], event["type"], event["details"])
            console.out(console.harmless("   ".join(cells)))
