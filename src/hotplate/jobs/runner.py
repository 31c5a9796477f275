"""Runs an endpoint's jobs: leases them as slots come free, hands them to the endpoint's own queue, keeps their leases
alive, and writes down how they ended.

It takes the place of the HTTP client, so that jobs and requests share one queue, one set of workers and one measure
of load. All of it runs on the server's loop; the store is reached through the desk alone.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from time import monotonic_ns
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from hotplate.edge.exchange import Exchange, Extent
from hotplate.errors import StorageFull
from hotplate.jobs.blobs import INLINE_BYTES, Blobs
from hotplate.jobs.call import FindRoute, JobCall, RunPlan
from hotplate.jobs.desk import Desk
from hotplate.jobs.records import Fence, Lease, Outcome, Setback
from hotplate.jobs.store import Store
from hotplate.jobs.tally import Tally
from hotplate.jobs.verdict import Attempt, Tries, judge
from hotplate.wire.frames import INLINE_BYTES as FRAME_BYTES

if TYPE_CHECKING:
    from hotplate.jobs.news import News

POLL_S = 1.0
"""How often to look for jobs that another process has put into the store."""
PROGRESS_S = 0.25
REWRITE_S = 1.0
"""How long after a failed write of a result to try again. The lease is kept meanwhile."""
KILL_AFTER_S = 5.0
"""How long a call that was given up may go on before its worker is ended."""
RECALL_NS = 1_000_000_000
"""What was sent ahead and has not begun after this long is taken back."""
QUICK_NS = 5_000_000
AHEAD = 16
"""Where jobs are shorter than this, so many are leased ahead of free slots: enough to fill a flush of the store. Where
they are longer none is, since a job that waits in a worker cannot be given to another one."""
ASSUMED_NS = 10_000_000


class Link(Protocol):
    """A worker, as far as the runner looks at it."""

    pending: dict[int, Exchange]
    ready: bool
    capacity: int
    process: Any


class Endpoint(Protocol):
    """The endpoint, as far as the runner uses it."""

    contract: Any
    links: list[Any]

    def submit(self, exchange: Exchange) -> None:
        """Run, queue or refuse."""
        ...

    def cancel(self, exchange: Exchange) -> None:
        """Give up."""
        ...


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """The runner's settings, in seconds and bytes."""

    lease_s: float = 30.0
    timeout_s: float = 900.0
    inline_bytes: int = INLINE_BYTES
    """A larger result is kept as a blob."""
    most_result_bytes: int = 100 * 1024 * 1024
    tries: Tries = Tries()
    single: frozenset[str] = frozenset()
    """Origins whose jobs have one try: a failure is their answer."""


