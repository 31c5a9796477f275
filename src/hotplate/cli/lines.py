"""`-n` of `logs` and `events`: how many of the last lines, or, as with `octoai`, the endpoint's name."""

from __future__ import annotations

import argparse

from hotplate.errors import SettingError

DEFAULT_LINES = 100
MOST_LINES = 1000


def add_name_and_lines(parser: argparse.ArgumentParser) -> None:
    """The endpoint's name, and how many lines."""
    parser.add_argument("word", nargs="?", metavar="NAME", help="Name of the endpoint")
    parser.add_argument("--name", metavar="NAME", help="The same")
    parser.add_argument("-n", "--lines", metavar="N", help=f"How many of the last (default {DEFAULT_LINES})")


def take_lines(args: argparse.Namespace) -> int | None:
    """Give the number that was asked for, if any. What is no number is the name, where none was given before.

    Raises:
        SettingError: it is neither.
    """
    given: str | None = args.lines
    if given is None:
        return None
    if given.isdigit():
        return min(int(given), MOST_LINES)
    if args.name or args.word:
        raise SettingError(f"{given!r} is no number of lines.", source="-n")
    args.name = given
    return None
