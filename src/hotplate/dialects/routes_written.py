"""A route spec as it was written: where each part of it stands, and its keys, texts and flags."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from hotplate.config.suggest import closest
from hotplate.config.values import parse_flag
from hotplate.errors import HotplateError, ProjectError, SettingError

_OTHER_KEYS = {"method": "verb", "url": "path", "default": "default_value", "params": "body", "parameters": "body"}


class Written:
    """A spec as it was written, and how to point into it."""

    def __init__(self, place: str, lines: Mapping[str, int]) -> None:
        self.place = place
        self._lines = lines

    @property
    def in_file(self) -> bool:
        return bool(self._lines)

    def line(self, key: str = "") -> int:
        """The line of a key in its file; 0 for the command line."""
        while key and key not in self._lines:
            key = key.rpartition(".")[0]
        return self._lines.get(key, 0)

    def fault(self, key: str, text: str, hint: str) -> HotplateError:
        """Make the error that points at a key."""
        if self.in_file:
            return ProjectError(text, file=self.place, line=self.line(key), hint=hint)
        return SettingError(text, key="route", source=self.place, hint=hint)


def check_keys(given: Iterable[Any], known: tuple[str, ...], what: str, key: str, where: Written) -> None:
    """Refuse a key that nothing reads, with the nearest that something does."""
    for name in given:
        if name not in known:
            near = _OTHER_KEYS.get(str(name)) or closest(str(name), known)
            hint = f"did you mean {near}?" if near in known else f"it may have: {', '.join(known)}"
            place = f"{key}.{name}" if key else str(name)
            raise where.fault(place, f"A {what} has no {str(name)!r}", hint)


def text_of(given: Mapping[str, Any], name: str, where: Written, key: str = "", default: str | None = None) -> str:
    """Give a text that must be there, unless it has a default."""
    place = f"{key}.{name}" if key else name
    value = given.get(name, default)
    if isinstance(value, str) and value.strip():
        return value.strip()
    what = "A parameter of body" if key else "The route"
    if value is None:
        raise where.fault(place, f"{what} has no {name}", f"add {name}, a text")
    raise where.fault(place, f"{name} must be a text, not {kind_of(value)}", "put it in quotes")


def flag_of(given: Mapping[str, Any], name: str, key: str, where: Written) -> bool:
    """Give true or false, written as either, or as text; false where nothing is."""
    value = given.get(name)
    if value is None or isinstance(value, bool):
        return bool(value)
    try:
        return parse_flag(value if isinstance(value, str) else "?")
    except ValueError:
        place = f"{key}.{name}" if key else name
        text = f"{name} must be true or false, not {kind_of(value)}"
        raise where.fault(place, text, f"write {name}: true or {name}: false, without quotes") from None


def kind_of(value: Any) -> str:
    """Say what a value is, in words for its author."""
    names: dict[Any, str] = {
        dict: "an object",
        list: "a list",
        str: "a text",
        int: "a number",
        float: "a number",
        bool: "true or false",
    }
    kind: type[Any] = value.__class__
    return "nothing" if value is None else names.get(kind, kind.__name__)
