"""`hotplate export helm`: the chart that installs server, control and PostgreSQL in a cluster."""

from __future__ import annotations

import argparse
from pathlib import Path

from hotplate.cli import console
from hotplate.errors import SettingError

NAME = "hotplate"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the option."""
    parser.add_argument("-o", "--output", metavar="FOLDER", default=".", help="Where its folder goes (default: here)")


def main(args: argparse.Namespace) -> int:
    """Write it, with this version for its own."""
    from hotplate.manifests.chart import write_chart

    folder = Path(args.output) / NAME
    if folder.exists():
        raise SettingError(f"{folder} is there already.", key="output", hint="Remove it, or name another folder.")
    write_chart(folder)
    console.out(f"Wrote the chart to {folder}. helm install {NAME} {folder} --set image.repository=…")
    return 0
