"""Keeps an endpoint's workers alive: starts them, listens to what they say, replaces those that die.

How many there are to be is said by `resize`, at any time, none included: what is missing is started, what is too much
is retired when it is idle. A busy worker is never stopped for its number, and a retired one is given no call.

What becomes of one that ends is in `endings.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from time import monotonic_ns
from typing import TYPE_CHECKING, Any

from hotplate.contract.codec import decode_contract
from hotplate.contract.limits import capacity_of
from hotplate.errors import HotplateError, WireError
from hotplate.server import hung
from hotplate.server.endings import Endings
from hotplate.server.endpoint import Endpoint
from hotplate.server.log import Log
from hotplate.server.output import Output
from hotplate.server.process import Process, StartFailed
from hotplate.server.replica import DOING, Counts, Replica, ReplicaState
from hotplate.wire import frames
from hotplate.wire.failure import Failure, decode_failure

if TYPE_CHECKING:
    from hotplate.edge.exchange import Exchange
    from hotplate.server.link import Link
    from hotplate.server.links import AnyLink, AnyProcess

RETIRE_GRACE_S = 30.0
LOADING_GRACE_S = 1.0


class Pool:
    """The workers of one endpoint. `capacity` is how many calls one of them takes at a time.

    `spawn(number)` starts a process, at once or in a while. `on_contract` is called when a contract arrives,
    `on_ready` when a worker runs. `on_failed(failure)` is called when a worker that has to run for the first time
    cannot; then the pool stops, or, with `keep_trying`, goes on with backoff as after any death.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        log: Log,
        *,
        size: int,
        slots: int | None,
        setup_timeout_s: float,
        id_prefix: str,
        replica_header: bytes,
        spawn: Callable[[int], AnyProcess | Awaitable[AnyProcess]],
        on_contract: Callable[[], None],
        on_failed: Callable[[Failure], None],
        on_ready: Callable[[], None],
        keep_trying: bool = False,
    ) -> None:
        self.endpoint = endpoint
        self.log = log
        self.size = size
        self.capacity = 1
        self.workers: list[Replica] = []
        self.stopping = False
        self.ever_ready = False
        self.endings = Endings(self, on_failed, keep_trying=keep_trying)
        self.hear: Callable[[str, str, str], None] | None = None
        self.overhear: Callable[[int, int, bytes, bytes], None] | None = None
        self._slots = slots
        self._setup_timeout_s = setup_timeout_s
        self._id_prefix = id_prefix
        self._replica_header = replica_header
        self._spawn = spawn
        self._on_contract = on_contract
        self._on_ready = on_ready
        self._number = 0
        self._contract: bytes = b""
        self._making: set[asyncio.Task[Any]] = set()  # each makes a process that is not there yet
        self._tasks: set[asyncio.Task[Any]] = set()
        self._firsts: dict[AnyLink, Replica] = {}  # those that have calls and have answered none yet
        self._surplus = False

    # -- how many

    def resize(self, size: int) -> Awaitable[Any]:
        """Have `size` workers from now on. It acts at once; what it gives can be awaited until they are started."""
        self.size = size
        started = asyncio.gather(*self.fill())
        started.add_done_callback(self._not_started)
        return started

    def try_now(self) -> None:
        """Start what is missing without waiting for the end of a pause after deaths."""
        if self.endings.call_off():
            self.fill()

    def _not_started(self, started: asyncio.Future[Any]) -> None:
        """Say what nobody may be waiting to hear. A start that was called off (the endpoint is gone) is no news."""
        error = None if started.cancelled() else started.exception()
        if error is not None and not isinstance(error, asyncio.CancelledError):
            self.log.error(f"A worker could not be started: {error!r}")

    def counts(self) -> Counts:
        """How many workers there are, by what they do."""
        live = [worker for worker in self.workers if not worker.stopping]
        running = [worker for worker in live if worker.running]
        idle = sum(worker.idle for worker in running)
        return Counts(
            starting=len(live) - len(running) + len(self._making),
            ready=idle,
            busy=len(running) - idle,
            stopping=len(self.workers) - len(live),
        )

    def replicas(self) -> list[ReplicaState]:
        """What is told of each worker."""
        return [worker.describe() for worker in self.workers]

    def fill(self) -> list[asyncio.Task[Any]]:
        """Start what is missing; retire what is too much and idle."""
        if self.stopping:
            return []
        missing = self.size - self.counts().live
        self._surplus = missing < 0
        if missing < 0:
            idle = [worker for worker in reversed(self.workers) if worker.idle]
            for worker in idle[:-missing]:
                self._withdraw(worker)
                self._spawn_task(self.retire(worker, RETIRE_GRACE_S))
            self._surplus = len(idle) < -missing  # the rest when they are idle: see `freed`
        elif not self.endings.pausing:
            tasks = [self._spawn_task(self.start()) for _ in range(missing)]
            self._making.update(tasks)
            return tasks
        return []

    def _spawn_task(self, coroutine: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    # -- starting

    async def adopt(self, processes: list[Process]) -> None:
        """Take over workers that were started before the loop was there."""
        for process in processes:
            self._number += 1
            await self._attach(self._number, process, monotonic_ns())

    async def start(self) -> Replica | None:
        """Start one more worker."""
        asked = monotonic_ns()
        self._number += 1
        number = self._number
        task = asyncio.current_task()
        assert task is not None
        self._making.add(task)
        try:
            made = self._spawn(number)
            process = await made if isinstance(made, Awaitable) else made
        except OSError as error:
            self._making.discard(task)
            self.log.error(f"A worker could not be started: {error.strerror}")
            self.endings.not_started()
            return None
        except (StartFailed, HotplateError) as error:  # such as a secret that cannot be opened
            self._making.discard(task)
            self.endings.unborn(error.failure if isinstance(error, StartFailed) else Failure(error.message))
            return None
        finally:
            self._making.discard(task)  # from here on it is counted as a worker
        return await self._attach(number, process, asked)

    async def _attach(self, number: int, process: AnyProcess, asked_ns: int) -> Replica:
        loop = asyncio.get_running_loop()
        link = process.make_link(
            self,
            number,
            id_prefix=f"{self._id_prefix}-{number}-",
            replica_header=self._replica_header,
            loop=loop,
        )
        link.capacity = link.window = self.capacity
        output = process.output or Output(self.log, number)
        output.number = number
        output.running = link.running_id
        output.hear = self.hear
        link.output = output
        worker = Replica(number, process, link, output, asked_ns)
        self.workers.append(worker)
        worker.setup_timer = loop.call_later(self._setup_timeout_s, self._setup_took_too_long, worker)
        await process.attach(loop, link, output)  # pyright: ignore[reportArgumentType] - of one kind, as made above
        process.watch(loop, lambda status: self._exited(worker, status))
        return worker

    def _setup_took_too_long(self, worker: Replica) -> None:
        limit = f"{self._setup_timeout_s:g} s"
        what = "setup() did not end" if worker.state == "SETUP_SERVICE" else "The project did not load"
        worker.failure = Failure(
            f"{what} within {limit}.", hint="Raise setup_timeout (--setup-timeout 10m) if the model needs longer."
        )
        worker.process.kill()

    # -- what workers say (the Owner of each Link)

    def freed(self, link: AnyLink) -> None:
        """A worker has room: give it what waits."""
        if self.endpoint.waiting:
            self.endpoint.pump(link)
        if self._firsts and link in self._firsts:
            self._answered(self._firsts[link])
        if self._surplus and not link.pending:
            self.fill()

    def told(self, link: AnyLink, kind: int, code: int, meta: bytes, body: bytes) -> None:
        """Follow a worker through its start."""
        if self.overhear is not None:
            self.overhear(kind, code, meta, body)
        worker = self._worker(link)
        if kind == frames.HELLO:
            version = frames.decode_any(meta).get("version")
            if version != frames.VERSION:
                raise WireError(f"The worker speaks version {version} of the wire, the server {frames.VERSION}.")
        elif kind == frames.CONTRACT:
            self._take_contract(link, body)
        elif kind == frames.STATE:
            at_ns = int.from_bytes(body, "little") or monotonic_ns()
            self._state(worker, frames.STATES[code], at_ns)
        elif kind == frames.METRIC:
            self.endpoint.counted.add(frames.decode_sample(meta))
        elif kind == frames.FAILED:
            worker.failure = decode_failure(body)
            if worker.stopping or self.stopping:  # on_server_shutdown: nothing else would tell
                self.log.block(worker.failure.text())
        else:
            raise WireError(f"A frame of kind {kind} came from worker {worker.number}.")

    def _take_contract(self, link: AnyLink, body: bytes) -> None:
        """Every worker of a revision says the same: only what is new is looked at."""
        if body != self._contract:
            contract = decode_contract(body)
            self._contract = body
            self.capacity = capacity_of(contract, self._slots)
            self.endpoint.contract = contract
            self._on_contract()
        link.capacity = link.window = self.capacity

    def batched(self, link: AnyLink, route: int, items: int) -> None:
        """Count a batch by its size."""
        if self.overhear is not None:
            self.overhear(frames.BATCH, items, b"", route.to_bytes(4, "little"))
        self.endpoint.routes[route].observe_batch(items)

    def given_up(self, link: Link, exchange: Exchange) -> None:
        """See that the worker comes back from a call for which nobody waits."""
        hung.watch(self, link, exchange)

    def _state(self, worker: Replica, state: str, at_ns: int) -> None:
        self.log.info(f"status: State.{worker.state} -> State.{state}", worker=worker.number)
        worker.reached(state, at_ns)
        if state == "RUNNING":
            if worker.stopping:
                return
            worker.link.ready = True
            worker.link.running_ns = at_ns
            self.endpoint.state = state
            self.endpoint.trouble = ""
            self.endpoint.join(worker.link)
            if worker.link.pending:
                worker.first = next(iter(worker.link.pending.values()))
                self._firsts[worker.link] = worker
            self.endpoint.cold_starts.started(worker)
            if self.ever_ready or len(self.endpoint.links) >= self.size:
                self.ever_ready = True
                self._on_ready()
            if self.counts().live > self.size:
                self.fill()
        elif not self.endpoint.links and not self.ever_ready:
            self.endpoint.state = state

    def _answered(self, worker: Replica) -> None:
        """Note the time of a new worker's first answer, if there was one by now."""
        if self.endpoint.cold_starts.answered(worker):
            self._firsts.pop(worker.link)

    def lost(self, link: AnyLink) -> None:
        """The socket closed; the process's end tells the rest."""

    def _worker(self, link: AnyLink) -> Replica:
        return next(worker for worker in self.workers if worker.link is link)

    # -- when one ends

    def _exited(self, worker: Replica, status: int) -> None:
        worker.process.kill()  # what it started goes with it
        self.endpoint.leave(worker.link)
        if worker in self.workers:
            self.workers.remove(worker)
        self._firsts.pop(worker.link, None)
        if worker.setup_timer is not None:
            worker.setup_timer.cancel()
        worker.after_answers(lambda: self.endings.settle(worker, status))

    # -- replacing and stopping

    async def replace_all(self) -> None:
        """New workers first, then the old ones drain: the project's files have changed."""
        old = list(self.workers)
        for _ in range(self.size):
            worker = await self.start()
            if worker is None:
                return
        for worker in old:
            await self.retire(worker, RETIRE_GRACE_S)

    def withdraw(self, link: AnyLink) -> None:
        """A worker will end soon: it is given no more calls, and another one takes its place."""
        self._withdraw(self._worker(link))
        self.fill()

    def _withdraw(self, worker: Replica) -> None:
        """Give a worker no more calls."""
        worker.stopping = True
        self.endpoint.leave(worker.link)

    async def retire(self, worker: Replica, grace_s: float) -> None:
        """Let a worker finish its calls and end."""
        self._withdraw(worker)
        worker.link.shut_down()
        try:
            await asyncio.wait_for(asyncio.shield(worker.ended), grace_s)
        except TimeoutError:
            worker.process.kill()
            await worker.ended

    def call_off(self) -> None:
        """Make no more of the workers that are not there yet."""
        self.stopping = True
        self.endings.call_off()
        for task in self._making:
            task.cancel()

    async def stop(self, grace_s: float) -> None:
        """End all workers."""
        self.call_off()
        await asyncio.gather(*self._making, return_exceptions=True)
        # What is still loading has no call to finish, and does not listen: the author's code may load for minutes.
        loading = min(grace_s, LOADING_GRACE_S)
        await asyncio.gather(
            *(self.retire(each, loading if each.state in DOING else grace_s) for each in list(self.workers))
        )
