"""Writes `docs/settings.md` from the data, so that the page cannot fall behind: `hotplate config list -o markdown`."""

from __future__ import annotations

from hotplate.config.project_keys import KEYS, OCTOAI, Key
from hotplate.config.settings import GROUPS, SETTINGS, Setting
from hotplate.config.values import show

_INTRODUCTION = """\
# Settings

A flag wins over an environment variable, which wins over the project file, which wins over the default. Unknown keys
are errors. Nothing changes after start. `hotplate config explain` shows every value and where it came from.

Sizes are written `65536`, `64KiB` or `10MB`; times `30`, `500ms`, `2m` or `1m30s`. A list is written `a, b` in the
environment, as a YAML list in the file, and by repeating the flag. `env` is merged variable by variable.

This page is written by `hotplate config list -o markdown`.
"""

_FILE = """\
## Project file

`hotplate.yaml` lies in the project's folder and holds its keys at the top. Besides the settings above, under the name
in their first column, it may hold:
"""

_OCTOAI = """\
## octoai.yaml

A project without `hotplate.yaml` may have an `octoai.yaml`. It means the same as ever: its keys lie under
`endpoint_config`, and stand for these keys of `hotplate.yaml`. `-` and `_` are the same in both files.
`concurrency-per-replica` is how many calls are sent to a replica, of which `infer()` still runs one at a time, so it
does not set `slots`.
"""


def settings_page() -> str:
    """The whole page, as Markdown."""
    parts = [_INTRODUCTION]
    for group, title in GROUPS.items():
        rows = [_setting_row(item) for item in SETTINGS.values() if item.group == group]
        parts.append(f"## {title}\n\n" + _table(("Setting", "Flag", "Variable", "Default", "Meaning"), rows))
    parts.append(_FILE)
    for part, title in (("project", "What is served"), ("deploy", "Kept for deploying; `hotplate run` ignores it")):
        rows = [_key_row(key) for key in KEYS.values() if key.part == part]
        parts.append(f"### {title}\n\n" + _table(("Key", "Value", "Meaning"), rows))
    parts.append(_OCTOAI)
    names = [(f"`{theirs.replace('_', '-')}`", f"`{ours}`") for theirs, ours in OCTOAI.items()]
    parts.append(_table(("octoai.yaml", "hotplate.yaml"), names))
    return "\n".join(parts)


def _setting_row(setting: Setting) -> tuple[str, ...]:
    flag = f"`{setting.flag}`" + (f" `{setting.short}`" if setting.short else "") if setting.in_flags else "none"
    variable = f"`{setting.variable}`" if setting.in_env else "none"
    default = show(setting.kind, setting.default)
    text = setting.help
    if setting.choices:
        text += f" One of {', '.join(f'`{choice}`' for choice in setting.choices)}."
    if setting.low is not None and setting.high is not None:
        text += f" From {_bound(setting, setting.low)} to {_bound(setting, setting.high)}."
    if not setting.in_file:
        text += " Not in the project file."
    return (f"`{setting.key}`", flag, variable, f"`{default}`" if default else "none", f"{text} {setting.why}".rstrip())


def _bound(setting: Setting, bound: float) -> str:
    return show(setting.kind, int(bound) if setting.kind != "seconds" else bound)


def _key_row(key: Key) -> tuple[str, ...]:
    value = {"flag": "true or false", "integer": "whole number", "seconds": "time"}.get(key.kind, key.kind)
    if key.low is not None and key.high is not None:
        value += f", {key.low:g} to {key.high:g}"
    return f"`{key.name}`", value, key.help


def _table(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [header, tuple("---" for _ in header), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)
