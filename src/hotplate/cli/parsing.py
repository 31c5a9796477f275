"""argparse as all commands use it: exact option names, did-you-mean, and settings turned into flags."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Sequence
from typing import Any, NoReturn, cast

from hotplate.config.settings import GROUPS, SETTINGS, Setting
from hotplate.config.values import show

_DEST = "setting:"


class _Formatter(argparse.RawDescriptionHelpFormatter):
    """Finds the terminal's width by itself: argparse would import shutil for it, for every option that is added."""

    def __init__(self, prog: str, **more: Any) -> None:
        super().__init__(prog, max_help_position=32, width=_columns() - 2, **more)


def _columns() -> int:
    try:
        return min(120, int(os.environ.get("COLUMNS", "")) or 80)
    except ValueError:
        pass
    try:
        return min(120, os.get_terminal_size(1).columns or 80)
    except OSError:
        return 80


class Parser(argparse.ArgumentParser):
    """A command's options. Wrong usage ends the process with code 2 and a sentence."""

    before: Callable[[Parser, Sequence[str]], list[str]] | None = None
    """What a command makes of the words before they are read."""

    def __init__(self, **more: Any) -> None:
        more.setdefault("formatter_class", _Formatter)
        super().__init__(allow_abbrev=False, **more)

    def read(self, words: Sequence[str]) -> argparse.Namespace:
        """Parse a command line. Options may stand between arguments."""
        if self.before is not None:
            words = self.before(self, words)
        if any(isinstance(action.choices, dict) for action in self._actions):  # commands below: they end the options
            found, rest = self.parse_known_args(words)
        else:
            found, rest = self.parse_known_intermixed_args(words)
        if rest:
            self.unknown(str(rest[0]))
        return found

    def unknown(self, word: str) -> NoReturn:
        """End: this option or argument has no place here."""
        from hotplate.config.suggest import did_you_mean

        name = word.partition("=")[0]
        if name.startswith("-"):
            known = [option for action in self.every_action() for option in action.option_strings if len(option) > 2]
            self.fail(f"`{name}` is no option of `{self.prog}`.", did_you_mean(name, known))
        self.fail(f"`{word}` is one argument too many for `{self.prog}`.")

    def every_action(self) -> list[argparse.Action]:
        """The options and arguments of this parser and of the commands below it."""
        found: list[argparse.Action] = []
        for action in self._actions:
            found.append(action)
            if isinstance(action.choices, dict):
                for below in cast("dict[str, Parser]", action.choices).values():
                    found.extend(below.every_action())
        return found

    def error(self, message: str) -> NoReturn:
        self.fail(message[:1].upper() + message[1:] + ".")

    def fail(self, text: str, hint: str | None = None) -> NoReturn:
        """End: the usage is wrong."""
        from hotplate.cli import console

        console.problem(text, hint=hint or f"`{self.prog} --help` shows how to use it.")
        raise SystemExit(2)


def add_output(parser: argparse.ArgumentParser) -> None:
    """The option of every command that has output: for people, or JSON for programs."""
    parser.add_argument("-o", "--output", choices=("text", "json"), default="text", help="How to print (default text)")


def add_settings(parser: argparse.ArgumentParser) -> None:
    """One flag for each setting, in its groups."""
    used = {setting.group for setting in SETTINGS.values() if setting.in_flags}
    groups = {name: parser.add_argument_group(title) for name, title in GROUPS.items() if name in used}
    for setting in SETTINGS.values():
        if setting.in_flags:
            _add_setting(groups[setting.group], setting)


def _add_setting(group: Any, setting: Setting) -> None:
    names = [name for name in (setting.short, setting.flag) if name]
    common: dict[str, Any] = {"dest": _DEST + setting.name, "default": argparse.SUPPRESS}
    text = setting.help
    if setting.kind in ("flag", "switch"):
        on, off = ("on", "off") if setting.kind == "switch" else ("true", "false")
        group.add_argument(*names, action="store_const", const=on, help=text, **common)
        opposite = "--no-" + setting.flag.removeprefix("--")
        group.add_argument(opposite, action="store_const", const=off, help=argparse.SUPPRESS, **common)
    elif setting.kind in ("list", "mapping"):
        group.add_argument(*names, action="append", metavar=setting.metavar, help=text, **common)
    else:
        metavar = (
            setting.metavar
            or "|".join(setting.choices)
            or {"seconds": "TIME", "bytes": "SIZE", "text": "TEXT"}.get(setting.kind, "N")
        )
        if default := show(setting.kind, setting.default):
            text += f" Default {default}."
        group.add_argument(*names, metavar=metavar, help=text, **common)


def given_settings(args: argparse.Namespace) -> dict[str, Any]:
    """The settings that were given as flags, as text by name."""
    return {name.removeprefix(_DEST): value for name, value in vars(args).items() if name.startswith(_DEST)}
