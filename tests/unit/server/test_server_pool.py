"""The pool, by property: it has as many workers as it was told, stops no busy one, and loses no call."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from pool_rig import Client, FakeProcess, PoolRig

from hotplate.server.replica import Counts
from hotplate.wire.failure import Failure

MOST = 4


@contextmanager
def rig(**more: Any) -> Iterator[PoolRig]:
    made = PoolRig(**more)
    try:
        yield made
    finally:
        made.close()


class Resizing(RuleBasedStateMachine):
    """Workers start, answer, die and are told to end while the pool is made larger and smaller."""

    def __init__(self) -> None:
        super().__init__()
        self.rig = PoolRig()
        self.clients: list[Client] = []
        self.victims = 0

    def teardown(self) -> None:
        self.rig.close()
        assert all(len(client.answers) == 1 for client in self.clients)

    def running(self) -> list[FakeProcess]:
        states = {worker.process: worker.state for worker in self.rig.pool.workers}
        return [process for process in self.rig.living() if states.get(process) == "RUNNING"]

    @rule(size=st.integers(0, MOST))
    def resize(self, size: int) -> None:
        self.rig.resize(size)

    @rule(count=st.integers(1, 3))
    def submit(self, count: int) -> None:
        self.clients += [self.rig.submit() for _ in range(count)]

    @rule(data=st.data())
    def run(self, data: st.DataObject) -> None:
        states = {worker.process: worker.state for worker in self.rig.pool.workers}
        starting = [process for process in self.rig.living() if states.get(process) == "UNINITIALIZED"]
        if starting:
            data.draw(st.sampled_from(starting)).run()
            self.rig.settle()

    @rule(data=st.data())
    def answer(self, data: st.DataObject) -> None:
        busy = [process for process in self.running() if process.calls]
        if busy:
            data.draw(st.sampled_from(busy)).answer()
            self.rig.settle()

    @rule(data=st.data())
    def obey(self, data: st.DataObject) -> None:
        """A worker that was asked to end, and has no calls, ends."""
        asked = [process for process in self.rig.living() if process.stopped]
        if asked:
            self.rig.end(data.draw(st.sampled_from(asked)))

    @precondition(lambda self: self.rig.living())
    @rule(data=st.data())
    def die(self, data: st.DataObject) -> None:
        process = data.draw(st.sampled_from(self.rig.living()))
        process.begin()
        self.rig.end(process, 9)

    @rule(seconds=st.sampled_from([0.5, 2.0, 90.0]))
    def wait(self, seconds: float) -> None:
        self.rig.loop.pass_time(seconds)
        self.rig.settle()

    @invariant()
    def no_busy_worker_was_asked_to_end(self) -> None:
        assert not any(process.calls and (process.killed or process.stopped) for process in self.rig.living())

    @invariant()
    def there_are_not_more_than_asked_for_except_busy_or_starting_ones(self) -> None:
        pool, counts = self.rig.pool, self.rig.pool.counts()
        assert counts.ready == 0 or counts.live <= pool.size

    @invariant()
    def what_is_missing_is_being_started_or_waited_for(self) -> None:
        pool = self.rig.pool
        assert pool.counts().live >= pool.size or pool.endings.pausing

    @invariant()
    def nobody_waits_beside_a_free_worker(self) -> None:
        if self.rig.endpoint.waiting:
            assert not any(worker.idle for worker in self.rig.pool.workers)

    @invariant()
    def each_is_answered_at_most_once(self) -> None:
        assert all(len(client.answers) <= 1 for client in self.clients)


TestResizing = Resizing.TestCase
TestResizing.settings = settings(max_examples=200, stateful_step_count=30, deadline=None)


def test_a_pool_of_no_workers_is_a_pool() -> None:
    with rig() as r:
        r.loop.turns()
        assert r.pool.counts() == Counts()
        r.resize(2)
        assert r.pool.counts() == Counts(starting=2)
        for process in r.living():
            process.run()
        r.settle()
        assert r.pool.counts() == Counts(ready=2)


def test_a_request_at_zero_waits_and_is_the_first_to_be_answered() -> None:
    held: list[int] = []
    with rig(on_held=lambda: held.append(1)) as r:
        client = r.submit()
        assert held and not client.answers
        r.resize(1)
        r.made[0].run()
        r.settle()
        assert r.pool.counts() == Counts(busy=1)
        r.made[0].answer()
        r.settle()
        assert client.answers == [200]
        parts = {part for _, part in r.endpoint.cold_starts.times}
        assert parts == {"queue", "spawn", "import", "setup", "first_answer", "total"}


def test_a_busy_worker_ends_when_its_calls_have_ended() -> None:
    with rig() as r:
        r.resize(1)
        r.made[0].run()
        r.settle()
        client = r.submit()
        r.resize(0)
        assert r.pool.counts() == Counts(busy=1)
        assert not r.made[0].stopped
        r.made[0].answer()
        r.settle()
        assert client.answers == [200]
        assert r.made[0].stopped
        assert r.pool.counts() == Counts(stopping=1)


def test_a_retired_worker_gets_no_call_that_comes_in_the_same_turn() -> None:
    with rig() as r:
        r.resize(1)
        r.made[0].run()
        r.settle()
        client = Client()

        def both() -> None:
            r.pool.resize(0)
            assert not r.endpoint.links

        r.loop.call(both)
        client = r.submit()
        assert r.made[0].stopped and not r.made[0].calls
        r.end(r.made[0])
        r.resize(1)
        r.made[1].run()
        r.settle()
        assert r.made[1].calls and not client.answers


def test_a_first_start_that_fails_is_told_and_tried_again() -> None:
    with rig() as r:
        r.resize(1)
        for count in range(5):
            process = r.living()[0]
            process.hello()
            process.fail("ModuleNotFoundError: no module named torch")
            r.settle()
            r.end(process, 256)
            assert [failure.message for failure in r.failures][-1].startswith("ModuleNotFoundError")
            assert len(r.failures) == count + 1
            if count < 4:
                r.loop.pass_time(10.0)
                r.settle()
                assert r.living(), "it is not tried again"
        assert "torch" in r.endpoint.trouble
        client = r.submit()
        assert client.answers == [503]
        r.loop.pass_time(30.0)
        r.settle()
        r.living()[0].run()
        r.settle()
        assert not r.endpoint.trouble


def test_a_server_of_one_project_ends_when_the_first_start_fails() -> None:
    with rig(keep_trying=False) as r:
        r.resize(1)
        r.living()[0].fail("broken")
        r.settle()
        r.end(r.living()[0], 256)
        assert r.failures == [Failure("broken")]
        assert r.pool.stopping


def test_a_worker_that_fails_beside_one_that_serves_is_replaced() -> None:
    with rig(keep_trying=False) as r:
        r.resize(2)
        first, second = r.living()
        first.run()
        r.settle()
        r.end(second, 9)
        assert r.failures == [] and not r.pool.stopping
        r.loop.run_until_complete(asyncio.sleep(5))
        assert len(r.living()) == 2


def test_a_machine_that_cannot_start_processes_is_asked_again_with_pauses() -> None:
    tries: list[float] = []

    def spawn(number: int) -> Any:
        tries.append(r.loop.time())
        raise OSError(11, "Resource temporarily unavailable")

    with rig(spawn=spawn) as r:
        r.resize(1)
        r.loop.pass_time(100.0)
        assert 5 < len(tries) < 20
