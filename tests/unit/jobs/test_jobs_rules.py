"""What the runner decides, without a store: verdicts, backoff, leases that stand still."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotplate.edge.head import HeadRules, parse_head
from hotplate.errors import JobError
from hotplate.jobs.asking import preferences, read_wait, read_wish
from hotplate.jobs.blobs import GRACE_S, Blobs
from hotplate.jobs.call import read_fields
from hotplate.jobs.owners import Owners
from hotplate.jobs.records import Fence, Held, Lease, Outcome, Setback
from hotplate.jobs.verdict import BACKOFF_MOST_S, Attempt, Tries, backoff_s, judge
from hotplate.jobs.watch import Watch


def lease(failures: int = 0, crashes: int = 0, losses: int = 0) -> Lease:
    return Lease(
        fence=Fence(1, 1, 1),
        id="one",
        method="POST",
        path="/",
        meta=b"",
        body=b"",
        blob="",
        body_bytes=0,
        failures=failures,
        crashes=crashes,
        losses=losses,
        deadline_at=None,
        origin="http",
    )


def most(low: float, high: float) -> float:
    return high


@pytest.mark.parametrize(
    ("status", "state"),
    [(200, "completed"), (204, "completed"), (302, "completed"), (400, "failed"), (422, "failed"), (501, "failed")],
)
def test_an_answer_that_no_retry_would_change_ends_the_job(status, state):
    ending = judge(lease(), Attempt(status=status), Tries(), most)
    assert isinstance(ending, Outcome)
    assert (ending.state, ending.status) == (state, status)


@pytest.mark.parametrize("status", [500, 502, 503, 504, 408, 425, 429])
def test_what_may_pass_is_tried_again(status):
    ending = judge(lease(), Attempt(status=status), Tries(), most)
    assert isinstance(ending, Setback)
    assert (ending.cause, ending.delay_s) == ("failure", 1.0)


@pytest.mark.parametrize(("failures", "dead"), [(0, False), (2, False), (3, True)])
def test_the_fourth_failure_is_the_last(failures, dead):
    ending = judge(lease(failures), Attempt(status=500), Tries(), most)
    assert isinstance(ending, Outcome) == dead


def test_crashes_and_failures_are_counted_apart():
    assert isinstance(judge(lease(failures=3), Attempt(status=502, cause="crash"), Tries(), most), Setback)
    assert isinstance(judge(lease(crashes=2), Attempt(status=500), Tries(), most), Setback)
    ending = judge(lease(crashes=2), Attempt(status=502, cause="crash", last_output="bang"), Tries(), most)
    assert isinstance(ending, Outcome)
    assert (ending.state, ending.last_output, ending.cause) == ("dead", "bang", "crash")


def test_what_was_given_back_costs_nothing():
    ending = judge(lease(failures=3, crashes=2), Attempt(status=503, cause="release"), Tries(), most)
    assert isinstance(ending, Setback)
    assert ending.delay_s < 1


def test_with_one_try_a_failure_is_the_answer():
    ending = judge(lease(), Attempt(status=500), Tries(failures=1), most)
    assert isinstance(ending, Outcome)
    assert ending.state == "failed"


@given(st.integers(0, 10_000))
def test_backoff_doubles_up_to_five_minutes(ended):
    assert backoff_s(ended) == min(BACKOFF_MOST_S, 2.0 ** min(ended, 30))


def held(beat: int, owner: str = "a") -> list[Held]:
    return [Held(Fence(1, 1, 1), beat, owner)]


def test_a_lease_is_over_when_its_beat_stands_still():
    watch = Watch(10, lambda owner: True)
    assert watch.stale(held(0), 100) == []
    assert watch.stale(held(0), 104) == []
    assert watch.stale(held(1), 108) == []
    assert watch.stale(held(1), 113) == []
    assert watch.stale(held(1), 117.9) == []
    assert watch.stale(held(1), 118) == held(1)


def test_an_owner_that_is_surely_gone_loses_its_leases_at_once():
    assert Watch(10, lambda owner: owner != "a").stale(held(0), 100) == held(0)


def test_a_watcher_that_was_stopped_itself_measures_anew():
    watch = Watch(10, lambda owner: True)
    watch.stale(held(0), 100)
    assert watch.stale(held(0), 1000) == []
    assert watch.stale(held(0), 1004) == []


def test_an_owner_is_alive_as_long_as_its_process(tmp_path):
    one, two = Owners(tmp_path), Owners(tmp_path)
    assert two.alive(one.name)
    assert not two.alive("123-nobody")
    assert not two.alive("../jobs.db")
    one.place.mkdir()
    import os

    os.close(one._fd)  # as the kernel does for a killed process
    assert not two.alive(one.name)
    assert not one.place.exists()
    assert not (tmp_path / one.name).exists()
    os.close(two._fd)
    three = Owners(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [three.name], "what dead ones leave goes with the next start"
    three.close()
    assert list(tmp_path.iterdir()) == []


def test_blobs_are_kept_once_and_dropped_when_nothing_names_them(tmp_path):
    blobs = Blobs(tmp_path)
    name = blobs.put(b"data")
    assert blobs.put(memoryview(b"data")) == name
    assert blobs.get(name) == b"data"
    assert blobs.collect(set()) == 0, "it may belong to a submit that is under way"
    import os
    import time

    path = next(tmp_path.glob("*/*"))
    old = time.time() - GRACE_S - 1
    os.utime(path, (old, old))
    assert blobs.collect({name}) == 0
    assert blobs.collect(set()) == 1
    with pytest.raises(FileNotFoundError):
        blobs.get(name)
    for wrong in ("../../etc/passwd", "x", "/" * 64):
        with pytest.raises(ValueError, match="name"):
            blobs.get(wrong)


def head(*lines: str, path: str = "/infer"):
    return parse_head("\r\n".join((f"POST {path} HTTP/1.1", "host: x", *lines, "", "")).encode(), HeadRules())


def test_preferences_are_read_as_rfc_7240_says():
    assert preferences(b'respond-async, wait=10; x=1, handling="lenient", wait=99') == {
        "respond-async": "",
        "wait": "10",
        "handling": "lenient",
    }


def test_a_wish_is_read_from_headers():
    wish = read_wish(head("prefer: respond-async, wait=5", 'idempotency-key: "k"', "priority: u=1, i"))
    assert (wish.wait_s, wish.key, wish.priority, wish.deadline_s) == (5.0, "k", 1, None)
    assert read_wish(head("priority: nonsense", "hotplate-deadline: 90")).priority == 3
    assert read_wait(head(path="/jobs/x?wait=1000")) == 60.0


@pytest.mark.parametrize(
    "line", ["prefer: wait=-1", "prefer: wait=1e9", "idempotency-key: " + "k" * 256, "hotplate-deadline: 0"]
)
def test_a_wrong_wish_is_said(line):
    with pytest.raises(JobError):
        read_wish(head(line))


def test_the_calls_own_headers_do_not_stay_with_its_result():
    extra = b"content-type: text/plain\r\nx-request-id: 1\r\nx-mine: a: b\r\nretry-after: 1\r\n"
    assert read_fields(extra) == (("content-type", "text/plain"), ("x-mine", "a: b"))
