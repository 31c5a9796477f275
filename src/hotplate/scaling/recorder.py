"""What was seen of an endpoint, kept while it runs, so that it can be replayed with other settings (`replay.py`)."""

from __future__ import annotations

from collections import deque

MAX_SPANS = 6000
"""Stretches of time in which nothing changed: ten minutes where something changes at each look, hours elsewhere."""
GAP_S = 1.0
"""A longer time without a look is a pause: the endpoint slept, or the machine did."""

Sample = tuple[float, int, int]


class Recorder:
    """Samples of one endpoint, as stretches (begin, end, running, queued)."""

    def __init__(self) -> None:
        self._spans: deque[tuple[float, float, int, int]] = deque(maxlen=MAX_SPANS)

    def note(self, now: float, running: int, queued: int) -> None:
        """Take one look."""
        spans = self._spans
        if spans:
            begin, end, ran, waited = spans[-1]
            if ran == running and waited == queued and now - end <= GAP_S:
                spans[-1] = (begin, now, ran, waited)
                return
        spans.append((now, now, running, queued))

    def samples(self, step_s: float) -> list[Sample]:
        """Every look, the first at 0 seconds; those in a stretch at their distance."""
        found: list[Sample] = []
        zero = self._spans[0][0] if self._spans else 0.0
        for begin, end, running, queued in self._spans:
            looks = max(1, round((end - begin) / step_s) + 1)
            found += [
                (round(begin - zero + (end - begin) * n / max(1, looks - 1), 3), running, queued) for n in range(looks)
            ]
        return found
