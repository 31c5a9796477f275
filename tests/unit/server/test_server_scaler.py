"""The autoscaler's loop over a real pool, on a clock that jumps."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from pool_rig import PoolRig

from hotplate.deployment.records import Scaling
from hotplate.scaling.decision import Decision
from hotplate.scaling.history import Saved
from hotplate.server.replica import Counts
from hotplate.server.scaler import Scaler


class ScalerRig(PoolRig):
    def __init__(self, settings: Scaling, saved: Saved | None = None) -> None:
        super().__init__()
        self.decisions: list[Decision] = []

        def make() -> Scaler:
            return Scaler(self.endpoint, self.pool, settings, on_decision=self.decisions.append, saved=saved)

        self.scaler: Scaler = self.loop.call(make)
        self.loop.call(self.scaler.start)
        self.settle()

    def run_all(self) -> None:
        """Every worker that was started runs; every one that was asked to end ends."""
        for worker in list(self.pool.workers):
            process: Any = worker.process
            if worker.state == "UNINITIALIZED":
                process.run()
        self.settle()
        for process in self.living():
            if process.stopped and not process.calls:
                self.end(process)

    def live(self, seconds: float, answer: bool = True) -> None:
        for _ in range(round(seconds * 10)):
            self.loop.pass_time(0.1)
            self.settle()
            self.run_all()
            for process in self.living():
                if answer and process.calls:
                    process.answer()
            self.settle()


@contextmanager
def rig(settings: Scaling, saved: Saved | None = None) -> Iterator[ScalerRig]:
    made = ScalerRig(settings, saved)
    try:
        yield made
    finally:
        made.loop.call(made.scaler.stop)
        made.close()


def test_a_request_at_zero_starts_a_worker_in_the_same_turn() -> None:
    with rig(Scaling()) as r:
        counts: list[Counts] = []
        submit = r.endpoint.submit

        def both(exchange: Any) -> None:
            submit(exchange)
            counts.append(r.pool.counts())

        r.endpoint.submit = both  # pyright: ignore
        client = r.submit()
        assert counts == [Counts(starting=1)]
        r.run_all()
        r.made[0].answer()
        r.settle()
        assert client.answers == [200]
        assert [d.text() for d in r.decisions] == ["0 -> 1: 1 call waiting and no replica"]


def test_to_zero_after_the_delay_and_then_nothing_is_looked_at() -> None:
    with rig(Scaling(scale_down_delay_s=5.0, window_s=1.0)) as r:
        r.submit()
        r.live(1.0)
        assert r.pool.counts() == Counts(ready=1)
        r.live(3.5)
        assert r.pool.counts() == Counts(ready=1)
        r.live(2.5)
        assert r.pool.counts() == Counts()
        assert r.decisions[-1].after == 0
        assert r.scaler._timer is None


def test_a_load_gets_more_workers_up_to_the_ceiling_and_loses_them_again() -> None:
    with rig(Scaling(max_replicas=3, scale_down_delay_s=3.0, window_s=1.0)) as r:
        clients = [r.submit() for _ in range(40)]
        r.live(3.0)
        assert r.pool.size == 3
        r.live(20.0)
        assert all(client.answers == [200] for client in clients)
        assert r.pool.counts() == Counts()
        assert max(decision.after for decision in r.decisions) == 3


def test_a_restart_changes_no_replica() -> None:
    scaling = Scaling(min_replicas=0, initial_replicas=1, max_replicas=4, scale_down_delay_s=60.0)
    with rig(scaling) as r:
        for _ in range(30):
            r.submit()
        r.live(1.0, answer=False)
        size = r.pool.size
        assert size == 4
        saved = r.scaler.state()
    with rig(scaling, saved) as r:
        assert r.pool.size == size
        r.live(20.0)
        assert r.pool.size == size
        assert [d.reason for d in r.decisions] == ["4 replicas before the restart"]


def test_other_settings_count_at_once() -> None:
    with rig(Scaling(initial_replicas=1, max_replicas=4)) as r:
        r.run_all()
        r.loop.call(lambda: r.scaler.configure(Scaling(min_replicas=3, max_replicas=4)))
        r.settle()
        assert r.pool.size == 3
        r.run_all()
        r.loop.call(lambda: r.scaler.configure(Scaling(min_replicas=0, max_replicas=1)))
        r.settle()
        assert r.pool.counts() == Counts(ready=1, stopping=2)


def test_what_the_policy_is_told_to_stop_it_does_not_touch() -> None:
    with rig(Scaling(initial_replicas=1)) as r:
        r.loop.call(r.scaler.stop)
        r.run_all()
        r.loop.pass_time(1000.0)
        assert r.pool.counts() == Counts(ready=1)


@settings(max_examples=40, deadline=None)
@given(steps=st.lists(st.tuples(st.integers(0, 3), st.sampled_from([0.1, 0.7, 2.0, 2.1])), max_size=8))
def test_no_request_is_lost_around_the_moment_of_scaling_down(steps: list[tuple[int, float]]) -> None:
    with rig(Scaling(max_replicas=2, scale_down_delay_s=2.0, window_s=0.5)) as r:
        clients = []
        for count, pause in steps:
            clients += [r.submit() for _ in range(count)]
            r.live(pause)
        r.live(3.0)
        assert all(client.answers == [200] for client in clients)
        r.live(3.0)
        assert r.pool.counts() == Counts()
