"""Serve a project on this machine: one command from a folder of Python to an HTTP endpoint."""

from __future__ import annotations

import argparse
import os

from hotplate.cli.entry_point import add_deepaas_run
from hotplate.cli.entry_point import settings as deepaas_settings
from hotplate.cli.image_flags import add_run_image, needs_image
from hotplate.cli.opening import add_project, open_from
from hotplate.cli.parsing import add_settings, given_settings
from hotplate.config.resolve import DEFAULT, resolve
from hotplate.errors import SettingError


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of `run`."""
    parser.usage = "%(prog)s [PATH | FILE:FUNCTION ...] [options]"
    add_project(parser)
    parser.add_argument(
        "--command",
        metavar="COMMAND",
        help="When the model is ready, run this program, stop the server, and exit with the program's code",
    )
    parser.add_argument(
        "-l", "--logs", action="store_true", help="Show the server's logs, one line for each call included"
    )
    add_run_image(parser)
    add_settings(parser)
    add_deepaas_run(parser)


def main(args: argparse.Namespace) -> int:
    """Start the server and give its exit code."""
    if args.image is not None:
        from hotplate.cli.run_image import run_image

        return run_image(args)
    if asked := needs_image(args):
        raise SettingError(f"{asked} is for a container.", source=asked, hint="Add --image.")
    opened = open_from(args)
    flags = {**deepaas_settings(args), **given_settings(args)}
    if args.logs:
        flags.setdefault("access_log", "on")
    resolved = resolve(flags=flags, environ=os.environ, file=opened.file)
    settings = resolved.settings
    if args.command and not args.logs and resolved.origins["log_level"] == DEFAULT:
        # Only the program's own output is wanted, as with `octoai run --command`; trouble still shows.
        settings = resolve(flags={**flags, "log_level": "warning"}, environ=os.environ, file=opened.file).settings
    from hotplate.dialects.registry import detect
    from hotplate.server import run

    match = detect(opened.project, dialect=opened.dialect)
    return run(project=opened.project, match=match, settings=settings, command=args.command)
