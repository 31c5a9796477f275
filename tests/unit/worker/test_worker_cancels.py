"""What a plain function that is cancelled while it runs is told, in each engine that runs plain functions."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from time import monotonic, sleep
from typing import Any

import pytest
from worker_rig import Rig, call_of, rig

import hotplate
from hotplate.contract import Batching
from hotplate.wire import frames


class Model:
    def __init__(self) -> None:
        self.entered = threading.Semaphore(0)
        self.cleaned = threading.Event()

    def reports(self, _: Any) -> str:
        self.entered.release()
        try:
            return self._until(lambda: hotplate.progress(0.5, "on the way"))
        finally:
            self.cleaned.set()

    def asks(self, _: Any) -> str:
        self.entered.release()
        return "stopped" if self._until(hotplate.cancelled) == "told" else "never told"

    def yields_seldom(self, _: Any) -> Iterator[str]:
        yield "first"
        self.entered.release()
        try:
            yield self._until(lambda: hotplate.progress(0.5))
        finally:
            self.cleaned.set()

    def raises_it(self, _: Any) -> None:
        raise hotplate.Cancelled

    def echo(self, value: Any) -> Any:
        hotplate.progress(0.5)
        return [value, hotplate.cancelled()]

    def together(self, values: list[Any]) -> list[Any]:
        self.entered.release()
        end = monotonic() + 0.3
        while monotonic() < end:
            hotplate.progress(0.5)
            sleep(0.01)
        return values

    async def nothing(self, value: Any) -> Any:
        """Its presence makes an engine of tasks."""
        return value

    @staticmethod
    def _until(told: Callable[[], Any]) -> str:
        end = monotonic() + 10
        while monotonic() < end:
            if told():
                return "told"
            sleep(0.002)
        return "never told"


@pytest.fixture(params=["inline", "threads", "tasks"])
def engine(request: pytest.FixtureRequest) -> str:
    return request.param


def start(engine: str, model: Model, *functions: Any, slots: int = 1) -> Any:
    return rig(*functions, *([model.nothing] if engine == "tasks" else []), engine=engine, slots=slots)


def cancel_running(worker: Rig, model: Model, route: int) -> int:
    call_id = worker.request(None, route)
    assert model.entered.acquire(timeout=30)
    worker.cancel(call_id)
    return call_id


def test_progress_ends_a_cancelled_function(engine: str, capfd: pytest.CaptureFixture[str]) -> None:
    model = Model()
    with start(engine, model, model.reports, model.echo) as worker:
        assert worker.answer(cancel_running(worker, model, 0)).code == 499
        assert model.cleaned.is_set()
        assert worker.answer(worker.request("next", 1)).body == b'["next", false]'
        assert not worker.channel.cancelled
    assert "Cancelled" not in capfd.readouterr().err, "nothing went wrong, so the author is told nothing"


def test_a_loop_can_ask(engine: str) -> None:
    model = Model()
    with start(engine, model, model.asks, model.echo) as worker:
        assert worker.answer(cancel_running(worker, model, 0)).body == b'"stopped"'
        assert worker.answer(worker.request("next", 1)).body == b'["next", false]'


def test_progress_ends_a_generator_between_its_pieces(engine: str, capfd: pytest.CaptureFixture[str]) -> None:
    model = Model()
    with start(engine, model, model.yields_seldom, model.echo) as worker:
        assert worker.answer(cancel_running(worker, model, 0)).code == 499
        assert model.cleaned.is_set()
        assert worker.answer(worker.request("next", 1)).body == b'["next", false]'
    assert "Cancelled" not in capfd.readouterr().err


def test_a_cancel_that_comes_after_the_end_ends_no_other_call(engine: str) -> None:
    model = Model()
    with start(engine, model, model.echo) as worker:
        for _ in range(20):
            call_id = worker.request("a")
            worker.answer(call_id)
            worker.cancel(call_id)
            assert worker.answer(worker.request("b")).body == b'["b", false]'
        assert len(worker.channel.cancelled) <= 1


def test_a_function_that_raises_it_unasked_has_failed(engine: str, capfd: pytest.CaptureFixture[str]) -> None:
    model = Model()
    with start(engine, model, model.raises_it) as worker:
        answer = worker.answer(worker.request())
        assert (answer.code, answer.body) == (500, b"Cancelled")
    assert "raises_it() raised Cancelled" in capfd.readouterr().err


@pytest.mark.parametrize("engine", ["threads", "tasks"])
def test_a_batch_goes_on_for_the_others(engine: str) -> None:
    model = Model()
    with start(engine, model, call_of(model.together, Batching(max_size=2, max_wait_ms=200.0))) as worker:
        first, second = worker.request("a"), worker.request("b")
        assert model.entered.acquire(timeout=30)
        worker.cancel(first)
        found = {frame.call_id: frame.code for frame in (worker.read_until(frames.RESPONSE)[-1] for _ in range(2))}
        assert found == {first: 200, second: 200}
