"""A run as a file: bench/results/latest.json, and one with its date beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.environments import ROOT
from bench.records import BenchError, Failure, Sample

FOLDER = ROOT / "bench" / "results"
LATEST = FOLDER / "latest.json"
FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """Everything that one run has to say. `systems` tells title, version and processes of each."""

    date: str
    command: str
    machine: Mapping[str, Any]
    settings: Mapping[str, Any]
    systems: Mapping[str, Mapping[str, str]]
    samples: tuple[Sample, ...]
    failures: tuple[Failure, ...] = ()

    def save(self) -> Path:
        """Write both files; gives the dated one."""
        FOLDER.mkdir(parents=True, exist_ok=True)
        text = json.dumps({"format": FORMAT, **asdict(self)}, indent=1)
        dated = FOLDER / f"{self.date.replace(':', '').replace(' ', '-')}.json"
        for path in (dated, LATEST):
            path.write_text(text + "\n")
        return dated


def load(path: Path = LATEST) -> Results:
    """Read a run. Raises BenchError where there is none, or one of another format."""
    try:
        data = json.loads(path.read_text())
    except FileNotFoundError:
        raise BenchError(f"There are no results at {path}. Run `make bench` first.") from None
    if data.pop("format", None) != FORMAT:
        raise BenchError(f"{path} has another format than this bench writes ({FORMAT}). Run `make bench` again.")
    data["samples"] = tuple(Sample(**sample) for sample in data["samples"])
    data["failures"] = tuple(Failure(**failure) for failure in data["failures"])
    return Results(**data)


def joined(runs: Sequence[Results]) -> Results:
    """Several runs as one. What a workload has comes whole from the last run that measured it: ratios are never taken
    between two runs."""
    last: dict[str, Results] = {sample.workload: run for run in runs for sample in run.samples}
    told = [run for run in runs if any(run is kept for kept in last.values())]
    return Results(
        date=told[-1].date,
        command="; ".join(dict.fromkeys(run.command for run in told)),
        machine=told[-1].machine,
        settings=told[-1].settings,
        systems={name: system for run in told for name, system in run.systems.items()},
        samples=tuple(sample for run in told for sample in run.samples if last[sample.workload] is run),
        failures=tuple(failure for run in told for failure in run.failures if last.get(failure.workload, run) is run),
    )
