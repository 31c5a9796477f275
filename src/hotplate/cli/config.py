"""Show every setting, its value and where that came from."""

from __future__ import annotations

import argparse
import os
from typing import Any

from hotplate.cli import console
from hotplate.cli.parsing import add_output, add_settings, given_settings
from hotplate.config.resolve import resolve
from hotplate.config.settings import SETTINGS, Setting, Settings
from hotplate.config.suggest import did_you_mean
from hotplate.config.values import show
from hotplate.dialects.opening import open_project
from hotplate.errors import SettingError

HIDDEN = "***"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the commands below `config`."""
    below = parser.add_subparsers(dest="action", metavar="explain | list", required=True)
    explain = below.add_parser(
        "explain",
        help="Each setting's value for a project, and where it came from",
        description="Each setting's value for a project, and where it came from. Takes the flags of `run` too.",
        usage="%(prog)s [SETTING] [--path FOLDER] [options]",
    )
    explain.add_argument("key", nargs="?", metavar="SETTING", help="Show one setting alone, with its help")
    explain.add_argument("--path", default=".", metavar="FOLDER", help="The project (default: this folder)")
    add_output(explain)
    add_settings(explain)
    every = below.add_parser(
        "list", help="Every setting there is", description="Every setting: flag, variable, default, meaning."
    )
    every.add_argument(
        "-o", "--output", choices=("text", "json", "markdown"), default="text", help="How to print (default text)"
    )


def main(args: argparse.Namespace) -> int:
    """Run the command below `config`."""
    return _explain(args) if args.action == "explain" else _list(args)


def _explain(args: argparse.Namespace) -> int:
    opened = open_project([args.path])
    resolved = resolve(flags=given_settings(args), environ=os.environ, file=opened.file)
    chosen = [_find(args.key)] if args.key else list(SETTINGS.values())
    rows = [(item, shown_value(item, resolved.settings), resolved.origins[item.name]) for item in chosen]
    if args.output == "json":
        console.out_json([{"setting": item.key, "value": value, "from": origin} for item, value, origin in rows])
        return 0
    console.table(("SETTING", "VALUE", "FROM"), [(item.key, value, origin) for item, value, origin in rows])
    if args.key:
        console.out()
        console.out(f"{chosen[0].help} {chosen[0].why}".rstrip())
    return 0


def _find(text: str) -> Setting:
    word = text.removeprefix("--").replace("-", "_").lower().removeprefix("hotplate_")
    for setting in SETTINGS.values():
        if word in (setting.key, setting.name):
            return setting
    hint = did_you_mean(word, [setting.key for setting in SETTINGS.values()])
    raise SettingError(f"There is no setting `{text}`.", hint=hint or "`hotplate config list` shows every setting.")


def shown_value(setting: Setting, settings: Settings) -> str:
    """A setting's value for people. Of secret ones only the names are shown."""
    value = getattr(settings, setting.name)
    if setting.secret:
        if setting.kind != "mapping":
            return show(setting.kind, value) if value is None else HIDDEN
        return ", ".join(f"{name}={HIDDEN}" for name in value)
    return show(setting.kind, value)


def _list(args: argparse.Namespace) -> int:
    if args.output == "markdown":
        from hotplate.config.reference import settings_page

        console.out(settings_page(), end="")
        return 0
    if args.output == "json":
        console.out_json([_facts(setting) for setting in SETTINGS.values()])
        return 0
    rows = [(item.key, item.flag, show(item.kind, item.default), item.help) for item in SETTINGS.values()]
    width = [max(len(row[column]) for row in rows) for column in range(3)]
    for key, flag, default, text in rows:
        head = f"{key:<{width[0]}}  {flag:<{width[1]}}  {default}"
        console.out(console.paint(head.rstrip(), "bold"))
        console.out(f"    {text}")
    return 0


def _facts(setting: Setting) -> dict[str, Any]:
    return {
        "setting": setting.key,
        "flag": setting.flag if setting.in_flags else None,
        "variable": setting.variable if setting.in_env else None,
        "file": setting.in_file,
        "kind": setting.kind,
        "default": show(setting.kind, setting.default),
        "choices": list(setting.choices),
        "secret": setting.secret,
        "help": setting.help,
        "why": setting.why,
    }
