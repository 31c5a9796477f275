"""Fill a project's volume: run its store_assets() in a worker process. `run` finds there what it stored.

The volume is HOTPLATE_VOLUME_PATH, else OCTOAI_VOLUME_PATH, else /octoai/cache where that exists, else
volumes/NAME in HOTPLATE_HOME (~/.hotplate) with the endpoint's name.
"""

from __future__ import annotations

import argparse
import os

from hotplate.cli import console
from hotplate.cli.opening import add_project, open_from
from hotplate.cli.parsing import add_output
from hotplate.config.resolve import resolve


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of `store-assets`."""
    parser.usage = "%(prog)s [PATH] [options]"
    add_project(parser)
    add_output(parser)


def main(args: argparse.Namespace) -> int:
    """Store, and say where. To have no store_assets() is no failure."""
    from hotplate.dialects.registry import detect
    from hotplate.server import store_assets

    opened = open_from(args)
    settings = resolve(environ=os.environ, file=opened.file).settings
    match = detect(opened.project, dialect=opened.dialect)
    contract, volume = store_assets(opened.project, match, settings)
    stored = contract.lifecycle.store_assets
    if args.output == "json":
        console.out_json({"volume": str(volume), "stored": stored})
    elif stored:
        console.out(f"Stored in {volume}")
    else:
        console.out(f"{contract.entry} has no store_assets(): there is nothing to store.")
    return 0
