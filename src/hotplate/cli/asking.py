"""What every command that asks control shares: the client, names on the command line, times and ages."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from hotplate.errors import SettingError

if TYPE_CHECKING:
    from hotplate.client.control import ControlClient


def open_control() -> ControlClient:
    """A client for control. Raises ConnectionFailed where nothing runs."""
    from hotplate.client.control import ControlClient

    return ControlClient()


def add_name(parser: argparse.ArgumentParser, what: str = "endpoint", *, short: bool = True) -> None:
    """A name, as `--name NAME` (OctoAI's way) or as the first argument."""
    parser.add_argument("word", nargs="?", metavar="NAME", help=f"Name of the {what}")
    names = ("-n", "--name") if short else ("--name",)
    parser.add_argument(*names, dest="name", metavar="NAME", help="The same")


def name_of(args: argparse.Namespace, what: str = "endpoint") -> str:
    """The name that was given in either way."""
    if args.name and args.word and args.name != args.word:
        raise SettingError(f"Two names are given: {args.word} and {args.name}.", key="name")
    name = args.name or args.word
    if not name:
        raise SettingError(f"The name of the {what} is missing.", key="name", hint="Give it with --name NAME.")
    return name


def below(parser: argparse.ArgumentParser, words: Sequence[str]) -> Any:
    """The commands below a noun."""
    return parser.add_subparsers(dest="action", metavar=" | ".join(words), required=True)


def confirm(question: str, *, sure: bool) -> None:
    """Ask before what cannot be undone. Raises SettingError where nobody can be asked, KeyboardInterrupt for a no."""
    from hotplate.cli import console

    if sure:
        return
    if not console.is_interactive():
        raise SettingError(f"{question} Nobody is here to say yes.", hint="Add --force.")
    console.out(f"{question} [y/N] ", end="")
    import sys

    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        console.err("Nothing was done.")
        raise KeyboardInterrupt


def parse_pairs(items: Sequence[str], flag: str) -> dict[str, str]:
    """`KEY=VALUE` items as a mapping; `KEY` alone takes this shell's value."""
    import os

    found: dict[str, str] = {}
    for item in items:
        key, equals, value = item.partition("=")
        if not key or (not equals and key not in os.environ):
            raise SettingError(f"{item!r} is no KEY=VALUE.", source=flag)
        found[key] = value if equals else os.environ[key]
    return found


def age(seconds: float) -> str:
    """How long ago, as both OctoAI and Cortex write it: `19s`, `4m5s`, `3h2m`, `2d1h`."""
    left = max(0, int(seconds))
    units = (("d", 86_400), ("h", 3600), ("m", 60), ("s", 1))
    for (unit, size), (smaller, step) in pairwise(units):
        if left >= size:
            rest = left % size // step
            return f"{left // size}{unit}{rest}{smaller}" if rest else f"{left // size}{unit}"
    return f"{left}s"


def age_of(at: float | None) -> str:
    """How long ago a time was; `-` for never."""
    return "-" if at is None else age(time.time() - at)


def age_of_stamp(text: str) -> str:
    """How long ago a time of the API was."""
    from datetime import datetime

    return age(time.time() - datetime.fromisoformat(text).timestamp())


def stamp_before(text: str) -> str:
    """`10m` ago, or a time written out, as the API takes it."""
    from datetime import UTC, datetime

    from hotplate.config.values import parse_seconds

    try:
        return datetime.fromtimestamp(time.time() - parse_seconds(text), UTC).isoformat()
    except ValueError:
        pass
    try:
        return datetime.fromisoformat(text).astimezone(UTC).isoformat()
    except ValueError:
        raise SettingError(
            f"{text!r} is no time.", source="--since", hint="Write 30s, 10m, 2h, or 2026-01-31T12:00:00."
        ) from None


def ask_hidden(given: str | None, what: str, name: str) -> str:
    """A value that is shown nowhere: the given one, else asked for, else read from standard input.

    Raises SettingError for an empty one.
    """
    if given is not None:
        return given
    if sys.stdin.isatty():
        from getpass import getpass

        value = getpass(f"{what} of {name}: ")
    else:
        value = sys.stdin.read().removesuffix("\n").removesuffix("\r")
    if not value:
        raise SettingError(f"The {what.lower()} is empty.", key=name)
    return value
