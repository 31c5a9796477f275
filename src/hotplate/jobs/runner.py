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
from typing import TYPE_CHECKING, Any

import msgspec

from hotplate.edge.exchange import Exchange, Extent
from hotplate.errors import StorageFull
from hotplate.jobs.blobs import BlobStore
from hotplate.jobs.call import JobCall, RunPlan
from hotplate.jobs.desk import Desk
from hotplate.jobs.logs import JobLogs
from hotplate.jobs.records import Fence, Lease, Outcome, Setback
from hotplate.jobs.replacing import end_later
from hotplate.jobs.rules import Endpoint, Rules
from hotplate.jobs.steps import Steps
from hotplate.jobs.store import Store
from hotplate.jobs.tally import Tally
from hotplate.jobs.verdict import Attempt, Tries, judge
from hotplate.wire.frames import INLINE_BYTES as FRAME_BYTES

if TYPE_CHECKING:
    from hotplate.jobs.news import News

AGAIN_S = 1.0
"""How long after a lease that failed to try again."""
REWRITE_S = 1.0
"""How long after a failed write of a result to try again. The lease is kept meanwhile."""
PATIENCE = 60
"""How often a job goes back because this server has no such route: the revision that has it may be on its way here."""
MOST_WAIT_S = 3600.0
MOST_HEARD = 1000
RECALL_NS = 1_000_000_000
"""What was sent ahead and has not begun after this long is taken back."""
QUICK_NS = 5_000_000
AHEAD = 16
"""Where jobs are shorter than this, so many are leased ahead of free slots: enough to fill a flush of the store. Where
they are longer none is, since a job that waits in a worker cannot be given to another one."""
ASSUMED_NS = 10_000_000


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
        blobs: BlobStore,
        allocate: Callable[[int], Extent],
        news: News,
        tally: Tally,
        logs: JobLogs,
    ) -> None:
        self.running: dict[Fence, JobCall] = {}
        self._desk = desk
        self._endpoint = endpoint
        self._name = name
        self._owner = owner
        self.rules = rules
        self._blobs = blobs
        self._allocate = allocate
        self._news = news
        self._tally = tally
        self._logs = logs
        self._heard: dict[str, None] = {}  # the last jobs that began here
        self._loop = asyncio.get_running_loop()
        self._asking = False
        self._again = False
        self._stopped = False
        self._long_ns = ASSUMED_NS  # the longest of the last jobs, more or less
        self._due: asyncio.TimerHandle | None = None
        self._steps = Steps(desk, news)
        self._tasks: set[asyncio.Task[None]] = set()

    # -- taking jobs

    def wake(self) -> None:
        """There may be something to take: a job came, a slot came free, a retry is due."""
        if self._stopped or not self._endpoint.parts:
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

        self._desk.write(take, lambda taken, error: self._took(taken, error, room))

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

    def _took(self, taken: Any, error: BaseException | None, room: int = 0) -> None:
        self._asking = False
        if error is not None:
            self._loop.call_later(AGAIN_S, self.wake)
            return
        late, leases, due_s = taken
        for job_id in late:
            self._tally.ended("failed")
            self._news.changed(job_id)
        for lease in leases:
            if self._stopped or not self._endpoint.parts:
                self._write(lease.fence, Setback(cause="release"), lease)
                continue
            self._start(lease)
        if self._due is not None:
            self._due.cancel()
        if due_s is not None:
            self._due = self._loop.call_later(min(due_s + 0.001, MOST_WAIT_S), self.wake)
        if len(leases) < room:
            self._nothing_else()
        if leases or self._again:
            self.wake()

    def _nothing_else(self) -> None:
        """Nothing else is due: that is news for the autoscaler."""
        self._endpoint.expect(0)

    def _start(self, lease: Lease) -> None:
        found = self._endpoint.find(lease.method, lease.path)
        if found is None and self.rules.strangers and lease.fence.attempt < PATIENCE:
            self._write(lease.fence, Setback(cause="release", delay_s=AGAIN_S), lease)
            return
        if found is None:
            text = f"This endpoint has no {lease.method} {lease.path} any more."
            body = msgspec.json.encode({"detail": text, "code": "not_provided"})
            self._write(
                lease.fence, Outcome(state="failed", status=404, body=body, code="not_provided", error=text), lease
            )
            return
        plan = RunPlan(found, lease.meta, lease.id.encode(), self._endpoint.submit)
        call = JobCall(self, lease, plan, self.rules.most_result_bytes)
        self.running[lease.fence] = call
        self._begin_log(lease)
        self._tally.started()
        self._news.changed(lease.id)
        if lease.blob:
            call.make_exchange(b"", None)
            self._follow(self._load(call))
        else:
            self._submit(call, lease.body)

    def _begin_log(self, lease: Lease) -> None:
        self._heard.pop(lease.id, None)
        self._heard[lease.id] = None
        if len(self._heard) > MOST_HEARD + len(self.running):
            gone = next(iter(self._heard))
            del self._heard[gone]
            self._logs.ended(self._name, gone)
        if lease.fence.attempt > 1:
            self._logs.line(self._name, lease.id, "hotplate", f"attempt {lease.fence.attempt}")

    def hear(self, stream: str, text: str, request_id: str) -> None:
        """A worker printed a line. It may come a moment after the end of the call that printed it."""
        if request_id in self._heard:
            self._logs.line(self._name, request_id, stream, self._endpoint.mask(text))

    async def _load(self, call: JobCall) -> None:
        try:
            body = await asyncio.to_thread(self._blobs.get, call.lease.blob)
        except OSError as error:
            gone = isinstance(error, FileNotFoundError)
            text = f"The input of this job could not be read: {error.strerror}."
            # What cannot be read now may be read later: that costs the job nothing.
            call.end(Attempt(status=500, code="internal_error", error=text, cause="failure" if gone else "release"))
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
        call.timer = self._loop.call_later(self.rules.timeout_s, self._late, call)
        self._send(call, exchange)

    def _send(self, call: JobCall, exchange: Exchange) -> None:
        self._endpoint.submit(exchange)

    # -- what the calls tell (their Caller)

    def ended(self, call: JobCall, attempt: Attempt) -> None:
        """An attempt is over: write down what becomes of its job."""
        lease = call.lease
        took = monotonic_ns() - call.exchange.received_ns
        if attempt.cause != "release":
            self._tally.took(took / 1e9)
        self._long_ns = max(took, (self._long_ns * 4 + took) // 5)
        tries = self.rules.tries
        if lease.origin in self.rules.single:
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
        if attempt.last_output:
            attempt = msgspec.structs.replace(attempt, last_output=self._endpoint.mask(attempt.last_output))
        ending = judge(lease, attempt, tries, random.uniform)
        if isinstance(ending, Outcome) and len(ending.body) > self.rules.inline_bytes:
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

        step = self._steps.take(fence)

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
        """An attempt got further."""
        self._steps.moved(call.lease.fence, call.lease.id, fraction, self._endpoint.mask(text))

    def holds_back(self, job_id: str) -> bool:
        """Whether a job was taken here and still waits: in the endpoint's queue, or behind other calls of a worker."""
        return any(call.lease.id == job_id and call.behind for call in self.running.values())

    # -- giving up

    def recall(self) -> None:
        """Take back what was sent ahead and waits behind a call that takes long: another worker may have room."""
        oldest = monotonic_ns() - RECALL_NS
        for call in list(self.running.values()):
            exchange = call.exchange
            if not call.over and exchange.received_ns < oldest and exchange.link is not None and not call.begun:
                self._take_back(call)

    def _take_back(self, call: JobCall) -> None:
        call.end(Attempt(status=503, cause="release"))
        self._endpoint.cancel(call.exchange)

    def _late(self, call: JobCall) -> None:
        if not call.begun:  # the time is another's
            self._take_back(call)
        else:
            self._too_late(call)

    def _too_late(self, call: JobCall) -> None:
        text = f"No answer within {self.rules.timeout_s:g} s (job_timeout)."
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
        call.drop()
        self._abandon(call)
        self.wake()

    def _abandon(self, call: JobCall) -> None:
        exchange = call.exchange
        link = exchange.link
        self._endpoint.cancel(exchange)
        if link is not None:
            end_later(link, exchange, self._tally.trouble)

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
