"""An endpoint's numbers of the last minutes, as tiles and charts show them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hotplate.control.ui.history import History, Point, mean

NOW_S = 20.0
SPAN_S = 900.0
SHORT_SPAN_S = 300.0
"""What charts show at least, also where less is known."""
BUCKETS = 150


def numbers(history: History, state: Mapping[str, Any]) -> dict[str, Any]:
    """What is going on now: rates of the last seconds; times of the last minute that had calls."""
    now, span = history.over(NOW_S), history.over(60.0)
    requests = mean([point.requests for point in now])
    errors = mean([point.errors for point in now])
    return {
        "requests": requests,
        "errors": errors / requests if requests else 0.0,
        "p50_s": _last(span, lambda point: point.p50_s),
        "p99_s": _worst(span, lambda point: point.p99_s),
        "queue": state.get("queue_depth") or 0,
        "in_flight": state.get("in_flight") or 0,
        "total": state.get("requests_total") or 0,
        "failed": state.get("errors_total") or 0,
        "trouble": state.get("trouble") or "",
    }


def charts(history: History, end: float) -> list[dict[str, Any]]:
    """The charts of an endpoint's page. Times are in seconds since 1970, values rounded to what is seen."""
    points = history.over(SPAN_S)
    span = span_of(points[0].at if points else end, end)
    step = span / BUCKETS
    begin = end - span
    groups: list[list[Point]] = [[] for _ in range(BUCKETS)]
    for point in points:
        index = int((point.at - begin) / step)
        if 0 <= index < BUCKETS:
            groups[index].append(point)
    held = [(begin + (index + 1) * step, group) for index, group in enumerate(groups) if group]
    times = [round(at, 1) for at, _ in held]
    buckets = [group for _, group in held]

    def chart(name: str, unit: str, *series: tuple[str, str, Sequence[float | None]], kind: str = "line") -> Any:
        listed = [{"name": each, "colour": colour, "values": list(values)} for each, colour, values in series]
        return {"title": name, "unit": unit, "kind": kind, "begin": begin, "end": end, "times": times, "series": listed}

    return [
        chart(
            "Requests",
            "/s",
            ("answers", "cool", [round(mean([each.requests for each in group]), 2) for group in buckets]),
            ("errors", "bad", [round(mean([each.errors for each in group]), 2) for group in buckets]),
        ),
        chart(
            "Latency",
            "ms",
            ("p50", "cool", [_ms(group, lambda each: each.p50_s) for group in buckets]),
            ("p99", "accent", [_ms(group, lambda each: each.p99_s) for group in buckets]),
        ),
        chart(
            "Replicas",
            "",
            ("wanted", "soft", [max(each.target for each in group) for group in buckets]),
            ("ready", "good", [max(each.replicas for each in group) for group in buckets]),
            kind="step",
        ),
        chart(
            "Queue and calls under way",
            "",
            ("queued", "warn", [max(each.queue for each in group) for group in buckets]),
            ("under way", "cool", [max(each.in_flight for each in group) for group in buckets]),
        ),
        chart(
            "Memory",
            "MB",
            ("resident", "plum", [round(max(each.rss_bytes for each in group) / 1e6) for group in buckets]),
        ),
        chart("Cold starts", "ms", ("start", "warn", [_start(group) for group in buckets]), kind="dot"),
    ]


def span_of(begin: float, end: float) -> float:
    """How far back charts go: as far as something is known, in whole minutes, within bounds."""
    return min(SPAN_S, max(SHORT_SPAN_S, math.ceil((end - begin) / 60) * 60.0))


def _ms(group: Sequence[Point], value: Callable[[Point], float | None]) -> float | None:
    found = [each for point in group if (each := value(point)) is not None]
    return round(mean(found) * 1e3, 2) if found else None


def _start(group: Sequence[Point]) -> float | None:
    found = [point.start_s for point in group if point.start_s is not None]
    return round(max(found) * 1e3) if found else None


def _last(points: Sequence[Point], value: Callable[[Point], float | None]) -> float | None:
    return next((each for point in reversed(points) if (each := value(point)) is not None), None)


def _worst(points: Sequence[Point], value: Callable[[Point], float | None]) -> float | None:
    found = [each for point in points if (each := value(point)) is not None]
    return max(found) if found else None
