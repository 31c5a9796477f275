"""Hardware profiles: names for the limits of one replica, as `hardware:` in a project file names them.

Profiles of your own stand in hardware.yaml in HOTPLATE_HOME (`big: {cpus: 8, memory: 64GiB, gpus: 2}`); limits may also
be written out, as in `hardware: cpus=2,memory=4GiB`.
"""

from __future__ import annotations

import argparse
from typing import Any

from hotplate.cli import console
from hotplate.cli.parsing import add_output


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of `hardware`."""
    parser.add_argument("action", nargs="?", choices=("list",), default="list", help="Every profile (default)")
    add_output(parser)


def main(args: argparse.Namespace) -> int:
    """Print them, and what this machine has. Nothing has to run."""
    from hotplate.deployment.hardware import profiles
    from hotplate.hardware.limiter import machine

    found = profiles()
    if args.output == "json":
        facts = [
            {"name": each.profile, "cpus": each.cpus, "memory_bytes": each.memory_bytes, "gpus": each.gpus}
            for each in found.values()
        ]
        console.out_json(facts)
        return 0
    rows = [
        (
            each.profile,
            f"{each.cpus:g}" if each.cpus else "no limit",
            _size(each.memory_bytes) if each.memory_bytes else "no limit",
            str(each.gpus),
        )
        for each in found.values()
    ]
    console.table(("NAME", "CPUS", "MEMORY", "GPUS"), rows)
    console.err(f"\nThis machine: {_machine(machine())}")
    return 0


def _machine(facts: dict[str, Any]) -> str:
    gpus = [f"{gpu['name']}, {_size(gpu['memory_bytes'])}" for gpu in facts["gpus"]]
    return f"{facts['cpus']} CPUs, {_size(facts['memory_bytes'])}, {'; '.join(gpus) or 'no GPU that NVML knows'}."


def _size(count: int) -> str:
    return f"{count / (1 << 30):.4g} GiB" if count >= 1 << 30 else f"{count / (1 << 20):.4g} MiB"
