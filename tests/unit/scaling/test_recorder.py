"""What was looked at is given back look by look, within bounds."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from hotplate.deployment.records import Scaling
from hotplate.scaling.recorder import MAX_SPANS, Recorder
from hotplate.scaling.replay import Trace, read_trace, replay

STEP_S = 0.125  # exact as a float: the edge of a bucket is the same on both ways
LOADS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=60)


@given(LOADS)
def test_each_look_is_given_back(loads: list[tuple[int, int]]) -> None:
    recorder = Recorder()
    for tick, (running, queued) in enumerate(loads):
        recorder.note(1000.0 + tick * STEP_S, running, queued)
    found = recorder.samples(STEP_S)
    assert [(running, queued) for _, running, queued in found] == loads
    assert all(abs(at - tick * STEP_S) < 0.002 for tick, (at, _, _) in enumerate(found))


@given(LOADS)
def test_a_replay_decides_as_it_was_decided(loads: list[tuple[int, int]]) -> None:
    recorder = Recorder()
    samples = tuple((tick * STEP_S, *load) for tick, load in enumerate(loads))
    for at, running, queued in samples:
        recorder.note(at, running, queued)
    trace = Trace(settings=Scaling(max_replicas=4), samples=tuple(recorder.samples(STEP_S)))
    again = read_trace(msgspec.json.encode(trace))
    told = [(one.before, one.after) for one in replay(again, again.settings)]
    assert told == [(one.before, one.after) for one in replay(Trace(samples=samples), again.settings)]


def test_a_long_quiet_time_is_a_gap_and_not_a_thousand_looks() -> None:
    recorder = Recorder()
    recorder.note(0.0, 0, 0)
    recorder.note(3600.0, 0, 0)
    assert recorder.samples(STEP_S) == [(0.0, 0, 0), (3600.0, 0, 0)]


def test_it_is_bounded() -> None:
    recorder = Recorder()
    for tick in range(3 * MAX_SPANS):
        recorder.note(tick * STEP_S, tick % 2, 0)
    assert len(recorder.samples(STEP_S)) == MAX_SPANS
    assert recorder.samples(STEP_S)[0][0] == 0.0
    assert Recorder().samples(STEP_S) == []
