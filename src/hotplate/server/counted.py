"""Metrics of the author's own, as workers report them: bounded in number, and named so that Prometheus takes them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from hotplate.server.metrics import family
from hotplate.wire.frames import Sample

MAX_SERIES = 1000
"""Distinct names and labels that are kept; values of further ones are only counted as dropped."""
MAX_TEXT = 200

_NO_NAME = re.compile(r"[^a-zA-Z0-9_:]")
_NO_LABEL = re.compile(r"[^a-zA-Z0-9_]")

Labels = tuple[tuple[str, str], ...]


class Counted:
    """Values by name and labels. A name keeps the kind that it had first."""

    def __init__(self) -> None:
        self.dropped = 0
        self._kinds: dict[str, str] = {}
        self._values: dict[tuple[str, Labels], list[float]] = {}

    def add(self, sample: Sample) -> None:
        """Take one value."""
        name = _clean(_NO_NAME, sample.name)
        labels = tuple(sorted((_clean(_NO_LABEL, key), value[:MAX_TEXT]) for key, value in sample.labels.items()))
        key = (name, labels)
        held = self._values.get(key)
        kind = self._kinds.get(name, sample.kind)
        if kind != sample.kind or (held is None and len(self._values) >= MAX_SERIES):
            self.dropped += 1
            return
        if held is None:
            self._kinds[name] = kind
            held = self._values[key] = [0.0, 0.0]
        if kind == "gauge":
            held[0] = sample.value
        else:
            held[0] += sample.value
            held[1] += 1

    def absorb(self, other: Counted) -> None:
        """Add what was counted elsewhere; a gauge takes the other's value."""
        self.dropped += other.dropped
        for key, held in other._values.items():
            kind = other._kinds[key[0]]
            mine = self._values.get(key)
            if self._kinds.setdefault(key[0], kind) != kind or (mine is None and len(self._values) >= MAX_SERIES):
                self.dropped += 1
            elif mine is None or kind == "gauge":
                self._values[key] = list(held)
            else:
                mine[0] += held[0]
                mine[1] += held[1]

    def families(self) -> Iterator[tuple[str, str, list[tuple[dict[str, str], list[float]]]]]:
        """Each name with its kind and its series: labels, and the sum and count of what came."""
        for name, kind in self._kinds.items():
            yield name, kind, [(dict(labels), held) for (own, labels), held in self._values.items() if own == name]


def counted_lines(all_of_them: Iterable[tuple[Mapping[str, str], Counted]]) -> list[str]:
    """The metrics of several models in Prometheus' text format; a histogram as a summary, its sum and its count.

    The labels given with each set its series apart. Where two models count different kinds under one name, the first
    has the name.
    """
    told = list(all_of_them)
    kinds: dict[str, str] = {}
    series: dict[str, list[tuple[dict[str, str], list[float]]]] = {}
    for common, counted in told:
        for name, kind, own in counted.families():
            if kinds.setdefault(name, kind) == kind:
                series.setdefault(name, []).extend(({**labels, **common}, held) for labels, held in own)
    lines: list[str] = []
    for name, kind in kinds.items():
        text = "Counted by the model's own code."
        if kind == "histogram":
            lines += family(name, "summary", text, [])
            lines += family(f"{name}_sum", "", "", [(labels, held[0]) for labels, held in series[name]])[2:]
            lines += family(f"{name}_count", "", "", [(labels, held[1]) for labels, held in series[name]])[2:]
        else:
            lines += family(name, kind, text, [(labels, held[0]) for labels, held in series[name]])
    dropped = [(common, counted.dropped) for common, counted in told if counted.dropped]
    if dropped:
        text = "Values of the model's own that were dropped: too many names, or one name of two kinds."
        lines += family("hotplate_custom_metrics_dropped_total", "counter", text, dropped)
    return lines


def _clean(unwanted: re.Pattern[str], text: str) -> str:
    name = unwanted.sub("_", text[:MAX_TEXT])
    return f"_{name}" if not name or name[0].isdigit() else name
