"""A line as small as a word: the rate of calls over the last minutes, as the points of an SVG path.

Time is cut into slots that lie where they lie, whenever somebody looks: a new value touches the last slot alone, and a
line that has not changed is not drawn again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from functools import cache

WIDTH, HEIGHT = 120.0, 28.0
SLOTS = 40
SLOT_S = 22.5
"""Together a quarter of an hour."""


class Sparkline:
    """The means of the last slots of time."""

    def __init__(self) -> None:
        self._slots: deque[tuple[int, float, int]] = deque(maxlen=SLOTS)
        self._drawn: tuple[object, tuple[str, str]] = (None, ("", ""))

    def add(self, at: float, value: float) -> None:
        """Take a value that was seen at a moment."""
        slot = int(at // SLOT_S)
        if self._slots and self._slots[-1][0] == slot:
            _, total, count = self._slots.pop()
            self._slots.append((slot, total + value, count + 1))
        elif not self._slots or slot > self._slots[-1][0]:
            self._slots.append((slot, value, 1))

    def draw(self, at: float) -> tuple[str, str]:
        """The line and the area under it, up to a moment."""
        last = int(at // SLOT_S)
        key = (last, self._slots[-1] if self._slots else None)
        if self._drawn[0] != key:
            self._drawn = (key, draw(self._values(last)))
        return self._drawn[1]

    def _values(self, last: int) -> list[float]:
        """A slot that nobody looked into is as the one before."""
        seen = {slot: total / count for slot, total, count in list(self._slots)}
        values: list[float] = []
        value = 0.0
        for slot in range(last - SLOTS + 1, last + 1):
            value = seen.get(slot, value)
            values.append(value)
        return values


def draw(values: Sequence[float]) -> tuple[str, str]:
    """The line and the area of values that lie evenly. Without calls it is flat at the bottom."""
    top = max(values, default=0.0)
    return _path(values, top) if top else _flat(len(values))


@cache
def _flat(count: int) -> tuple[str, str]:
    return _path([0.0] * count, 1.0)


def _path(values: Sequence[float], top: float) -> tuple[str, str]:
    step = WIDTH / (len(values) - 1)
    places = [f"{index * step:.1f},{HEIGHT - 2 - value / top * (HEIGHT - 5):.1f}" for index, value in enumerate(values)]
    line = f"M{' L'.join(places)}"
    return line, f"{line} L{WIDTH:g},{HEIGHT:g} L0,{HEIGHT:g} Z"
