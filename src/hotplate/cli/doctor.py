"""Check this machine and project, and say how to mend what is wrong."""

from __future__ import annotations

import argparse
import os

from hotplate.cli import console
from hotplate.cli.checks import Check, check_machine, check_project
from hotplate.cli.console import Colour
from hotplate.cli.opening import add_project
from hotplate.cli.parsing import add_output

_MARKS: dict[str, tuple[str, Colour]] = {"ok": ("ok", "green"), "warn": ("warn", "yellow"), "fail": ("FAIL", "red")}


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of `doctor`."""
    parser.usage = "%(prog)s [PATH | FILE:FUNCTION ...] [options]"
    add_project(parser)
    parser.add_argument("-p", "--port", metavar="N", help="Port that must be free (default: the project's, or 8080)")
    add_output(parser)


def main(args: argparse.Namespace) -> int:
    """Run every check. Gives 1 when one fails."""
    flags = {"port": args.port} if args.port else {}
    project = check_project(args, flags, os.environ)
    checks = [*check_machine(project.settings), *project.checks]
    failed = any(check.status == "fail" for check in checks)
    if args.output == "json":
        console.out_json({"ok": not failed, "checks": [_facts(check) for check in checks]})
        return int(failed)
    width = max(len(check.name) for check in checks)
    for check in checks:
        mark, colour = _MARKS[check.status]
        console.out(f"{console.paint(f'{mark:<5}', colour)} {check.name:<{width}}  {console.harmless(check.detail)}")
        if check.fix and check.status != "ok":
            console.out(f"{'':<{width + 8}}{check.fix}")
    return int(failed)


def _facts(check: Check) -> dict[str, str]:
    return {"name": check.name, "status": check.status, "detail": check.detail, "fix": check.fix}
