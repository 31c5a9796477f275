from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench import gates, results
from bench.gates import judge
from bench.promises import GATES, Gate
from bench.records import Sample

HELLO = Gate(what="hello", workload="hello", metric="rate", kind="times", floor=25, goal=50, references=("litserve",))


def pair(ours: float, theirs: float, *, quiet: bool = True, our_cpu: float = 10, their_cpu: float = 10) -> list[Sample]:
    def one(system: str, rate: float, cpu: float) -> Sample:
        values = {"rate": rate, "cpu_us": cpu}
        return Sample(workload="hello", variant="", system=system, round=1, values=values, quiet=quiet)

    return [one("hotplate", ours, our_cpu), one("litserve", theirs, their_cpu)]


@pytest.mark.parametrize(("ours", "state"), [(2499, "below"), (2500, "floor"), (4999, "floor"), (5000, "goal")])
def test_a_rate_is_held_against_floor_and_goal(ours: float, state: str) -> None:
    assert judge(pair(ours, 100), [HELLO])[0].state == state


def test_in_noise_cpu_time_decides() -> None:
    verdict = judge(pair(100, 100, quiet=False, our_cpu=20, their_cpu=1000), [HELLO])[0]
    assert verdict.by_cpu
    assert verdict.state == "goal"
    assert "by CPU time" in gates.lines([verdict])[0]


def test_what_was_not_measured_is_not_passed() -> None:
    verdict = judge([], [HELLO])[0]
    assert verdict.state == "not measured"
    assert not verdict.reaches(0)


def test_a_time_is_turned_into_times_faster() -> None:
    gate = Gate(
        what="cold",
        workload="cold",
        metric="ready_ms",
        kind="times faster",
        floor=2.5,
        goal=4.5,
        references=("fastapi",),
    )
    samples = [
        Sample(workload="cold", variant="", system=system, round=number, values={"ready_ms": ms})
        for system, times in {"hotplate": (100, 200, 100), "fastapi": (300, 500, 900)}.items()
        for number, ms in enumerate(times)
    ]
    (verdict,) = judge(samples, [gate])
    assert verdict.figure is not None
    assert (verdict.figure.median, verdict.figure.low, verdict.figure.high) == pytest.approx((3, 2.5, 9))
    assert verdict.state == "floor"


@pytest.mark.parametrize(("megabytes", "state"), [(39, "goal"), (59, "floor"), (61, "below")])
def test_memory_is_held_downwards(megabytes: float, state: str) -> None:
    gate = Gate(what="memory", workload="memory", metric="idle_mb", kind="at most", floor=60, goal=40)
    values = {"idle_mb": megabytes}
    samples = [Sample(workload="memory", variant="", system="hotplate", round=1, values=values)]
    assert judge(samples, [gate])[0].state == state


def test_every_gate_names_what_is_measured() -> None:
    from bench.peers import PEERS
    from bench.workloads import WORKLOADS

    for gate in GATES:
        workload = WORKLOADS[gate.workload]
        assert gate.variant in {variant.name for variant in workload.variants}
        assert gate.metric in {metric.name for metric in workload.metrics}
        calls = {variant.call for variant in workload.variants if variant.name == gate.variant}
        for reference in gate.references:
            assert reference in workload.extra or calls & PEERS[reference].calls.keys(), (gate.what, reference)


def test_the_program_fails_below_the_floor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(results, "FOLDER", tmp_path)
    monkeypatch.setattr(results, "LATEST", tmp_path / "latest.json")
    for ours, status in ((10, 1), (9000, 0)):
        results.Results(
            date="2026-01-01", command="", machine={}, settings={}, systems={}, samples=tuple(pair(ours, 100))
        ).save()
        monkeypatch.setattr("sys.argv", ["gates", str(tmp_path / "latest.json")])
        assert gates.main() == status
    assert "hello against litserve" in capsys.readouterr().out
    monkeypatch.setattr("sys.argv", ["gates", "--strict", str(tmp_path / "latest.json")])
    assert gates.main() == 1


def test_a_file_of_another_format_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "old.json").write_text(json.dumps({"format": 0}))
    monkeypatch.setattr("sys.argv", ["gates", str(tmp_path / "old.json")])
    assert gates.main() == 2
    assert "another format" in capsys.readouterr().err
