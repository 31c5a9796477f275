"""The queue, by property: whatever happens in whatever order, each request is answered once and nothing is left."""

from __future__ import annotations

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from hotplate.edge.exchange import Exchange
from hotplate.edge.head import HeadRules, parse_head
from hotplate.server.endpoint import Endpoint
from hotplate.server.memory import Memory

QUEUE = 4


class Plan:
    named_id = b""
    patience_ns = None
    error_key = "detail"


HEAD = parse_head(b"POST / HTTP/1.1\r\nHost: x\r\n\r\n", HeadRules())
HEAD.plan = Plan()


class Client:
    """A connection that notes its answers."""

    def __init__(self) -> None:
        self.answers: list[int] = []
        self.left = False

    def answer(self, exchange: Exchange, status: int, body: bytes, extra: bytes) -> None:
        assert not self.left, "an answer for nobody"
        self.answers.append(status)

    def refused(self, exchange: Exchange, code: str, status: int, body: bytes, extra: bytes, words: str = "") -> None:
        self.answer(exchange, status, body, extra)


class Worker:
    """What an endpoint sees of a link, and the worker behind it: it begins calls in their order, `slots` at a time."""

    def __init__(self, slots: int, ahead: int) -> None:
        self.capacity = slots
        self.window = slots + ahead
        self.call_ns = 1_000_000
        self.ready = True
        self.alone = False
        self.pending: dict[int, Exchange] = {}
        self.cancelled: set[int] = set()
        self._ids = 0

    def send(self, exchange: Exchange) -> None:
        assert self.ready
        assert len(self.pending) < self.window
        assert not exchange.abandoned
        self._ids += 1
        exchange.call_id = self._ids
        exchange.link = self
        self.pending[self._ids] = exchange

    def cancel(self, exchange: Exchange) -> None:
        self.cancelled.add(exchange.call_id)

    def request_id(self, exchange: Exchange) -> bytes:
        return b"id"

    def running(self) -> list[Exchange]:
        return list(self.pending.values())[: self.capacity]


