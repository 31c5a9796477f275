"""Plain calls in each engine: slots, order, errors, cancels, shared memory, and the end."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from typing import Any

import pytest
from worker_rig import rig

from hotplate.media import File
from hotplate.wire import frames
from hotplate.worker import invoke


class Model:
    def __init__(self) -> None:
        self.running = 0
        self.most = 0
        self.gate = threading.Event()
        self.entered = threading.Semaphore(0)
        self.lock = threading.Lock()

    def wait(self, value: Any) -> Any:
        with self.lock:
            self.running += 1
            self.most = max(self.most, self.running)
        self.entered.release()
        assert self.gate.wait(10)
        with self.lock:
            self.running -= 1
        return value

    async def wait_async(self, value: Any) -> Any:
        self.running += 1
        self.most = max(self.most, self.running)
        self.entered.release()
        try:
            while not self.gate.is_set():
                await asyncio.sleep(0.001)
        finally:
            self.running -= 1
        return value

    def echo(self, value: Any) -> Any:
        return value

    def leave(self, value: Any) -> Any:
        sys.exit(value)

    async def leave_async(self, value: Any) -> Any:
        sys.exit(value)

    async def cancels_itself(self, _: Any) -> Any:
        raise asyncio.CancelledError

    async def holds_on(self, value: Any) -> Any:
        self.entered.release()
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            return value

    async def nothing(self, value: Any) -> Any:
        return value


ENGINES = ["threads", "tasks", "threads of tasks"]


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    return request.param


def start(engine: str, model: Model, slots: int, *more: Any) -> Any:
    wait = model.wait_async if engine == "tasks" else model.wait
    functions = [wait, model.echo, *more] if engine == "threads" else [wait, model.echo, model.nothing, *more]
    return rig(*functions, engine=engine.rpartition(" ")[2], slots=slots)


@pytest.mark.parametrize("slots", [1, 3])
def test_no_more_run_at_once_than_there_are_slots(engine: str, slots: int) -> None:
    model = Model()
    with start(engine, model, slots) as worker:
        ids = [worker.request(n) for n in range(8)]
        for _ in range(slots):
            assert model.entered.acquire(timeout=30)
        assert worker.quiet() == b""
        assert model.most == model.running == slots
        model.gate.set()
        found = [worker.read() for _ in ids]
        assert {frame.call_id: frame.body for frame in found} == {i: str(n).encode() for n, i in enumerate(ids)}
        assert model.most == slots


def test_what_waits_is_not_marked_as_started(engine: str) -> None:
    """The server runs it again elsewhere when this worker dies."""
    model = Model()
    with start(engine, model, 2) as worker:
        ids = [worker.request(n) for n in range(5)]
        for _ in range(2):
            assert model.entered.acquire(timeout=30)
        assert worker.answers.view[:4].cast("I")[0] == ids[1]
        model.gate.set()
        for _ in ids:
            worker.read()
        assert worker.answers.view[:4].cast("I")[0] == ids[4]


def test_a_cancelled_call_that_waits_never_runs(engine: str) -> None:
    model = Model()
    with start(engine, model, 1) as worker:
        first = worker.request(1)
        assert model.entered.acquire(timeout=30)
        second, third = worker.request(2), worker.request(3)
        worker.cancel(second)
        assert worker.answer(second).code == 499
        model.gate.set()
        assert worker.answer(first).body == b"1"
        assert worker.answer(third).body == b"3"
        assert model.entered.acquire(timeout=30)
        assert not model.entered.acquire(blocking=False), "the cancelled call ran"


def test_cancelled_tasks_stop_and_free_their_slots() -> None:
    model = Model()
    with start("tasks", model, 2) as worker:
        ids = [worker.request(n) for n in range(2)]
        for _ in ids:
            assert model.entered.acquire(timeout=30)
        for call_id in ids:
            worker.cancel(call_id)
            assert worker.answer(call_id).code == 499
        assert model.running == 0
        assert worker.answer(worker.request("next", 1)).body == b'"next"'


def test_a_task_cancelled_before_its_first_step_still_gives_its_slot_back() -> None:
    model = Model()
    model.gate.set()
    with start("tasks", model, 1) as worker:
        for n in range(200):
            call_id = worker.request(n)
            worker.cancel(call_id)
            assert worker.answer(call_id).code in (200, 499)
            worker.quiet(0.0005)


def test_a_call_that_cancels_itself_is_an_error_of_its_own(capfd: pytest.CaptureFixture[str]) -> None:
    model = Model()
    with start("tasks", model, 1, model.cancels_itself) as worker:
        assert worker.answer(worker.request(1, 3)).body == b"CancelledError"
        assert worker.answer(worker.request("next", 1)).body == b'"next"'
    assert "cancels_itself() raised CancelledError" in capfd.readouterr().err


def test_a_task_that_catches_its_cancel_may_answer() -> None:
    model = Model()
    with start("tasks", model, 1, model.holds_on) as worker:
        call_id = worker.request(5, 3)
        assert model.entered.acquire(timeout=30)
        worker.cancel(call_id)
        assert worker.answer(call_id).body == b"5"


@pytest.mark.parametrize("engine", ["inline", "threads", "tasks"])
def test_sys_exit_is_that_calls_error(engine: str, capfd: pytest.CaptureFixture[str]) -> None:
    model = Model()
    leave = model.leave_async if engine == "tasks" else model.leave
    with rig(leave, model.echo, engine=engine, slots=2) as worker:
        assert worker.answer(worker.request(3)).body == b"SystemExit"
        assert worker.answer(worker.request("next", 1)).body == b'"next"'


@pytest.mark.parametrize("engine", ["inline", "threads", "tasks"])
def test_a_shutdown_answers_every_call_that_was_sent(engine: str) -> None:
    model = Model()
    with rig(*([model.nothing] if engine == "tasks" else []), model.echo, engine=engine, slots=2) as worker:
        sent = b"".join(worker.request_frame(n, engine == "tasks") for n in range(50))
        worker.socket.sendall(sent + frames.frame(frames.SHUTDOWN))
        assert {worker.read().call_id for _ in range(50)} == set(range(1, 51))
        assert worker.ended()


@pytest.mark.parametrize("engine", ["inline", "threads", "tasks"])
def test_a_server_that_is_gone_ends_the_worker(engine: str) -> None:
    model = Model()
    made = rig(*([model.nothing] if engine == "tasks" else []), model.echo, engine=engine, slots=2)
    with pytest.raises(OSError), made as worker:  # noqa: PT012 - leaving the context writes to the closed socket
        assert worker.answer(worker.request(1)).body == b"1"
        worker.socket.shutdown(2)
        worker.socket.close()
        assert worker.ended()


def test_large_answers_go_through_the_arena_and_past_it_when_it_is_full() -> None:
    with rig(Model().echo, engine="inline") as worker:
        for size in (32_000, 40_000, 500_000, 1_100_000, 3_000_000):
            value = os.urandom(size // 2).hex()
            frame = worker.answer(worker.request(value))
            assert frame.body.decode() == f'"{value}"'
            assert bool(frame.flags & frames.ARENA) == (32 * 1024 < size < 1_000_000)
        worker.answer(worker.request(1))  # after it, the release before it has been read
        assert worker.answers.idle


def test_an_answer_that_no_frame_can_hold_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(invoke, "MAX_FRAME_BYTES", 100_000)
    with rig(Model().echo, engine="inline") as worker:
        frame = worker.answer(worker.request("x" * 100_001))
        assert (frame.code, frame.body) == (500, b"InvalidOutput")
        assert worker.answer(worker.request("x" * 50_000)).code == 200


def test_lent_media_is_copied_only_where_somebody_still_holds_it() -> None:
    copied: list[bool] = []

    class Watched(File):
        def keep(self) -> None:
            copied.append(True)
            super().keep()

    def lent() -> memoryview:
        return memoryview(bytearray(b"lent")).toreadonly()

    view = lent()
    invoke.Invoker.close(view, (Watched.borrow(view),))
    assert copied == []
    view = lent()
    values = (Watched.borrow(view),)
    held = values[0]
    invoke.Invoker.close(view, values)
    assert copied == [True]
    assert held.to_bytes() == b"lent"
