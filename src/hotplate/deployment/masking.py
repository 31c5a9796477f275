"""Takes the values of secrets out of texts before anybody reads them: logs, events, messages."""

from __future__ import annotations

from collections.abc import Iterable

MASK = "***"
SHORTEST = 4
"""Shorter values are left: masking every `1` of a log would make it unreadable and hide nothing."""


class Mask:
    """The values to take out. Its repr shows none of them."""

    __slots__ = ("_values",)

    def __init__(self, values: Iterable[str] = ()) -> None:
        pieces = {piece for value in values for piece in (value, *value.splitlines())}
        self._values = sorted((piece for piece in pieces if len(piece) >= SHORTEST), key=len, reverse=True)

    def __bool__(self) -> bool:
        return bool(self._values)

    def __repr__(self) -> str:
        return f"Mask({len(self._values)} values)"

    def __call__(self, text: str) -> str:
        for value in self._values:
            if value in text:
                text = text.replace(value, MASK)
        return text
