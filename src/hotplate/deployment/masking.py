"""Takes the values of secrets out of texts before anybody reads them: logs, events, messages."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator
from urllib.parse import quote, quote_plus

MASK = "***"
_ESCAPE = re.compile("%[0-9A-F]{2}")
SHORTEST = 4
"""Shorter values are left: masking every `1` of a log would make it unreadable and hide nothing."""


class Mask:
    """The values to take out, as they are and as code writes them: base64, URL, JSON, hex. Its repr shows none."""

    __slots__ = ("_values",)

    def __init__(self, values: Iterable[str] = ()) -> None:
        pieces = {piece for value in values for piece in (value, *value.splitlines())}
        forms = {form for piece in pieces if len(piece) >= SHORTEST for form in _forms(piece)}
        self._values = sorted(forms, key=len, reverse=True)

    def __bool__(self) -> bool:
        return bool(self._values)

    def __repr__(self) -> str:
        return f"Mask({len(self._values)} values)"

    def __call__(self, text: str) -> str:
        for value in self._values:
            if value in text:
                text = text.replace(value, MASK)
        return text


def _forms(value: str) -> Iterator[str]:
    yield value
    for form in (quote(value, safe=""), quote(value), quote_plus(value), quote_plus(value, safe="/")):
        yield from (form, _ESCAPE.sub(lambda found: found[0].lower(), form))
    yield from (json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1])
    yield value.encode().hex()
    yield from (form for form in _base64(value.encode()) if len(form) >= SHORTEST)


def _base64(value: bytes) -> Iterator[str]:
    """What of a text in base64 comes from this value alone, wherever in that text the value begins."""
    for before in range(3):
        encoded = base64.b64encode(bytes(before) + value).decode().rstrip("=")
        begin = (before * 8 + 5) // 6
        whole = (before + len(value)) * 8 // 6  # what follows the value in the text decides on the character after
        core = encoded[begin:whole]
        yield from (core, core.replace("+", "-").replace("/", "_"))
