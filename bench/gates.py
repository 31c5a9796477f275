"""The floors that must hold and the goals above them: `python -m bench.gates [RESULTS.json]`.

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
from bench.records import BenchError, Sample

SYSTEM = "hotplate"
PEERS = ("litserve", "bentoml", "mlserver", "octoai", "fastapi")

Kind = Literal["times", "times faster", "at most times", "at least", "at most"]
"""How the figure is made: own rate over the reference's; the reference's time over ours; our time over the
reference's; or our own value, compared upwards or downwards."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """One promise: a floor that must hold, a goal to reach."""

    what: str
    workload: str
    metric: str
    kind: Kind
    floor: float
    goal: float
    variant: str = ""
    references: tuple[str, ...] = ()
    system: str = SYSTEM

    @property
    def upwards(self) -> bool:
        """Whether more is better."""
        return self.kind not in ("at most times", "at most")


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


def _hello(workload: str) -> tuple[Gate, ...]:
    def against(reference: str, floor: float, goal: float) -> Gate:
        what = f"{workload} against {reference}"
        return Gate(
            what=what, workload=workload, metric="rate", kind="times", floor=floor, goal=goal, references=(reference,)
        )

    # Heads that never come twice must be parsed each time, as uvicorn parses every head.
    bound = against("uvicorn", 0.85, 1.0) if workload == "hello-unique" else against("nginx", 0.35, 0.55)
    return (
        bound,
        against("fastapi", 5, 8),
        *(against(peer, 25, 50) for peer in ("litserve", "bentoml", "octoai", "mlserver")),
    )


def _dialect(name: str) -> Gate:
    """A dialect may cost a quarter more than `service`, which is 0.8 of its rate."""
    return Gate(
        what=f"hello in the dialect {name} against service",
        workload="dialects",
        metric="rate",
        kind="times",
        floor=0.8,
        goal=0.95,
        references=(SYSTEM,),
        system=f"{SYSTEM}-{name}",
    )


GATES: tuple[Gate, ...] = (
    *_hello("hello"),
    *_hello("hello-unique"),
    Gate(
        what="latency of one connection against bare uvicorn",
        workload="latency",
        metric="p50_ms",
        kind="at most times",
        floor=1.5,
        goal=1.15,
        references=("uvicorn",),
    ),
    Gate(
        what="raw payload against bare uvicorn",
        workload="payload",
        variant="raw",
        metric="rate",
        kind="times",
        floor=3,
        goal=6,
        references=("uvicorn",),
    ),
    Gate(
        what="base64 payload against the best peer",
        workload="payload",
        variant="json",
        metric="rate",
        kind="times",
        floor=4,
        goal=8,
        references=PEERS,
    ),
    Gate(what="batch, share of the bound", workload="batch", metric="share", kind="at least", floor=0.94, goal=0.98),
    Gate(
        what="10 MB into the worker against multiprocessing.Queue",
        workload="hop",
        metric="hop_us",
        kind="times faster",
        floor=100,
        goal=300,
        references=("multiprocessing.Queue",),
    ),
    Gate(
        what="cold start against FastAPI on uvicorn",
        workload="cold",
        metric="ready_ms",
        kind="times faster",
        floor=2.5,
        goal=4.5,
        references=("fastapi",),
    ),
    *(
        Gate(
            what=f"first answer from no replica, {what}, p90 ms",
            workload="zero",
            variant=variant,
            metric="p90_ms",
            kind="at most",
            floor=floor,
            goal=goal,
        )
        for what, variant, floor, goal in (
            ("hello", "hello-off", 300, 150),
            ("hello forked", "hello-imports", 25, 8),
            ("3 s model forked", "slow-loaded", 40, 15),
            ("500 MB model forked", "heavy-loaded", 40, 15),
        )
    ),
    Gate(
        what="memory of 8 forked replicas of 500 MB, times that of one",
        workload="shared",
        metric="times_one",
        kind="at most",
        floor=1.3,
        goal=1.1,
    ),
    Gate(
        what="hello through `hotplate up` with a token against `hotplate run`",
        workload="up",
        metric="rate",
        kind="times",
        floor=0.8,
        goal=0.95,
        references=("hotplate run",),
    ),
    Gate(what="memory idle, MB", workload="memory", metric="idle_mb", kind="at most", floor=60, goal=40),
    Gate(what="memory in use, MB", workload="memory", metric="used_mb", kind="at most", floor=60, goal=40),
    *(_dialect(name) for name in ("function", "input_schema", "routes", "predictor", "entry_point")),
)


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
