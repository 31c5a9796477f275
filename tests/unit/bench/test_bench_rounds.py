from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bench import rounds, windows
from bench.records import BenchError, Call, Launch, Load, Peer, Settings
from bench.rounds import Rounds, groups, rotated, takes_part
from bench.workloads import WORKLOADS
from bench.workloads.base import RATE, Variant, Workload

SETTINGS = Settings(rounds=2, window_s=1, warmup_s=1, repeats=2, server_core=0, client_core=1)


def peer(name: str, *calls: str) -> Peer:
    def launch(task: str, port: int, scratch: Path) -> Launch:
        return Launch(argv=(), cwd=scratch)

    call = Call(path="/", encode=lambda _: pytest.fail("not asked"), decode=bytes)
    return Peer(name=name, title=name, processes="", launch=launch, calls=dict.fromkeys(calls, call))


def workload(name: str, measure: Any, *calls: str) -> Workload:
    variants = tuple(Variant(name=call, call=call, value=None, expected=None, measure=measure) for call in calls)
    return Workload(name=name, title=name, task="hello", metrics=(RATE,), variants=variants)


@pytest.fixture
def starts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    seen: list[str] = []

    @contextmanager
    def started(which: Peer, task: str, cores: set[int]) -> Iterator[Any]:
        seen.append(which.name)
        yield SimpleNamespace(peer=which)

    monkeypatch.setattr(rounds, "started", started)
    monkeypatch.setattr(rounds, "wait_ready", lambda *_, **__: 0.0)
    return seen


def test_every_system_is_measured_once_in_every_round(starts: list[str]) -> None:
    run = Rounds(
        SETTINGS, [workload("w", lambda *_: ({"rate": 1.0}, True), "x")], [peer("a", "x"), peer("b", "x")], {0, 1}
    )
    run.run()
    assert [(sample.round, sample.system) for sample in run.samples] == [(1, "a"), (1, "b"), (2, "b"), (2, "a")]


def test_workloads_of_one_task_share_a_start(starts: list[str]) -> None:
    both = [workload(name, lambda *_: ({"rate": 1.0}, True), "x") for name in ("one", "two")]
    Rounds(SETTINGS, both, [peer("a", "x")], {0, 1}).run()
    assert starts == ["a", "a"]  # once a round


def test_what_a_system_failed_in_it_is_not_asked_again(starts: list[str]) -> None:
    asked: list[str] = []

    def broken(*_: object) -> Any:
        asked.append("broken")
        raise BenchError("no answer")

    parts = [workload("bad", broken, "x"), workload("good", lambda *_: ({"rate": 1.0}, True), "x")]
    run = Rounds(SETTINGS, parts, [peer("a", "x")], {0, 1})
    run.run()
    assert asked == ["broken"]
    assert [failure.workload for failure in run.failures] == ["bad"]
    assert [sample.workload for sample in run.samples] == ["good", "good"]


def test_who_cannot_do_it_does_not_take_part() -> None:
    part = workload("w", None, "json", "raw")
    assert takes_part(peer("a", "raw"), [part])
    assert not takes_part(peer("a", "multipart"), [part])


def test_memory_is_read_before_anything_else_uses_the_server() -> None:
    named = [[part.name for part in group] for group in groups(list(WORKLOADS.values()))]
    assert named[0] == ["memory", "hello", "hello-unique", "latency"]
    assert [group for group in named[1:] if len(group) > 1] == [["ray", "ray-zero"]], "a cluster is started once"


def test_rounds_begin_with_another_system_each() -> None:
    both = [peer("a"), peer("b")]
    assert [[one.name for one in rotated(both, by)] for by in range(3)] == [["a", "b"], ["b", "a"], ["a", "b"]]
    assert rotated([], 3) == []


@pytest.mark.parametrize(
    ("foreign", "driven", "quiet", "kept"),
    [([0.1], 1, True, 0.1), ([0.9, 0.1], 2, True, 0.1), ([0.9, 0.5, 0.7], 3, False, 0.5)],
)
def test_a_noisy_window_is_repeated_and_the_quietest_kept(
    foreign: list[float], driven: int, quiet: bool, kept: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    readings: list[tuple[float, float, float, float]] = []
    for others in foreign:
        # One second: the server worked 0.5 s, the client 0.25 s, the bench 0.05 s.
        readings += [(0, 0, 0, 0), (1, 0.8 + others, 0.5, 0.05)]
    monkeypatch.setattr(windows, "_read", lambda *_: readings.pop(0))
    loads: list[float] = []

    def drive(seconds: float) -> Load:
        loads.append(seconds)
        return Load(requests=1000, duration_s=1, errors=0, client_cpu_s=0.25)

    server: Any = SimpleNamespace(peer=peer("a"))
    values, calm = windows.measure(server, SETTINGS, drive)
    assert len(loads) == driven
    assert calm is quiet
    assert values["foreign_cores"] == pytest.approx(kept)
    assert values["rate"] == 1000
    assert values["cpu_us"] == pytest.approx(500)


def test_a_server_that_answers_nothing_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows, "_read", lambda *_: (0, 0, 0, 0))
    server: Any = SimpleNamespace(peer=peer("a"), log=lambda: "its log")
    with pytest.raises(BenchError, match="its log"):
        windows.measure(server, SETTINGS, lambda _: Load(requests=0, duration_s=1, errors=9, client_cpu_s=0))


def test_a_stand_in_that_fails_is_told_and_the_others_are_measured(starts: list[str]) -> None:
    def missing(settings: Settings) -> Any:
        raise BenchError("PostgreSQL is missing")

    made = workload("w", lambda *_: ({"rate": 1.0}, True), "x")
    made = replace(made, extra={"database": missing, "bound": lambda _: ({"rate": 2.0}, True)})
    run = Rounds(SETTINGS, [made], [peer("a", "x")], {0, 1})
    run.run()
    assert [(failure.system, failure.round, failure.why) for failure in run.failures] == [
        ("database", 1, "PostgreSQL is missing")
    ]
    assert [sample.system for sample in run.samples] == ["a", "bound"] * 2