class Queueing(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.memory = Memory()
        self.endpoint = Endpoint(queue_size=QUEUE, id_prefix="x", memory=self.memory)
        self.endpoint.state = "RUNNING"
        self.exchanges: list[Exchange] = []
        self.begun: dict[int, int] = {}

    def teardown(self) -> None:
        while self.endpoint.links:
            self.lose(0)
        self.endpoint.fail_waiting("unavailable", "The end.")
        for exchange in self.exchanges:
            client: Any = exchange.connection
            assert len(client.answers) == (0 if client.left else 1)
        assert self.endpoint.waiting == 0
        assert self.endpoint.in_progress == 0
        assert self.memory.held == 0
        assert self.memory.arena.idle
        self.memory.close()

    def live(self) -> list[Exchange]:
        return [e for e in self.exchanges if not e.connection.answers and not e.connection.left]  # pyright: ignore

    @precondition(lambda self: len(self.endpoint.links) < 3)
    @rule(slots=st.integers(1, 2), ahead=st.integers(0, 2))
    def join(self, slots: int, ahead: int) -> None:
        self.endpoint.join(Worker(slots, ahead))  # pyright: ignore

    @rule(large=st.lists(st.booleans(), min_size=1, max_size=5))
    def submit(self, large: list[bool]) -> None:
        for one in large:
            self.submit_one(one)

    def submit_one(self, large: bool) -> None:
        extent = self.memory.allocate(50_000) if large else None
        exchange = Exchange(Client(), HEAD, b"", extent, 0)  # pyright: ignore
        self.exchanges.append(exchange)
        room = any(len(link.pending) < link.window for link in self.endpoint.links)
        full = self.endpoint.waiting >= QUEUE
        self.endpoint.submit(exchange)
        refused = bool(exchange.connection.answers)  # pyright: ignore
        assert refused == (full and not (room and not self.endpoint.waiting))

    @precondition(lambda self: any(link.pending for link in self.endpoint.links))
    @rule(data=st.data())
    def finish(self, data: st.DataObject) -> None:
        link: Any = data.draw(st.sampled_from([link for link in self.endpoint.links if link.pending]))
        exchange = data.draw(st.sampled_from(link.running()))
        self.begin(exchange)
        del link.pending[exchange.call_id]
        if not exchange.abandoned:
            exchange.connection.answer(exchange, 200, b"", b"")
        exchange.free()
        self.endpoint.pump(link)

    @precondition(lambda self: self.live())
    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        exchange = data.draw(st.sampled_from(self.live()))
        exchange.connection.left = True  # pyright: ignore
        self.endpoint.cancel(exchange)
        self.endpoint.cancel(exchange)

    @precondition(lambda self: self.live())
    @rule(data=st.data())
    def expire(self, data: st.DataObject) -> None:
        exchange = data.draw(st.sampled_from(self.live()))
        self.endpoint.expire(exchange)
        assert exchange.connection.answers == [504]  # pyright: ignore

    @precondition(lambda self: self.endpoint.links)
    @rule(place=st.integers(0, 2))
    def lose(self, place: int) -> None:
        """A worker dies: what ran in it gets 502, what had not begun goes back."""
        link: Any = self.endpoint.links[place % len(self.endpoint.links)]
        running = [exchange for exchange in link.running() if not exchange.abandoned]
        self.endpoint.leave(link)
        again = []
        for exchange in list(link.pending.values()):
            if exchange.abandoned:
                exchange.free()
            elif exchange in running:
                self.begin(exchange)
                self.endpoint.refuse(exchange, "worker_lost", "Lost.")
                exchange.free()
            else:
                again.append(exchange)
        link.pending.clear()
        waited = [exchange for exchange in self.endpoint.queue if not exchange.abandoned]
        self.endpoint.requeue(again)
        left = [exchange for exchange in self.endpoint.queue if not exchange.abandoned]
        assert left == [*again, *waited][-len(left) or None :][: len(left)], "somebody lost his place in the queue"

    @rule()
    def give_up(self) -> None:
        self.endpoint.fail_waiting("unavailable", "Looping.")

    def begin(self, exchange: Exchange) -> None:
        self.begun[id(exchange)] = self.begun.get(id(exchange), 0) + 1
        assert self.begun[id(exchange)] == 1, "a call was run twice"

    @invariant()
    def the_count_is_the_queue(self) -> None:
        waiting = [exchange for exchange in self.endpoint.queue if not exchange.abandoned]
        assert self.endpoint.waiting == len(waiting)
        assert all(exchange.link is None for exchange in waiting)
        order = [self.exchanges.index(exchange) for exchange in waiting]
        assert len(set(order)) == len(order)

    @invariant()
    def nobody_waits_beside_a_free_slot(self) -> None:
        if self.endpoint.waiting:
            assert all(len(link.pending) >= link.window for link in self.endpoint.links)

    @invariant()
    def each_is_answered_at_most_once(self) -> None:
        for exchange in self.exchanges:
            assert len(exchange.connection.answers) <= 1  # pyright: ignore

    @invariant()
    def memory_is_held_by_the_living_alone(self) -> None:
        with_worker = {id(e) for link in self.endpoint.links for e in link.pending.values()}
        alive = [e for e in self.exchanges if e.extent is not None]
        assert self.memory.held == 50_000 * len(alive)
        assert all(id(e) in with_worker or e in self.endpoint.queue for e in alive)


TestQueueing = Queueing.TestCase
TestQueueing.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)


def test_the_queue_does_not_keep_those_who_left() -> None:
    """One long call keeps the queue; clients come and go behind one that stays."""
    endpoint = Endpoint(queue_size=None, id_prefix="x", memory=Memory())
    endpoint.state = "RUNNING"
    endpoint.join(Worker(1, 0))  # pyright: ignore
    for _ in range(2):
        endpoint.submit(Exchange(Client(), HEAD, b"", None, 0))  # pyright: ignore
    for _ in range(10_000):
        leaving = Exchange(Client(), HEAD, bytes(1000), None, 0)  # pyright: ignore
        endpoint.submit(leaving)
        endpoint.cancel(leaving)
        assert not leaving.body
    assert endpoint.waiting == 1
    assert len(endpoint.queue) < 200


def test_before_the_first_worker_runs_the_answer_is_the_state() -> None:
    endpoint = Endpoint(queue_size=None, id_prefix="x", memory=Memory())
    endpoint.state = "SETUP_SERVICE"
    exchange = Exchange(Client(), HEAD, b"", None, 0)  # pyright: ignore
    endpoint.submit(exchange)
    assert exchange.connection.answers == [503]  # pyright: ignore


def test_the_wait_that_is_named_lies_between_a_second_and_a_minute() -> None:
    endpoint = Endpoint(queue_size=None, id_prefix="x", memory=Memory())
    assert endpoint.retry_after_s() == 5
    worker = Worker(1, 0)
    endpoint.join(worker)  # pyright: ignore
    for call_ns, waiting, expected in ((1_000, 10, 1), (10**9, 10, 10), (10**10, 100, 60)):
        worker.call_ns, endpoint.waiting = call_ns, waiting
        assert endpoint.retry_after_s() == expected
