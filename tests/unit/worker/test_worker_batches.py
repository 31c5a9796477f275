"""Batches in each engine that has them: who joins, how many, how long it waits, and who fails."""

from __future__ import annotations

import threading
from time import monotonic
from typing import Any

import pytest
from worker_rig import Rig, call_of, rig

from hotplate.contract import Batching
from hotplate.wire import frames


class Model:
    """A batched function that notes its batches, and waits at a gate."""

    def __init__(self) -> None:
        self.batches: list[list[Any]] = []
        self.gate = threading.Event()
        self.gate.set()
        self.entered = threading.Semaphore(0)

    def double(self, values: list[Any]) -> Any:
        self.batches.append(values)
        self.entered.release()
        assert self.gate.wait(10)
        if "wrong length" in values:
            return values[1:]
        if "no list" in values:
            return 5
        if "raise" in values:
            raise ValueError("no")
        return [ValueError("mine") if value == "put" else value * 2 for value in values]

    async def double_later(self, values: list[Any]) -> Any:
        import asyncio

        self.batches.append(values)
        self.entered.release()
        while not self.gate.is_set():
            await asyncio.sleep(0.001)
        self.batches.pop()
        return self.double(values)

    def echo(self, value: Any) -> Any:
        return value

    async def nothing(self, value: Any) -> Any:
        return value


@pytest.fixture(params=["threads", "tasks", "threads of tasks"])
def engine(request: pytest.FixtureRequest) -> str:
    return request.param


def start(engine: str, model: Model, slots: int = 1, **batching: Any) -> Any:
    function = model.double_later if engine == "tasks" else model.double
    calls = [call_of(function, Batching(**batching)), call_of(model.echo), call_of(model.nothing)]
    if engine == "threads":
        return rig(*calls[:2], engine="threads", slots=slots)
    return rig(*calls, engine="tasks", slots=slots)


def answers(worker: Rig, count: int) -> dict[int, frames.Any]:
    found: dict[int, Any] = {}
    while len(found) < count:
        frame = worker.read()
        if frame.kind == frames.RESPONSE:
            assert frame.call_id not in found, "answered twice"
            found[frame.call_id] = frame
    return found


def while_one_runs(worker: Rig, model: Model, *values: Any) -> dict[int, Any]:
    """Send values while a batch of one runs, so that they are all there when it is over; give their answers."""
    model.gate.clear()
    worker.request(1)
    assert model.entered.acquire(timeout=30)
    sent = b"".join(worker.request_frame(value) for value in values)
    ids = range(worker.ids - len(values) + 1, worker.ids + 1)
    worker.socket.sendall(sent)
    # An answer to a later plain call, or a bad item's, would tell; decoding goes in order, so a bad last one does.
    worker.request("bad")
    assert worker.answer(worker.ids).body == b"ValueError"
    model.gate.set()
    found = answers(worker, len(values) + 1)
    return {call_id: found[call_id] for call_id in ids}


def test_what_waits_goes_together_up_to_the_size(engine: str) -> None:
    model = Model()
    with start(engine, model, max_size=4) as worker:
        found = while_one_runs(worker, model, *range(10, 20))
        assert model.batches == [[1], [10, 11, 12, 13], [14, 15, 16, 17], [18, 19]]
        assert [frame.body for frame in found.values()] == [str(2 * n).encode() for n in range(10, 20)]


def test_the_server_is_told_of_each_batch(engine: str) -> None:
    model = Model()
    with start(engine, model, max_size=4) as worker:
        worker.request(1)
        frame = worker.read()
        assert (frame.kind, frame.call_id, frame.code) == (frames.BATCH, 0, 1)
        assert worker.read().kind == frames.RESPONSE


def test_an_item_that_cannot_be_decoded_never_joins(engine: str) -> None:
    model = Model()
    with start(engine, model, max_size=8) as worker:
        while_one_runs(worker, model, 5, 6)
        assert model.batches == [[1], [5, 6]]


def test_one_that_raises_fails_alone(engine: str) -> None:
    model = Model()
    with start(engine, model, max_size=8) as worker:
        found = while_one_runs(worker, model, 2, "raise", 3)
        assert [(f.code, f.body) for f in found.values()] == [(200, b"4"), (500, b"ValueError"), (200, b"6")]
        assert model.batches[2:] == [[2], ["raise"], [3]], "each was tried alone"


