"""Where the token comes from: the argument, then the environment, then the files that `login` commands write."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from hotplate.errors import SettingError

VARIABLES = ("HOTPLATE_TOKEN", "OCTOAI_TOKEN")
FILES = (".hotplate/config.yaml", ".octoai/config.yaml")


@dataclass(frozen=True, slots=True)
class Token:
    """A token and where it came from. The value is in no repr; `source` is for messages."""

    value: str | None = field(repr=False)
    source: str


def find_token(given: str | None, environ: Mapping[str, str], home: Path) -> Token:
    """Find the token for a client.

    An explicit empty text means: send none, even if the environment has one. Raises SettingError for a config
    file that is not YAML and for a token that cannot be a header.
    """
    if given is not None:
        return _checked(given, "token=")
    for name in VARIABLES:
        if value := environ.get(name, "").strip():
            return _checked(value, name)
    for name in FILES:
        if value := read_token(home / name):
            return _checked(value, f"~/{name}")
    return Token(None, "")


def _checked(value: str, source: str) -> Token:
    value = value.strip()
    if not value.isascii() or not value.isprintable():
        raise SettingError(
            "The token holds characters that no header can carry.", key="token", source=source, hint="Copy it again."
        )
    return Token(value or None, source)


def read_token(path: Path) -> str | None:
    """Read the key `token` of a YAML file. None where there is no such file or key."""
    try:
        path = path.expanduser()
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError, RuntimeError):  # RuntimeError: a user without a home, as in some containers
        return None
    import yaml  # only those who have such a file pay for it

    try:
        settings: Any = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark: Any = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        raise SettingError(
            f"{path} is not YAML.", key="token", source=f"{path}{line}", hint="Mend or delete the file."
        ) from error
    token = cast("dict[str, Any]", settings).get("token") if isinstance(settings, dict) else None
    return str(token) if token else None
