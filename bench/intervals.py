"""The middle of figures that were measured as pairs, and between what it lies: Hodges and Lehmann's estimate.

Each two figures (and each with itself) give a mean; the median of these is the estimate. Wilcoxon's signed ranks say
how many of the least and of the greatest means to leave out, so that what is left holds the true middle in 95 of 100
cases. An odd pair moves the middle little, and of the noise nothing is assumed but that it is alike to both sides.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

SURE = 0.95


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate, and the bounds between which the true value lies as surely as `SURE` says."""

    middle: float
    low: float
    high: float


def interval(values: Sequence[float]) -> Interval:
    """Of at least one value. With fewer than six the bounds are the least and the greatest, and less sure."""
    means = sorted((one + other) / 2 for index, one in enumerate(values) for other in values[index:])
    left = left_out(len(values))
    return Interval(statistics.median(means), means[left], means[-1 - left])


def left_out(count: int) -> int:
    """How many means lie outside at either end."""
    ways = [1]  # how many choices of ranks have each sum
    for rank in range(1, count + 1):
        ways = [
            (ways[total] if total < len(ways) else 0) + (ways[total - rank] if total >= rank else 0)
            for total in range(len(ways) + rank)
        ]
    seen = 0
    for total, each in enumerate(ways):
        seen += each
        if seen / 2**count > (1 - SURE) / 2:
            return max(0, total - 1)
    return 0
