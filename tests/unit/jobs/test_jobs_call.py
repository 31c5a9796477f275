"""When an attempt that was handed over has begun, and when it cannot yet."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from hotplate.jobs.call import JobCall, RunPlan
from hotplate.jobs.records import Fence, Lease


class Link:
    """A worker that has begun what its mark says, and all before it."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.pending: dict[int, Any] = {}
        self.mark = 0

    def send(self, call: JobCall) -> JobCall:
        call.exchange.call_id = len(self.pending) + 1
        call.exchange.link = self  # pyright: ignore[reportAttributeAccessIssue]
        self.pending[call.exchange.call_id] = call.exchange
        return call

    def never_started(self, exchange: Any) -> bool:
        return exchange.call_id > self.mark


def made() -> JobCall:
    caller: Any = SimpleNamespace(ended=lambda *_: None)
    lease = Lease(
        fence=Fence(1, 1, 1),
        id="a",
        method="POST",
        path="/",
        meta=b"",
        body=b"",
        blob="",
        body_bytes=0,
        failures=0,
        crashes=0,
        losses=0,
        deadline_at=None,
        origin="http",
    )
    call = JobCall(caller, lease, RunPlan((0, "detail"), b"", b"a", lambda _: None), 100)
    call.make_exchange(b"", None)
    return call


def test_in_the_endpoints_queue_it_waits() -> None:
    call = made()
    assert (call.begun, call.behind) == (False, True)


@pytest.mark.parametrize("capacity", [1, 3])
def test_with_a_worker_it_waits_for_as_many_as_there_are_slots(capacity: int) -> None:
    link = Link(capacity)
    calls = [link.send(made()) for _ in range(5)]
    assert [call.behind for call in calls] == [number >= capacity for number in range(5)]
    link.mark = 4
    assert [call.begun for call in calls] == [True] * 4 + [False]
    assert [call.behind for call in calls] == [False] * 4 + [True]
    for done in (1, 2, 3, 4):
        del link.pending[done]
    assert not calls[4].behind, "the next slot is its own"


def test_what_is_over_waits_for_nothing() -> None:
    call = made()
    call.over = True
    assert not call.behind


@pytest.mark.parametrize(("away", "cause"), [(False, "crash"), (True, "loss")])
def test_a_worker_that_is_lost_with_its_machine_is_no_crash_of_the_jobs(away: bool, cause: str) -> None:
    ended: list[Any] = []
    call = made()
    call.caller = SimpleNamespace(ended=lambda _, attempt: ended.append(attempt))  # pyright: ignore
    Link(1).send(call)
    call.exchange.link.away = away
    call.refused(call.exchange, "worker_lost", 502, b"", b"")
    assert (ended[0].cause, ended[0].code) == (cause, "worker_lost")
