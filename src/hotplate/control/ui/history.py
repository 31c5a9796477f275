"""What the server's counters did over the last minutes: rates, times and numbers, as pages draw them.

Two readings of counters that only grow give what happened between them. Nothing here asks anybody.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, cast

from hotplate.control.ui.sparkline import Sparkline

KEPT_S = 1800.0
MAX_POINTS = 1000
RECENT_S = 60.0
"""For so long every point is kept; of older ones that say the same, one in `APART_S`."""
APART_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """Between the reading before and this one: per second, seconds; and numbers at this moment."""

    at: float
    requests: float
    errors: float
    p50_s: float | None
    p99_s: float | None
    replicas: int
    target: int
    queue: int
    in_flight: int
    started: int
    start_s: float | None
    rss_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Reading:
    """Counters as they were."""

    at: float
    requests: int
    errors: int
    durations: tuple[int, ...]
    started: float
    start_s: float


_words = attrgetter(*(name for name in Point.__slots__ if name != "at"))


class History:
    """The points of one endpoint, the oldest first, and its sparkline."""

    def __init__(self) -> None:
        self.sparkline = Sparkline()
        self._recent: deque[Point] = deque(maxlen=MAX_POINTS)
        self._older: deque[Point] = deque(maxlen=MAX_POINTS)
        self._last: Reading | None = None

    @property
    def points(self) -> list[Point]:
        """All of them."""
        return [*self._older, *self._recent]

    def add(self, at: float, state: Mapping[str, Any], bounds: Sequence[float]) -> None:
        """Take what the server says at a moment."""
        now = _read(at, state)
        before, self._last = self._last, now
        if before is None or now.requests < before.requests or now.at <= before.at:  # the first, or another server
            before = None
        revisions = cast("list[dict[str, Any]]", state.get("revisions") or [])
        replicas: list[dict[str, Any]] = []
        for revision in revisions:
            replicas += revision.get("replicas") or []
        seconds = now.at - before.at if before else 1.0
        grown = _grown(before, now) if before else ()
        started = now.started - before.started if before else 0
        self._keep(
            Point(
                at=at,
                requests=(now.requests - before.requests) / seconds if before else 0.0,
                errors=(now.errors - before.errors) / seconds if before else 0.0,
                p50_s=quantile(bounds, grown, 0.5),
                p99_s=quantile(bounds, grown, 0.99),
                replicas=sum(each.get("state") == "running" for each in replicas),
                target=sum(int(revision.get("target") or 0) for revision in revisions),
                queue=int(state.get("queue_depth") or 0),
                in_flight=int(state.get("in_flight") or 0),
                started=int(started),
                start_s=(now.start_s - before.start_s) / started if before and started > 0 else None,
                rss_bytes=sum(int(each.get("rss_bytes") or 0) for each in replicas),
            )
        )

    def _keep(self, point: Point) -> None:
        self.sparkline.add(point.at, point.requests)
        self._recent.append(point)
        while self._recent[0].at < point.at - RECENT_S:
            self._thin(self._recent.popleft())
        while self._older and self._older[0].at < point.at - KEPT_S:
            self._older.popleft()

    def _thin(self, point: Point) -> None:
        """Keep an older point, and let the one before it go where it says nothing that its neighbours do not."""
        older = self._older
        near = len(older) > 1 and point.at - older[-2].at <= APART_S
        if near and _words(older[-2]) == _words(older[-1]) == _words(point):
            older.pop()
        older.append(point)

    def over(self, seconds: float) -> list[Point]:
        """The points of the last so many seconds."""
        points = list(self._recent) if seconds <= RECENT_S else self.points  # copies: another thread may add to them
        begin = points[-1].at - seconds if points else 0.0
        return [point for point in points if point.at >= begin]


def _read(at: float, state: Mapping[str, Any]) -> Reading:
    starts = cast("dict[str, list[float]]", state.get("cold_starts") or {})
    return Reading(
        at,
        int(state.get("requests_total") or 0),
        int(state.get("errors_total") or 0),
        tuple(int(count) for count in state.get("durations") or ()),
        sum(count for count, _ in starts.values()),
        sum(total for _, total in starts.values()),
    )


def _grown(before: Reading, now: Reading) -> tuple[int, ...]:
    if len(before.durations) != len(now.durations):
        return now.durations
    return tuple(new - old for old, new in zip(before.durations, now.durations, strict=True))


def quantile(bounds: Sequence[float], counts: Sequence[int], share: float) -> float | None:
    """The value under which a share of the counted ones lies, as if they lay evenly within their bounds."""
    total = sum(counts)
    if total <= 0 or len(counts) != len(bounds) + 1:
        return None
    wanted, seen, low = total * share, 0, 0.0
    for bound, count in zip(bounds, counts, strict=False):
        if count and seen + count >= wanted:
            return low + (bound - low) * max(0.0, wanted - seen) / count
        seen += count
        low = bound
    return bounds[-1]


def mean(values: Sequence[float]) -> float:
    """The mean, 0 of none."""
    return sum(values) / len(values) if values else 0.0