def test_an_exception_in_an_items_place_is_that_items_answer(engine: str) -> None:
    model = Model()
    with start(engine, model, max_size=8) as worker:
        found = while_one_runs(worker, model, 2, "put", 3)
        assert [(f.code, f.body) for f in found.values()] == [(200, b"4"), (500, b"ValueError"), (200, b"6")]
        assert model.batches == [[1], [2, "put", 3]], "nothing was tried twice"


@pytest.mark.parametrize("value", ["wrong length", "no list"])
def test_a_result_that_is_no_list_of_that_length_fails_all_of_them(engine: str, value: str) -> None:
    model = Model()
    with start(engine, model, max_size=8) as worker:
        found = while_one_runs(worker, model, 2, value, 3)
        assert {f.body for f in found.values()} == {b"WrongLength"}
        assert len(model.batches) == 2, "a function that breaks its promise is not called again"


def test_a_cancelled_item_that_waits_leaves_its_batch(engine: str) -> None:
    model = Model()
    with start(engine, model, max_size=8) as worker:
        model.gate.clear()
        worker.request(1)
        assert model.entered.acquire(timeout=30)
        waiting = [worker.request(n) for n in (2, 3, 4)]
        worker.cancel(waiting[1])
        assert worker.answer(waiting[1]).code == 499
        model.gate.set()
        found = answers(worker, 3)
        assert found[waiting[0]].body == b"4"
        assert model.batches == [[1], [2, 4]]


def test_it_waits_for_more_no_longer_than_it_may(engine: str) -> None:
    model = Model()
    with start(engine, model, max_size=4, max_wait_ms=250) as worker:
        begun = monotonic()
        worker.request(1)
        worker.request(2)
        answers(worker, 2)
        assert 0.2 < monotonic() - begun < 4
        assert model.batches == [[1, 2]]


def test_a_full_batch_does_not_wait(engine: str) -> None:
    model = Model()
    with start(engine, model, max_size=3, max_wait_ms=5000) as worker:
        begun = monotonic()
        for n in range(3):
            worker.request(n)
        answers(worker, 3)
        assert monotonic() - begun < 4.5
        assert model.batches == [[0, 1, 2]]


def test_all_that_waited_being_cancelled_leaves_nothing(engine: str) -> None:
    model = Model()
    with start(engine, model, max_size=3, max_wait_ms=300) as worker:
        ids = [worker.request(n) for n in range(2)]
        for call_id in ids:
            worker.cancel(call_id)
        assert {frame.code for frame in answers(worker, 2).values()} == {499}
        assert worker.answer(worker.request("next", 1)).body == b'"next"'
        answers_of_another = worker.answer(worker.request(7))
        assert answers_of_another.body == b"14"
        assert model.batches == [[7]]


def test_a_plain_call_takes_a_free_slot_while_a_batch_fills(engine: str) -> None:
    model = Model()
    with start(engine, model, slots=2, max_size=4, max_wait_ms=3000) as worker:
        worker.request(1)
        assert worker.quiet() == b""
        begun = monotonic()
        assert worker.answer(worker.request("plain", 1)).body == b'"plain"'
        assert monotonic() - begun < 2.8
        for n in (2, 3, 4):
            worker.request(n)
        answers(worker, 4)
        assert model.batches == [[1, 2, 3, 4]]


def test_what_does_not_fit_into_one_batch_is_taken_by_another_slot() -> None:
    model = Model()
    with start("threads", model, slots=2, max_size=2) as worker:
        model.gate.clear()
        for n in range(4):
            worker.request(n)
        assert model.entered.acquire(timeout=30)
        assert model.entered.acquire(timeout=30), "the second slot slept while items waited"
        model.gate.set()
        answers(worker, 4)


def test_a_shutdown_answers_what_waits_and_what_runs(engine: str) -> None:
    model = Model()
    with start(engine, model, max_size=2) as worker:
        model.gate.clear()
        ids = [worker.request(n) for n in range(5)]
        assert model.entered.acquire(timeout=30)
        worker.shut_down()
        model.gate.set()
        assert set(answers(worker, 5)) == set(ids)
        assert worker.ended()