class Runner:
    """The jobs of one endpoint that run in this server. `allocate` is the room for large bodies."""

    def __init__(
        self,
        desk: Desk,
        endpoint: Endpoint,
        name: str,
        owner: str,
        *,
        rules: Rules,
        blobs: Blobs,
        find: FindRoute,
        allocate: Callable[[int], Extent],
        news: News,
        tally: Tally,
    ) -> None:
        self.running: dict[Fence, JobCall] = {}
        self._desk = desk
        self._endpoint = endpoint
        self._name = name
        self._owner = owner
        self._rules = rules
        self._blobs = blobs
        self._find = find
        self._allocate = allocate
        self._news = news
        self._tally = tally
        self._loop = asyncio.get_running_loop()
        self._asking = False
        self._again = False
        self._stopped = False
        self._long_ns = ASSUMED_NS  # the longest of the last jobs, more or less
        self._due: asyncio.TimerHandle | None = None
        self._steps: dict[Fence, tuple[float | None, str]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    # -- taking jobs

    def wake(self) -> None:
        """There may be something to take: a job came, a slot came free, a retry is due."""
        if self._stopped or self._endpoint.contract is None:
            return
        if self._asking:
            self._again = True
            return
        room = self._room()
        if room <= 0:
            return
        self._asking, self._again = True, False
        name, owner = self._name, self._owner

        def take(store: Store) -> tuple[list[str], list[Lease], float | None]:
            late = store.overdue(name)
            return late, store.lease(name, owner, room), store.next_due_s(name)

        self._desk.write(take, self._took)

    def _room(self) -> int:
        """How many more jobs may be under way: as many as there are slots that nothing else has.

        Quick calls go ahead of a slot, as requests do. Where requests take every slot, jobs have half of them still:
        they wait in the endpoint's queue with the others. Without any worker one is taken, so that there is demand.
        """
        slots = free = 0
        for link in self._endpoint.links:
            if link.ready:
                slots += link.capacity
                ahead = AHEAD if self._long_ns < QUICK_NS else 0
                free += max(0, link.capacity + ahead - len(link.pending))
        mine = len(self.running)
        waiting = sum(1 for call in self.running.values() if not call.over and call.exchange.link is None)
        return max(free - waiting, max(1, slots // 2) - mine)

    def _took(self, taken: Any, error: BaseException | None) -> None:
        self._asking = False
        if error is not None:
            self._loop.call_later(POLL_S, self.wake)
            return
        late, leases, due_s = taken
        for job_id in late:
            self._tally.ended("failed")
            self._news.changed(job_id)
        for lease in leases:
            if self._stopped:
                self._write(lease.fence, Setback(cause="release"), lease)
                continue
            self._start(lease)
        if self._due is not None:
            self._due.cancel()
        pause = POLL_S if due_s is None else min(POLL_S, due_s + 0.001)
        self._due = self._loop.call_later(pause, self.wake)
        if leases or self._again:
            self.wake()

    def _start(self, lease: Lease) -> None:
        found = self._find(lease.method, lease.path)
        if found is None:
            text = f"This endpoint has no {lease.method} {lease.path} any more."
            body = msgspec.json.encode({"detail": text, "code": "not_provided"})
            self._write(
                lease.fence, Outcome(state="failed", status=404, body=body, code="not_provided", error=text), lease
            )
            return
        index, error_key = found
        call = JobCall(
            self, lease, RunPlan(index, lease.meta, lease.id.encode(), error_key), self._rules.most_result_bytes
        )
        self.running[lease.fence] = call
        self._tally.started()
        self._news.changed(lease.id)
        if lease.blob:
            call.make_exchange(b"", None)
            self._follow(self._load(call))
        else:
            self._submit(call, lease.body)

    async def _load(self, call: JobCall) -> None:
        try:
            body = await asyncio.to_thread(self._blobs.get, call.lease.blob)
        except OSError as error:
            text = f"The input of this job could not be read: {error.strerror}."
            call.end(Attempt(status=500, code="internal_error", error=text, cause="failure"))
            return
        if not call.over:
            self._submit(call, body)

    def _submit(self, call: JobCall, body: bytes) -> None:
        extent: Extent | None = None
        if len(body) > FRAME_BYTES:
            try:
                extent = self._allocate(len(body))
                extent.view[:] = body
                body = b""
            except OSError:
                extent = None  # it goes in the frame, more slowly
        exchange = call.make_exchange(body, extent)
        call.timer = self._loop.call_later(self._rules.timeout_s, self._late, call)
        self._send(call, exchange)

    def _send(self, call: JobCall, exchange: Exchange) -> None:
        self._endpoint.submit(exchange)

    # -- what the calls tell (their Caller)

    def ended(self, call: JobCall, attempt: Attempt) -> None:
        """An attempt is over: write down what becomes of its job."""
        if call.timer is not None:
            call.timer.cancel()
        lease = call.lease
        took = monotonic_ns() - call.exchange.received_ns
        self._long_ns = max(took, (self._long_ns * 4 + took) // 5)
        tries = self._rules.tries
        if lease.origin in self._rules.single:
            tries = Tries(failures=1, crashes=tries.crashes)
        if attempt.cause == "failure" or attempt.status >= 500:
            self._loop.call_later(
                0.01, self._judge_with_output, call, attempt, tries
            )  # its last lines are on their way
        else:
            self._judge(lease, attempt, tries)

    def _judge_with_output(self, call: JobCall, attempt: Attempt, tries: Tries) -> None:
        link = call.exchange.link
        output = getattr(link, "output", None)
        if output is not None and not attempt.last_output:
            attempt = msgspec.structs.replace(attempt, last_output=output.tail())
        self._judge(call.lease, attempt, tries)

    def _judge(self, lease: Lease, attempt: Attempt, tries: Tries) -> None:
        ending = judge(lease, attempt, tries, random.uniform)
        if isinstance(ending, Outcome) and len(ending.body) > self._rules.inline_bytes:
            self._follow(self._write_large(lease, ending))
        else:
            self._write(lease.fence, ending, lease)

    async def _write_large(self, lease: Lease, outcome: Outcome) -> None:
        while True:
            try:
                name = await asyncio.to_thread(self._blobs.put, outcome.body)
                break
            except OSError:
                await asyncio.sleep(REWRITE_S)
        size = len(outcome.body)
        self._write(lease.fence, msgspec.structs.replace(outcome, body=b"", blob=name, body_bytes=size), lease)

    def _write(self, fence: Fence, ending: Outcome | Setback, lease: Lease) -> None:
        """Write an attempt's end, as often as it takes: until then the lease is kept, so that nobody runs it again."""

        step = self._steps.pop(fence, None)

        def operation(store: Store) -> bool:
            if step is not None:
                store.progress(fence, *step)
            return store.finish(fence, ending) if isinstance(ending, Outcome) else store.set_back(fence, ending)

        def done(held: Any, error: BaseException | None) -> None:
            if error is not None:
                if not isinstance(error, StorageFull):
                    self._tally.trouble(f"job {lease.id} could not be written: {error!r}")
                if not self._stopped:
                    self._loop.call_later(REWRITE_S, self._write, fence, ending, lease)
                return
            self.running.pop(fence, None)
            if not held:
                self._tally.refused(lease.id)
            elif isinstance(ending, Outcome):
                self._tally.ended(ending.state)
            else:
                self._tally.set_back(ending.cause)
            self._news.changed(lease.id)
            self.wake()

        self._desk.write(operation, done)

    def moved(self, call: JobCall, fraction: float | None, text: str) -> None:
        """Progress: told at once to who listens, and written a few times a second."""
        first = not self._steps
        self._steps[call.lease.fence] = (fraction, text)
        self._news.progress(call.lease.id, fraction, text)
        if first:
            self._loop.call_later(PROGRESS_S, self._write_steps)

    def _write_steps(self) -> None:
        steps, self._steps = self._steps, {}

        def operation(store: Store) -> None:
            for fence, (fraction, text) in steps.items():
                store.progress(fence, fraction, text)

        if steps:
            self._desk.write(operation, _ignore)

    # -- giving up

    def recall(self) -> None:
        """Take back what was sent ahead and waits behind a call that takes long: another worker may have room."""
        oldest = monotonic_ns() - RECALL_NS
        for call in list(self.running.values()):
            exchange = call.exchange
            if not call.over and exchange.received_ns < oldest and exchange.link is not None and _not_begun(call):
                self._take_back(call)

    def _take_back(self, call: JobCall) -> None:
        call.end(Attempt(status=503, cause="release"))
        self._endpoint.cancel(call.exchange)

    def _late(self, call: JobCall) -> None:
        if _not_begun(call):  # the time is another's
            self._take_back(call)
        else:
            self._too_late(call)

    def _too_late(self, call: JobCall) -> None:
        text = f"No answer within {self._rules.timeout_s:g} s (job_timeout)."
        body = msgspec.json.encode({"detail": text, "code": "deadline_exceeded"})
        headers = (("content-type", "application/json"),)
        call.end(Attempt(status=504, headers=headers, body=body, code="deadline_exceeded", error=text, cause="failure"))
        self._abandon(call)

    def drop(self, job_id: str) -> None:
        """A job was cancelled: stop its call, if it runs here."""
        for fence, call in list(self.running.items()):
            if call.lease.id == job_id:
                del self.running[fence]
                self._give_up(call)

    def lose(self, fence: Fence) -> None:
        """Somebody else has the job now: whatever this call gives is not wanted."""
        call = self.running.pop(fence, None)
        if call is not None:
            self._tally.refused(call.lease.id)
            self._give_up(call)

    def _give_up(self, call: JobCall) -> None:
        call.over = True
        if call.timer is not None:
            call.timer.cancel()
        self._abandon(call)
        self.wake()

    def _abandon(self, call: JobCall) -> None:
        exchange = call.exchange
        link = exchange.link
        self._endpoint.cancel(exchange)
        if link is not None:
            self._loop.call_later(KILL_AFTER_S, self._end_worker, link, exchange)

    def _end_worker(self, link: Link, exchange: Exchange) -> None:
        """A plain function cannot be stopped from outside. If it still runs and nobody else's call does beside it, its
        worker is replaced; the slot would be gone for good otherwise."""
        if link.pending.get(exchange.call_id) is not exchange:
            return
        if all(other.abandoned or other is exchange for other in link.pending.values()):
            self._tally.trouble(f"a job that was given up still runs: its worker {link.process.pid} is ended")
            link.process.kill()
        else:
            self._loop.call_later(KILL_AFTER_S, self._end_worker, link, exchange)

    # -- leases

    def renew(self) -> None:
        """Keep the leases of everything that runs here."""
        fences = list(self.running)
        if fences:
            self._desk.write(lambda store: store.renew(fences), self._renewed)

    def _renewed(self, lost: Any, error: BaseException | None) -> None:
        for fence in lost or ():
            self.lose(fence)

    # -- the end

    def pause(self) -> None:
        """Take no more jobs."""
        self._stopped = True
        if self._due is not None:
            self._due.cancel()

    async def release(self) -> None:
        """Give back what still runs: it costs the job nothing."""
        self.pause()
        calls = list(self.running.items())
        self.running.clear()
        unfinished = [fence for fence, call in calls if not call.over]
        for _, call in calls:
            if not call.over:
                self._give_up(call)
        if unfinished:

            def operation(store: Store) -> None:
                for fence in unfinished:
                    store.set_back(fence, Setback(cause="release"))

            await self._desk.wrote(operation)

    @property
    def busy(self) -> bool:
        """Whether a job runs here."""
        return bool(self.running)

    def _follow(self, work: Any) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _not_begun(call: JobCall) -> bool:
    """Whether a call still waits: in the endpoint's queue, or in its worker behind another one."""
    link = call.exchange.link
    return link is None or link.never_started(call.exchange)


def _ignore(result: Any, error: BaseException | None) -> None:
    """Progress that could not be written is written with the next step."""
