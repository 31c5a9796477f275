"""Hold results against the floors and goals of `promises.py`: `python -m bench.gates [RESULTS.json]`.

A gate fails only below its floor, by the median of the paired ratios, so that one bad round decides nothing. Where
most windows were noisy, rates are compared by CPU time per request, which other work on the machine hardly moves.
Exits with 1 if a floor is broken, or if --strict is given and something was not measured.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bench import results, summary
from bench.promises import GATES, Gate
from bench.records import BenchError, Sample


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A gate and what was found. `figure` is None where it was not measured; `by_cpu` says that CPU time decided."""

    gate: Gate
    figure: summary.Spread | None
    by_cpu: bool = False

    def reaches(self, mark: float) -> bool:
        """Whether the median is at least as good as a mark."""
        if self.figure is None:
            return False
        return self.figure.median >= mark if self.gate.upwards else self.figure.median <= mark

    @property
    def state(self) -> Literal["goal", "floor", "below", "not measured"]:
        """What was reached."""
        if self.figure is None:
            return "not measured"
        if self.reaches(self.gate.goal):
            return "goal"
        return "floor" if self.reaches(self.gate.floor) else "below"


def judge(samples: Sequence[Sample], gates: Sequence[Gate] = GATES) -> list[Verdict]:
    """Hold every gate against the samples of a run."""
    return [_verdict(gate, samples) for gate in gates]


def _verdict(gate: Gate, samples: Sequence[Sample]) -> Verdict:
    if not gate.references:
        return Verdict(gate=gate, figure=summary.of(samples, gate.workload, gate.variant, gate.system, gate.metric))
    figure = _ratio(gate, samples, gate.metric, inverse=gate.kind == "times faster")
    if gate.kind == "times" and figure and not figure.quiet:
        return Verdict(gate=gate, figure=_ratio(gate, samples, "cpu_us", inverse=True) or figure, by_cpu=True)
    return Verdict(gate=gate, figure=figure)


def _ratio(gate: Gate, samples: Sequence[Sample], metric: str, *, inverse: bool) -> summary.Spread | None:
    found = summary.paired(
        samples,
        gate.workload,
        gate.variant,
        metric,
        gate.system,
        gate.references,
        higher_is_better=metric == "rate",
    )
    if not inverse or found is None:
        return found
    return summary.Spread(
        median=1 / found.median, low=1 / found.high, high=1 / found.low, count=found.count, quiet=found.quiet
    )


def lines(verdicts: Sequence[Verdict]) -> list[str]:
    """A line per gate, for people."""
    told: list[str] = []
    for verdict in verdicts:
        gate, figure = verdict.gate, verdict.figure
        mark = {"goal": "✓ goal ", "floor": "✓ floor", "below": "✗ below", "not measured": "       "}[verdict.state]
        sign = "≥" if gate.upwards else "≤"
        found = (
            f"{figure.median:8.2f}  ({figure.low:.2f} to {figure.high:.2f}, n={figure.count})"
            if figure
            else "not measured"
        )
        cpu = "  by CPU time" if verdict.by_cpu else ""
        told.append(f"{mark}  {gate.what:<58} {found}  floor {sign} {gate.floor:g}, goal {sign} {gate.goal:g}{cpu}")
    return told


def main() -> int:
    """Judge a file of results."""
    parser = argparse.ArgumentParser(prog="python -m bench.gates", description=__doc__.splitlines()[0])
    parser.add_argument("results", nargs="?", type=Path, default=results.LATEST)
    parser.add_argument("--strict", action="store_true", help="fail also where something was not measured")
    given = parser.parse_args()
    try:
        verdicts = judge(results.load(given.results).samples)
    except BenchError as error:
        print(error, file=sys.stderr)
        return 2
    print("\n".join(lines(verdicts)))
    bad = {"below", "not measured"} if given.strict else {"below"}
    return int(any(verdict.state in bad for verdict in verdicts))


if __name__ == "__main__":
    sys.exit(main())
