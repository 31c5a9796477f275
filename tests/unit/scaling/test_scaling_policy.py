"""Both policies, by property, over random traces: what always holds, whatever comes."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hotplate.deployment.records import Scaling
from hotplate.scaling.decision import Decision
from hotplate.scaling.history import BUCKETS, History, Saved
from hotplate.scaling.policy import bounded, initial, step
from hotplate.scaling.replay import Trace, replay


@st.composite
def scalings(draw: st.DrawFn) -> Scaling:
    low = draw(st.integers(0, 3))
    high = draw(st.integers(max(low, 1), 8))
    return Scaling(
        policy=draw(st.sampled_from(["concurrency", "cortex"])),
        min_replicas=low,
        max_replicas=high,
        initial_replicas=draw(st.none() | st.integers(0, 9)),
        concurrency=draw(st.none() | st.integers(1, 4)),
        scale_down_delay_s=draw(st.sampled_from([0.0, 1.0, 5.0, 60.0])),
        window_s=draw(st.sampled_from([0.5, 2.0, 10.0, 60.0])),
        downscale_stabilization_period_s=draw(st.sampled_from([0.0, 20.0])),
        upscale_stabilization_period_s=draw(st.sampled_from([0.0, 20.0])),
    )


@st.composite
def traces(draw: st.DrawFn) -> tuple[tuple[float, int, int], ...]:
    now, samples = 0.0, []
    for _ in range(draw(st.integers(1, 6))):
        running, queued = draw(st.integers(0, 6)), draw(st.integers(0, 12))
        pause = draw(st.sampled_from([0.125, 0.125, 1.0, 7.0, 40.0]))  # exact in binary, on any clock
        for _ in range(draw(st.integers(1, 15))):
            now += pause
            samples.append((now, running, queued))
        if draw(st.booleans()):
            now += 0.125
            samples.append((now, 0, 0))
    return tuple(samples)


@settings(max_examples=2000, deadline=None)
@given(samples=traces(), scaling=scalings(), size=st.none() | st.integers(0, 12))
def test_what_always_holds(samples: tuple[tuple[float, int, int], ...], scaling: Scaling, size: int | None) -> None:
    decisions = replay(Trace(size=size, samples=samples), scaling)
    idle_since: float | None = samples[0][0]
    for (at, running, queued), decision in zip(samples, decisions, strict=True):
        assert scaling.min_replicas <= decision.after <= scaling.max_replicas, "floor and ceiling"
        assert decision.reason and decision.inputs["running"] == running
        if running + queued:
            idle_since = None
            assert decision.after >= 1, "calls and no replica"
        elif idle_since is None:
            idle_since = at
        if decision.before and not decision.after:
            assert idle_since is not None and at - idle_since >= scaling.scale_down_delay_s, "to zero too soon"
        if not running + queued and not decision.before:
            assert decision.after == scaling.min_replicas, "a replica for nobody"


@settings(max_examples=500, deadline=None)
@given(samples=traces(), scaling=scalings(), cut=st.integers(0, 90))
def test_a_restart_changes_nothing(samples: tuple[tuple[float, int, int], ...], scaling: Scaling, cut: int) -> None:
    """Saved, sent through JSON and restored, on another clock, the history gives the decisions that it would have."""
    cut %= len(samples)
    whole = History(samples[0][0], scaling.window_s)
    size = initial(scaling)
    expected: list[Decision] = []
    for at, running, queued in samples:
        expected.append(step(whole, running, queued, size, scaling, 1, at))
        size = expected[-1].after

    first = History(samples[0][0], scaling.window_s)
    size = initial(scaling)
    for at, running, queued in samples[:cut]:
        size = step(first, running, queued, size, scaling, 1, at).after
    stopped = samples[cut][0]
    saved = msgspec.json.decode(msgspec.json.encode(first.save(stopped, size)), type=Saved)
    second = History(-5000.0, scaling.window_s)
    second.restore(0.0, saved)
    size = saved.size
    for (at, running, queued), wanted in zip(samples[cut:], expected[cut:], strict=True):
        decision = step(second, running, queued, size, scaling, 1, at - stopped)
        assert (decision.before, decision.after) == (wanted.before, wanted.after)
        size = decision.after


def run(scaling: Scaling, *parts: tuple[float, int, int], size: int = 0) -> list[tuple[float, int, int]]:
    """The changes over stretches of (seconds, running, queued), sampled ten times a second."""
    samples: list[tuple[float, int, int]] = []
    tick = 0
    for seconds, running, queued in parts:
        for _ in range(round(seconds * 10)):
            samples.append((tick / 10, running, queued))
            tick += 1
    return [(d.at, d.before, d.after) for d in replay(Trace(size=size, samples=tuple(samples)), scaling) if d.changed]


def test_a_request_at_zero_gets_a_replica_at_the_same_sample() -> None:
    assert run(Scaling(), (5, 0, 0), (1, 0, 1))[0] == (5.0, 0, 1)


def test_more_calls_get_more_replicas_within_about_a_second() -> None:
    changes = run(Scaling(max_replicas=8), (5, 1, 0), (3, 1, 3), size=1)
    assert changes[-1][2] == 4
    assert changes[-1][0] <= 6.1


def test_fewer_replicas_only_when_fewer_would_have_done_for_the_whole_delay() -> None:
    scaling = Scaling(max_replicas=8, scale_down_delay_s=20.0, window_s=2.0)
    changes = run(scaling, (30, 4, 0), (60, 1, 0), size=4)
    assert [(before, after) for _, before, after in changes] == [(4, 3), (3, 2), (2, 1)]
    assert all(50 <= at <= 53 for at, *_ in changes)


def test_a_load_that_comes_and_goes_does_not_make_it_flap() -> None:
    parts = [(2.0, 3, 1), (6.0, 0, 0)] * 40
    changes = run(Scaling(max_replicas=6, scale_down_delay_s=10.0), *parts)
    assert all(after >= before for _, before, after in changes)


def test_to_zero_exactly_after_the_delay() -> None:
    changes = run(Scaling(scale_down_delay_s=10.0, window_s=2.0), (3, 1, 0), (20, 0, 0), size=1)
    assert changes == [(13.0, 1, 0)]


def test_a_history_has_an_end() -> None:
    history = History(0.0, 60.0)
    for tick in range(200_000):
        history.sample(tick / 100, tick % 7)
        history.note(tick / 100, tick % 7, 300.0)
    assert len(history.window.saved(0.0)) <= BUCKETS + 1
    assert len(history.highs.saved(0.0)) + len(history.lows.saved(0.0)) <= 16


def test_another_window_keeps_what_was_seen() -> None:
    history = History(0.0, 60.0)
    for tick in range(100):
        history.sample(tick / 10, 4)
    history.use_window(10.0)
    assert history.window.mean == 4.0
    history.sample(10.1, 4)
    assert history.window.length_s == 10.0


@pytest.mark.parametrize(("size", "low", "high", "expected"), [(0, 1, 3, 1), (5, 1, 3, 3), (2, 1, 3, 2), (2, 5, 3, 3)])
def test_the_ceiling_has_the_last_word(size: int, low: int, high: int, expected: int) -> None:
    assert bounded(size, Scaling(min_replicas=low, max_replicas=high)) == expected


@pytest.mark.parametrize(
    ("settings", "expected"),
    [({}, 0), ({"min_replicas": 2}, 2), ({"initial_replicas": 2}, 2), ({"initial_replicas": 9}, 3)],
)
def test_how_many_there_are_at_first(settings: dict[str, Any], expected: int) -> None:
    assert initial(Scaling(**settings)) == expected
