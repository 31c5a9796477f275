"""Show the versions of Hotplate, Python and the platform."""

from __future__ import annotations

import argparse
import platform

from hotplate import __version__
from hotplate.cli import console
from hotplate.cli.parsing import add_output


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of `version`."""
    add_output(parser)


def main(args: argparse.Namespace) -> int:
    """Print the versions."""
    facts = {"hotplate": __version__, "python": platform.python_version(), "platform": platform.platform()}
    if args.output == "json":
        console.out_json(facts)
        return 0
    for name, value in facts.items():
        console.out(f"{name:<10}{value}")
    return 0
