"""Streams in each engine: their pace is the client's, a cancel closes the generator, a shutdown lets them end."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from worker_rig import Rig, rig

from hotplate.wire import frames
from hotplate.worker.flow import STREAM_WINDOW_BYTES
from hotplate.worker.streams import SLICE_BYTES


class Model:
    """Generators that note what happens to them."""

    def __init__(self) -> None:
        self.made = 0
        self.closed = threading.Event()
        self.go = threading.Event()

    def count(self, upto: int) -> Iterator[str]:
        for n in range(upto):
            yield f"{n};"

    def flood(self, size: int) -> Iterator[str]:
        try:
            while self.made < 1000:
                self.made += 1
                yield "x" * size
        finally:
            self.closed.set()

    def stubborn(self, _: Any) -> Iterator[str]:
        try:
            while True:
                yield "x" * 1000
        finally:
            self.closed.set()
            raise ValueError("in finally")

    def fails(self, after: int) -> Iterator[str]:
        for n in range(after):
            yield f"{n};"
        raise ValueError("no")

    def big(self, size: int) -> Iterator[str]:
        yield "y" * size

    def echo(self, value: Any) -> Any:
        return value

    def as_async(self, name: str) -> Callable[..., Any]:
        plain = getattr(self, name)

        async def stream(value: Any) -> Any:
            pieces = plain(value)
            try:
                for piece in pieces:
                    yield piece
            finally:
                pieces.close()

        stream.__name__ = name
        return stream

    async def nothing(self, value: Any) -> Any:
        """Its presence makes an engine of tasks, in which plain generators run in threads."""
        return value


ENGINES = ["inline", "threads", "tasks", "threads of tasks"]


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    return request.param


def start(engine: str, model: Model, *names: str) -> Any:
    functions = [model.as_async(n) if engine == "tasks" and n != "echo" else getattr(model, n) for n in names]
    if engine.startswith("threads"):
        return rig(*functions, model.nothing, engine="tasks" if "tasks" in engine else "threads", slots=2)
    return rig(*functions, engine=engine)


def text(found: list[Any]) -> bytes:
    return b"".join(frame.body for frame in found if frame.kind in (frames.CHUNK, frames.END))


def test_pieces_come_in_order_between_open_and_end(engine: str) -> None:
    with start(engine, Model(), "count") as worker:
        found = worker.read_until(frames.END, worker.request(5))
        assert [frame.kind for frame in found] == [frames.OPEN, *[frames.CHUNK] * 5, frames.END]
        assert text(found) == b"0;1;2;3;4;<end>"


def test_an_empty_stream_is_opened_and_ended(engine: str) -> None:
    with start(engine, Model(), "count") as worker:
        assert [f.kind for f in worker.read_until(frames.END, worker.request(0))] == [frames.OPEN, frames.END]


def test_an_error_before_the_first_piece_is_an_answer_and_one_after_it_ends_the_stream(engine: str) -> None:
    with start(engine, Model(), "fails") as worker:
        answer = worker.answer(worker.request(0))
        assert (answer.code, answer.body) == (500, b"ValueError")
        assert text(worker.read_until(frames.END, worker.request(2))) == b"0;1;<broken by ValueError>"


def read_flood(worker: Rig, call_id: int, model: Model) -> int:
    """Read all that comes while nothing leaves for the client."""
    got = 0
    while True:
        worker.socket.settimeout(0.3)
        try:
            frame = worker.read()
        except TimeoutError:
            worker.socket.settimeout(10)
            return got
        assert frame.call_id == call_id
        got += len(frame.body)


def test_it_stops_a_window_ahead_of_its_client_and_goes_on_with_it(engine: str) -> None:
    model = Model()
    with start(engine, model, "flood", "echo") as worker:
        call_id = worker.request(10_000)
        got = read_flood(worker, call_id, model)
        assert STREAM_WINDOW_BYTES < got <= STREAM_WINDOW_BYTES + 10_000
        worker.window(call_id, 100_000)
        more = read_flood(worker, call_id, model)
        assert 90_000 <= more <= 110_000
        worker.cancel(call_id)
        assert worker.answer(call_id).code == 499
        assert model.closed.wait(30)


def test_a_cancel_closes_the_generator_and_frees_the_slot(engine: str) -> None:
    model = Model()
    model.made = -(10**9)
    with start(engine, model, "flood", "echo") as worker:
        call_id = worker.request(100)
        worker.read_until(frames.CHUNK, call_id)
        worker.cancel(call_id)
        assert worker.answer(call_id).code == 499
        assert model.closed.is_set(), "the slot was given back before the generator was closed"
        assert worker.channel.flows == {}
        assert worker.answer(worker.request("next", 1)).body == b'"next"'


def test_a_generator_that_fails_when_it_is_closed_hurts_nobody(engine: str, capfd: pytest.CaptureFixture[str]) -> None:
    model = Model()
    with start(engine, model, "stubborn", "echo") as worker:
        call_id = worker.request(None)
        read_flood(worker, call_id, model)
        worker.cancel(call_id)
        worker.answer(call_id)
        assert worker.answer(worker.request("next", 1)).body == b'"next"'
    assert "in finally" in capfd.readouterr().err


def test_a_large_piece_keeps_to_the_window_too(engine: str) -> None:
    model = Model()
    with start(engine, model, "big") as worker:
        call_id = worker.request(2_000_000)
        got = read_flood(worker, call_id, model)
        assert got <= STREAM_WINDOW_BYTES + SLICE_BYTES
        worker.window(call_id, 4_000_000)
        assert got + len(text(worker.read_until(frames.END, call_id))) == 2_000_000 + len(b"<end>")


def test_a_shutdown_lets_a_stream_go_on_to_its_end(engine: str) -> None:
    model = Model()
    model.made = 900
    with start(engine, model, "flood") as worker:
        call_id = worker.request(10_000)
        got = read_flood(worker, call_id, model)
        assert got < 1_000_000
        worker.shut_down()
        worker.window(call_id, 10_000_000)
        got += len(text(worker.read_until(frames.END, call_id)))
        assert got == 1_000_000 + len(b"<end>")
        assert worker.ended()


def test_a_cancel_is_never_lost_however_soon_it_comes(engine: str) -> None:
    """Its stream would wait for a client that is gone, and hold its slot for ever."""
    model = Model()
    model.made = -(10**9)
    with start(engine, model, "flood", "echo") as worker:
        for n in range(150):
            if n % 2:
                call_id = worker.request(70_000)
                worker.cancel(call_id)
            else:
                frame = worker.request_frame(70_000)
                call_id = worker.ids
                worker.socket.sendall(frame + frames.frame(frames.CANCEL, call_id=call_id))
            assert worker.answer(call_id).code == 499
        assert worker.channel.flows == {}


def test_a_cancelled_stream_that_still_waits_never_runs() -> None:
    """The slots of an event loop's worker are taken; what waits for a thread must be found by its cancel."""
    model = Model()
    for engine in ("threads", "threads of tasks"):
        with start(engine, model, "flood", "echo") as worker:
            running = [worker.request(10_000), worker.request(10_000)]
            for call_id in running:
                worker.read_until(frames.CHUNK, call_id)
            waiting = worker.request(10_000)
            worker.cancel(waiting)
            found = worker.read_until(frames.RESPONSE, waiting)
            assert all(frame.call_id != waiting for frame in found[:-1]), engine
            for call_id in running:
                worker.cancel(call_id)
                worker.answer(call_id)


def test_pieces_of_an_async_generator_that_blocks_leave_as_they_are_made() -> None:
    gate = threading.Event()

    async def tokens(_: Any) -> Any:
        yield "first"
        yield "second"
        gate.wait(10)  # a model that computes on the loop: bad manners, and common
        yield "third"

    with rig(tokens, engine="tasks") as worker:
        call_id = worker.request()
        try:
            assert worker.read().kind == frames.OPEN
            assert worker.read().body == b"first"
        finally:
            gate.set()
        assert worker.read_until(frames.END, call_id)[-2].body == b"third"
