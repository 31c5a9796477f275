"""Text to value and back, one pair per kind of setting. Flags, environment variables and files all pass through here.

Every parser takes text and raises ValueError with the end of a sentence that starts with the setting's name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Literal

KIB = 1024
MIB = 1024 * KIB

Kind = Literal["integer", "seconds", "bytes", "text", "flag", "switch", "choice", "list", "mapping"]
"""`flag` is yes or no; `switch` is auto, on or off; `choice` is one of a setting's `choices`."""

AUTO = "auto"
"""How None is written for settings that work their value out when it is not given."""

_SIZES = {
    "": 1,
    "b": 1,
    "k": 1 << 10,
    "kb": 1_000,
    "kib": 1 << 10,
    "m": 1 << 20,
    "mb": 1_000_000,
    "mib": 1 << 20,
    "g": 1 << 30,
    "gb": 1_000_000_000,
    "gib": 1 << 30,
}
_TIMES = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_NUMBER = r"[0-9]{1,18}(?:\.[0-9]{1,18})?"
_YES = ("true", "yes", "on", "1")
_NO = ("false", "no", "off", "0")


def parse_integer(text: str) -> int:
    """A whole number; `_` may group digits, as in Python."""
    if not re.fullmatch(r"-?[0-9](_?[0-9]){0,17}", text):
        raise ValueError(f"must be a whole number, not {_quoted(text)}")
    return int(text)


def parse_bytes(text: str) -> int:
    """A size in bytes: `65536`, `64KiB`, `1.5MB`. K, M and G alone count in 1024s."""
    found = re.fullmatch(rf"({_NUMBER})\s*([a-zA-Z]*)", text)
    unit = _SIZES.get(found[2].lower()) if found else None
    if found is None or unit is None:
        raise ValueError(f"must be a size such as 64KiB or 10MiB, not {_quoted(text)}")
    return round(float(found[1]) * unit)


def parse_seconds(text: str) -> float:
    """A time in seconds: `30`, `500ms`, `2m`, `1m30s`."""
    if re.fullmatch(_NUMBER, text):
        return float(text)
    if not re.fullmatch(rf"({_NUMBER}(ms|s|m|h)){{1,4}}", text):
        raise ValueError(f"must be a time such as 30s, 500ms or 2m, not {_quoted(text)}")
    parts = re.findall(rf"({_NUMBER})(ms|s|m|h)", text)
    return sum(float(number) * _TIMES[unit] for number, unit in parts)


def parse_flag(text: str) -> bool:
    """Yes or no, in the spellings that YAML and shells use."""
    word = text.lower()
    if word not in _YES + _NO:
        raise ValueError(f"must be true or false, not {_quoted(text)}")
    return word in _YES


def parse_switch(text: str) -> str:
    """`auto`, `on` or `off`. YAML's other words for on and off count too."""
    if text.lower() == AUTO:
        return AUTO
    try:
        return "on" if parse_flag(text) else "off"
    except ValueError:
        raise ValueError(f"must be auto, on or off, not {_quoted(text)}") from None


def _quoted(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "…")


def parse_text(text: str) -> str:
    """Text without control characters, which have no business in a name or an address."""
    if any(ord(char) < 32 or ord(char) == 127 for char in text):
        raise ValueError(f"must not hold control characters, but is {_quoted(text)}")
    return text


def parse_list(text: str) -> tuple[str, ...]:
    """Items between commas."""
    return tuple(item for item in (parse_text(part.strip()) for part in text.split(",")) if item)


PARSERS: Mapping[Kind, Callable[[str], Any]] = {
    "integer": parse_integer,
    "seconds": parse_seconds,
    "bytes": parse_bytes,
    "text": parse_text,
    "flag": parse_flag,
    "switch": parse_switch,
    "choice": parse_text,
    "list": parse_list,
}


def show(kind: Kind, value: Any) -> str:
    """The value as a person would type it."""
    if value is None:
        return AUTO
    if kind == "bytes":
        return _show_bytes(value)
    if kind == "seconds":
        return f"{value:g}s"
    if kind == "flag":
        return "true" if value else "false"
    if kind in ("list", "mapping"):
        return ", ".join(value)
    return str(value)


def _show_bytes(value: int) -> str:
    for unit, name in ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")):
        if value and value % unit == 0:
            return f"{value // unit}{name}"
    return str(value)
