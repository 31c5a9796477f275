"""Hardware profiles: names for the limits of one replica, as `hardware:` in a project file names them."""

from __future__ import annotations

import argparse

from hotplate.cli import console
from hotplate.cli.parsing import add_output


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of `hardware`."""
    parser.add_argument("action", nargs="?", choices=("list",), default="list", help="Every profile (default)")
    add_output(parser)


def main(args: argparse.Namespace) -> int:
    """Print them. They are the same everywhere, so nothing has to run."""
    from hotplate.deployment.hardware import PROFILES

    if args.output == "json":
        facts = [
            {"name": each.profile, "cpus": each.cpus, "memory_bytes": each.memory_bytes, "gpus": each.gpus}
            for each in PROFILES.values()
        ]
        console.out_json(facts)
        return 0
    rows = [
        (
            each.profile,
            f"{each.cpus:g}" if each.cpus else "no limit",
            f"{each.memory_bytes >> 30} GiB" if each.memory_bytes else "no limit",
            str(each.gpus),
        )
        for each in PROFILES.values()
    ]
    console.table(("NAME", "CPUS", "MEMORY", "GPUS"), rows)
    return 0
