"""Counts and times, kept in plain lists on the request path and put into Prometheus' text format when asked.

A histogram is a list of counts and a sum; observing is one bisect and two additions. (prometheus-client costs more
per observation than the rest of the server's work on a request; its parser checks this output in the tests.)
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping

SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
SIZES = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0)

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Histogram:
    """Counts by upper bound."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        """Count one value."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    def add(self, other: Histogram) -> None:
        """Add what another one with the same bounds has counted."""
        self.counts = [mine + theirs for mine, theirs in zip(self.counts, other.counts, strict=True)]
        self.total += other.total


class RouteMetrics:
    """What is counted for one route."""

    __slots__ = ("batch_size", "codes", "duration", "path")

    def __init__(self, path: str) -> None:
        self.path = path
        self.codes: dict[int, int] = {}
        self.duration = Histogram(SECONDS)
        self.batch_size: Histogram | None = None  # of a batched route

    def observe(self, status: int, seconds: float) -> None:
        """Count one answer."""
        try:
            self.codes[status] += 1
        except KeyError:
            self.codes[status] = 1
        duration = self.duration
        duration.counts[bisect_left(SECONDS, seconds)] += 1
        duration.total += seconds

    def add(self, other: RouteMetrics) -> None:
        """Add what was counted for the same route elsewhere."""
        for code, count in other.codes.items():
            self.codes[code] = self.codes.get(code, 0) + count
        self.duration.add(other.duration)
        if other.batch_size is not None:
            if self.batch_size is None:
                self.batch_size = Histogram(SIZES)
            self.batch_size.add(other.batch_size)

    def observe_batch(self, items: int) -> None:
        """Count one call of a batched function."""
        if self.batch_size is None:
            self.batch_size = Histogram(SIZES)
        self.batch_size.observe(items)


def escape(value: str) -> str:
    """A label's value."""
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def labels(pairs: Mapping[str, object]) -> str:
    """`{route="/infer",code="200"}`, or nothing."""
    return "{" + ",".join(f'{name}="{escape(str(value))}"' for name, value in pairs.items()) + "}" if pairs else ""


def family(name: str, kind: str, text: str, samples: Iterable[tuple[Mapping[str, object], float]]) -> list[str]:
    """One counter or gauge with its samples."""
    lines = [f"# HELP {name} {text}", f"# TYPE {name} {kind}"]
    lines += [f"{name}{labels(pairs)} {number(value)}" for pairs, value in samples]
    return lines


def histogram(name: str, text: str, samples: Iterable[tuple[Mapping[str, object], Histogram]]) -> list[str]:
    """One histogram family."""
    lines = [f"# HELP {name} {text}", f"# TYPE {name} histogram"]
    for pairs, data in samples:
        below = 0
        for bound, count in zip((*data.bounds, float("inf")), data.counts, strict=True):
            below += count
            lines.append(f"{name}_bucket{labels({**pairs, 'le': number(bound)})} {below}")
        lines.append(f"{name}_sum{labels(pairs)} {data.total}")
        lines.append(f"{name}_count{labels(pairs)} {below}")
    return lines


def number(value: float) -> str:
    """A number as Prometheus writes it."""
    if value == float("inf"):
        return "+Inf"
    return str(int(value)) if value == int(value) else repr(value)
