"""What is made of the samples: medians, and ratios between systems that were measured in the same round."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bench.records import Sample


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """A median with the smallest and the largest of its `count` values. `quiet` says that only quiet windows count."""

    median: float
    low: float
    high: float
    count: int
    quiet: bool = True


def spread(values: Sequence[float], *, quiet: bool = True) -> Spread | None:
    """The median of values and how far they reach; None of nothing."""
    if not values:
        return None
    return Spread(median=statistics.median(values), low=min(values), high=max(values), count=len(values), quiet=quiet)


def of(samples: Iterable[Sample], workload: str, variant: str, system: str, metric: str) -> Spread | None:
    """One figure of one system over the rounds: from the quiet windows if at least half of them were quiet."""
    found = [
        sample
        for sample in samples
        if (sample.workload, sample.variant, sample.system) == (workload, variant, system) and metric in sample.values
    ]
    quiet = [sample for sample in found if sample.quiet]
    enough = 2 * len(quiet) >= len(found)
    return spread([sample.values[metric] for sample in (quiet if enough else found)], quiet=enough)


def paired(
    samples: Iterable[Sample],
    workload: str,
    variant: str,
    metric: str,
    system: str,
    references: Sequence[str],
    *,
    higher_is_better: bool = True,
) -> Spread | None:
    """A system over its reference, round by round, and the spread of these ratios.

    With several references the best of each round counts. Rounds in which either was noisy are left out if at least
    half of the rounds remain.
    """
    here = [sample for sample in samples if (sample.workload, sample.variant) == (workload, variant)]
    mine = {sample.round: sample for sample in here if sample.system == system and metric in sample.values}
    pairs: list[tuple[float, bool]] = []
    for number, own in sorted(mine.items()):
        others = [
            sample
            for sample in here
            if sample.round == number and sample.system in references and sample.values.get(metric)
        ]
        if not others:
            continue
        best = (max if higher_is_better else min)(others, key=lambda sample: sample.values[metric])
        pairs.append((own.values[metric] / best.values[metric], own.quiet and best.quiet))
    quiet = [ratio for ratio, calm in pairs if calm]
    enough = 2 * len(quiet) >= len(pairs)
    return spread(quiet if enough else [ratio for ratio, _ in pairs], quiet=enough)
