"""Serve a project in a container, or wherever something else looks after the process: `run` with other defaults.

It listens on every address, at PORT where that is set; runs a worker for each processor that it may use; writes its
log as JSON; and ends at SIGTERM when what is under way is finished, also as the first process of a container.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from hotplate.cli.opening import add_project
from hotplate.cli.parsing import add_settings, given_settings

if TYPE_CHECKING:
    from hotplate.config.file_reader import ProjectFile
    from hotplate.dialects.base import Match, Project

MIN_TOKEN = 32
RECORD = "image.json"
"""What an image serves, in the folder above Hotplate's environment (`images/plan.py`)."""


class What(NamedTuple):
    """What to serve, and the interpreter of its environment; None: this one, in the shell's folder."""

    project: Project
    match: Match
    file: ProjectFile | None
    python: str | None


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of `serve`."""
    parser.usage = "%(prog)s [PATH | FILE:FUNCTION ...] [options]"
    add_project(parser)
    parser.add_argument(
        "--setup", action="store_true", help="Load the project, run its setup() and end: for the build of an image"
    )
    parser.add_argument(
        "--replica",
        nargs="?",
        const="",
        metavar="RECORD",
        help="Be one replica for the server that has the token in HOTPLATE_REPLICA_TOKEN (see docs/architecture); "
        "-: wait for a line that says what to serve",
    )
    parser.add_argument("--record", metavar="RECORD", help="Serve the revision of which this file tells")
    add_settings(parser)


def main(args: argparse.Namespace) -> int:
    """Serve until a signal, and give the exit code."""
    # The first process of a container has no default for signals: until the server listens to them, it would be deaf.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _end)
    from hotplate.cli.serve_settings import settings_of

    record = Path(args.record) if args.record else Path(sys.prefix).parent / RECORD
    if args.replica is not None:
        return _replica(args.replica or str(record), given_settings(args))
    what = _image(record) if not args.paths and not args.route and record.is_file() else _typed(args)
    settings = settings_of(given_settings(args), os.environ, what.file, what.project.env)
    if args.setup:
        from hotplate.server import set_up

        set_up(what.project, what.match, settings, what.python)
        return 0
    from hotplate.server import run

    return run(project=what.project, match=what.match, settings=settings, python=what.python)


def _replica(record: str, given: Mapping[str, Any]) -> int:
    from hotplate.cli.serve_settings import settings_of
    from hotplate.errors import SettingError
    from hotplate.targets.command import LATER, TOKEN_VARIABLE, read_record, read_told

    revision = None
    if record == LATER:
        from hotplate.server.cell import serving  # which takes longest

        del serving
        line = sys.stdin.buffer.readline()
        if not line:
            return 0  # nothing came of it
        told = read_told(line)
        os.environ.update(told.environment)
        revision = told.record
    token = os.environ.pop(TOKEN_VARIABLE, "")
    if len(token) < MIN_TOKEN:
        raise SettingError(
            f"A replica needs a token of at least {MIN_TOKEN} characters, which its server has as well.",
            source=TOKEN_VARIABLE,
        )
    revision = revision or read_record(Path(record))
    settings = settings_of(given, os.environ, None, {})
    from hotplate.server.cell.serving import serve_replica

    return serve_replica(revision, token, settings)


def _typed(args: argparse.Namespace) -> What:
    from hotplate.cli.opening import open_from
    from hotplate.dialects.registry import detect

    opened = open_from(args)
    return What(opened.project, detect(opened.project, dialect=opened.dialect), opened.file, None)


def _image(record: Path) -> What:
    """What an image was made of: nothing has to be found out."""
    import msgspec

    from hotplate.config.project_file import load_project_file
    from hotplate.deployment.records import Revision
    from hotplate.dialects.recorded import recorded

    revision = msgspec.json.decode(record.read_bytes(), type=Revision)
    project, match = recorded(revision)
    return What(project, match, load_project_file(project.root), revision.python)


def _end(number: int, frame: object) -> None:
    del frame
    raise SystemExit(128 + number)
