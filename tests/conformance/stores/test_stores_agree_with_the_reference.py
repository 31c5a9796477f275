"""A state machine: the same operations on a store and on the reference model, in any order, crashes and all."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import postgres_server
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from reference_store import FakeClock, Reference, stale

from hotplate.jobs.records import TRANSITIONS, Filter, NewJob, Outcome, Refused, Setback
from hotplate.jobs.sqlite import SqliteStore
from tests.conformance.stores.conftest import RETENTION

E = "model"
MOST = 6
CAUSES = ("failure", "crash", "loss", "release")
EXAMPLES = int(os.environ.get("HOTPLATE_EXAMPLES", "60"))


class Machine(RuleBasedStateMachine):
    def open(self):
        raise NotImplementedError

    def __init__(self) -> None:
        super().__init__()
        self.clock = FakeClock()
        keep = {f"{name}_ms": round(getattr(RETENTION, f"{name}_s") * 1000) for name in ("results", "rows", "keys")}
        self.model = Reference(self.clock, **keep)
        self.store = self.open()
        self.count = 0
        self.leases: list = []
        self.beats: list = []
        self.before: dict[str, str] = {}

    def run(self, operation):
        self.store.begin()
        result = operation(self.store)
        self.store.commit()
        return result

    # -- what callers do

    @rule(key=st.sampled_from(["", "", "k1", "k2"]), digest=st.sampled_from([b"A", b"B"]), urgent=st.integers(0, 7))
    def submit(self, key, digest, urgent):
        self.count += 1
        self._submit(
            NewJob(id=f"j{self.count}", endpoint=E, method="POST", path="/", key=key, digest=digest, priority=urgent)
        )

    @rule(deadline=st.sampled_from([0.5, 30.0]))
    def submit_with_a_deadline(self, deadline):
        self.count += 1
        self._submit(NewJob(id=f"j{self.count}", endpoint=E, method="POST", path="/", deadline_s=deadline))

    @rule(number=st.integers(1, 8))
    def submit_again(self, number):
        self._submit(NewJob(id=f"j{number}", endpoint=E, method="POST", path="/"))

    def _submit(self, new):
        got = self.run(lambda s: s.submit(new, MOST))
        wanted = self.model.submit(new, MOST)
        if isinstance(got, Refused) or isinstance(wanted, Refused):
            assert got == wanted
        else:
            assert (got.id, got.created, got.state) == (wanted.id, wanted.created, wanted.state)

    @rule(number=st.integers(1, 8))
    def cancel(self, number):
        job, changed = self.run(lambda s: s.cancel(E, f"j{number}"))
        known = f"j{number}" in self.model.rows
        assert (job is not None) == known
        assert changed == (known and self.model.cancel(f"j{number}"))

    @rule(number=st.integers(1, 8))
    def revive(self, number):
        _, changed = self.run(lambda s: s.revive(E, f"j{number}"))
        assert changed == (f"j{number}" in self.model.rows and self.model.revive(f"j{number}"))
        self.before.pop(f"j{number}", None)

    # -- what runners do, the quick and the dead

    @rule(limit=st.integers(1, 4))
    def lease(self, limit):
        got = self.run(lambda s: s.lease(E, "me", limit))
        wanted = self.model.lease(limit)
        assert [(one.id, one.fence.attempt) for one in got] == [(row.new.id, row.attempt) for row in wanted]
        for one, row in zip(got, wanted, strict=True):
            row.token = one.fence.token
        self.leases += got

    @rule(data=st.data(), right=st.booleans())
    def renew(self, data, right):
        if one := self._some(data):
            lost = self.run(lambda s: s.renew([one.fence if right else stale(one.fence)]))
            row = self.model.current(one) if right else None
            assert bool(lost) == (row is None)
            if row:
                row.beat += 1

    @rule(data=st.data(), fraction=st.sampled_from([None, 0.0, 0.5]))
    def progress(self, data, fraction):
        if one := self._some(data):
            row = self.model.current(one)
            assert self.run(lambda s: s.progress(one.fence, fraction, "so far")) == (row is not None)
            if row:
                row.progress = (fraction, "so far")

    @rule(data=st.data(), state=st.sampled_from(["completed", "failed", "dead"]))
    def finish(self, data, state):
        if one := self._some(data):
            row = self.model.current(one)
            outcome = Outcome(state=state, status=207, body=one.id.encode(), code="c")
            assert self.run(lambda s: s.finish(one.fence, outcome)) == (row is not None)
            if row:
                self.model.end(row, state, "c", 207)
                row.output, row.output_until = one.id.encode(), self.clock.ms + self.model.results_ms
                row.input = row.input and state != "completed"

    @rule(data=st.data(), cause=st.sampled_from(CAUSES), delay=st.sampled_from([0.0, 3.0]))
    def set_back(self, data, cause, delay):
        if one := self._some(data):
            row = self.model.current(one)
            setback = Setback(cause=cause, delay_s=delay, code="again")
            assert self.run(lambda s: s.set_back(one.fence, setback)) == (row is not None)
            if row:
                self.model.set_back(row, setback)

    def _some(self, data):
        return data.draw(st.sampled_from(self.leases)) if self.leases else None

    @rule()
    def look_at_leases(self):
        self.beats = self.store.held()
        assert len(self.beats) == sum(row.state == "running" for row in self.model.rows.values())

    @rule(limit=st.integers(1, 3))
    def expire(self, limit):
        for held in self.beats:
            token = held.fence.token
            row = next((row for row in self.model.rows.values() if row.token == token), None)
            wanted = self.model.expire(row, held, limit) if row else None
            assert self.run(lambda s, h=held: s.expire(h, limit)) == wanted

    # -- time and death

    @rule(ms=st.sampled_from([100, 3_000, 60_000, 200_000]))
    def wait(self, ms):
        self.clock.ms += ms

    @rule()
    def overdue(self):
        assert set(self.run(lambda s: s.overdue(E))) == self.model.overdue()

    @rule()
    def sweep(self):
        self.run(lambda s: s.sweep(1000))
        self.model.sweep()
        for gone in set(self.before) - set(self.model.rows):
            del self.before[gone]

    @rule()
    def crash(self):
        """The process dies inside a transaction; another one opens the store."""
        self.store.begin()
        self.store.submit(NewJob(id="never", endpoint=E, method="POST", path="/"), MOST)
        self.store.close()
        self.store = self.open()

    @invariant()
    def both_show_the_same(self):
        jobs = self.store.list(Filter(endpoint=E, limit=1000))
        wanted = self.model.seen()
        fields = wanted[0].keys() if wanted else ()
        assert [{name: getattr(job, name) for name in fields} for job in jobs] == wanted
        for row in self.model.rows.values():
            result = self.store.result(E, row.new.id)
            alive = row.output is not None and row.output_until > self.clock.ms
            assert (result.body if result else None) == (row.output if alive else None)

    @invariant()
    def states_follow_the_table(self):
        for job_id, row in self.model.rows.items():
            was = self.before.get(job_id, row.state)
            assert was == row.state or row.state in TRANSITIONS[was] or was == "retrying" and row.state == "running"
            self.before[job_id] = row.state

    def teardown(self):
        self.store.close()


def sqlite_machine() -> type[Machine]:
    class SqliteMachine(Machine):
        def __init__(self) -> None:
            self.folder = Path(tempfile.mkdtemp(prefix="jobs-"))
            super().__init__()

        def open(self):
            return SqliteStore(self.folder / "jobs.db", retention=RETENTION, clock=self.clock)

        def teardown(self):
            super().teardown()
            shutil.rmtree(self.folder)

    return SqliteMachine


def postgres_machine() -> type[Machine]:
    import psycopg

    from hotplate.jobs.postgres import PostgresStore

    url = postgres_server.fresh_database()

    class PostgresMachine(Machine):
        def __init__(self) -> None:
            with psycopg.connect(url, autocommit=True) as db:
                if db.execute("SELECT 1 FROM pg_namespace WHERE nspname = 'hotplate'").fetchone():
                    tables = "hotplate.job, hotplate.input, hotplate.output, hotplate.idempotency"
                    db.execute(f"TRUNCATE {tables} RESTART IDENTITY")
            super().__init__()

        def open(self):
            return PostgresStore(url, retention=RETENTION, clock=self.clock)

    return PostgresMachine


@pytest.mark.timeout(400)
@pytest.mark.parametrize("make", [sqlite_machine, postgres_machine], ids=["sqlite", "postgres"])
def test_a_store_agrees_with_the_reference(make):
    if make is postgres_machine and not postgres_server.installed():
        pytest.skip(postgres_server.REASON)
    run_state_machine_as_test(
        make(),
        settings=settings(
            max_examples=EXAMPLES if make is sqlite_machine else EXAMPLES // 10,
            stateful_step_count=40,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
