"""Keeps an endpoint's workers alive: starts them, listens to what they say, replaces those that die.

A worker that dies before it ever ran ends the start with the author's own words. One that dies later is replaced
with backoff; five deaths in a minute make the endpoint say why it is down, and the tries go on more slowly.
"""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Callable
from time import monotonic

from hotplate.contract.codec import decode_contract
from hotplate.contract.limits import capacity_of
from hotplate.edge.exchange import Exchange
from hotplate.errors import WireError
from hotplate.server.endpoint import Endpoint
from hotplate.server.link import Link
from hotplate.server.log import Log
from hotplate.server.output import Output
from hotplate.server.process import Process, describe_exit
from hotplate.wire import frames
from hotplate.wire.failure import Failure, decode_failure

BACKOFF_FIRST_S = 0.5
BACKOFF_MOST_S = 30.0
CRASHES = 5
CRASH_WINDOW_S = 60.0
DOING = {
    "UNINITIALIZED": "while it started",
    "LAUNCH_PREDICT_LOOP": "while it loaded the project",
    "SETUP_SERVICE": "in setup()",
}
"""What a worker does in each state before it runs."""


class Worker:
    """One worker as the pool sees it."""

    def __init__(self, number: int, process: Process, link: Link, output: Output) -> None:
        self.number = number
        self.process = process
        self.link = link
        self.output = output
        self.state = frames.STATES[0]
        self.failure: Failure | None = None
        self.stopping = False
        self.begun = monotonic()
        self.ended = asyncio.get_running_loop().create_future()
        self.setup_timer: asyncio.TimerHandle | None = None


class Pool:
    """The workers of one endpoint.

    `spawn(number)` starts a process. `on_contract` is called when a contract arrives, `on_failed(failure)` when a
    worker that has to run for the first time cannot.
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
        spawn: Callable[[int], Process],
        on_contract: Callable[[], None],
        on_failed: Callable[[Failure], None],
        on_ready: Callable[[], None],
    ) -> None:
        self.endpoint = endpoint
        self.log = log
        self.size = size
        self.workers: list[Worker] = []
        self.stopping = False
        self._slots = slots
        self._setup_timeout_s = setup_timeout_s
        self._id_prefix = id_prefix
        self._replica_header = replica_header
        self._spawn = spawn
        self._on_contract = on_contract
        self._on_failed = on_failed
        self._on_ready = on_ready
        self._crashes: deque[float] = deque(maxlen=CRASHES)
        self._ever_ready = False
        self._number = 0
        self._retry: asyncio.TimerHandle | None = None
        self._starting: asyncio.Task[Worker | None] | None = None

    # -- starting

    async def adopt(self, processes: list[Process]) -> None:
        """Take over workers that were started before the loop was there."""
        for process in processes:
            self._number += 1
            await self._attach(self._number, process)

    async def start(self) -> Worker | None:
        """Start one more worker."""
        self._number += 1
        try:
            process = self._spawn(self._number)
        except OSError as error:
            self.log.error(f"A worker could not be started: {error.strerror}")
            self._replace_later()
            return None
        return await self._attach(self._number, process)

    async def _attach(self, number: int, process: Process) -> Worker:
        loop = asyncio.get_running_loop()
        link = Link(
            self,
            process,
            number,
            id_prefix=f"{self._id_prefix}-{number}-",
            replica_header=self._replica_header,
            loop=loop,
        )
        link.output = output = Output(self.log, number)
        worker = Worker(number, process, link, output)
        self.workers.append(worker)
        worker.setup_timer = loop.call_later(self._setup_timeout_s, self._setup_took_too_long, worker)
        await output.attach(loop, process.stdout, process.stderr)
        await loop.create_connection(lambda: link, sock=process.socket)
        self._watch(loop, worker)
        return worker

    def _watch(self, loop: asyncio.AbstractEventLoop, worker: Worker) -> None:
        """Learn of the process's end, even while a child of it holds the socket open."""
        if hasattr(os, "pidfd_open"):
            fd = os.pidfd_open(worker.process.pid)

            def exited() -> None:
                loop.remove_reader(fd)
                os.close(fd)
                self._exited(worker, os.waitpid(worker.process.pid, 0)[1])

            loop.add_reader(fd, exited)
        else:

            def poll() -> None:
                pid, status = os.waitpid(worker.process.pid, os.WNOHANG)
                if pid:
                    self._exited(worker, status)
                else:
                    loop.call_later(0.05, poll)

            poll()

    def _setup_took_too_long(self, worker: Worker) -> None:
        limit = f"{self._setup_timeout_s:g} s"
        what = "setup() did not end" if worker.state == "SETUP_SERVICE" else "The project did not load"
        worker.failure = Failure(
            f"{what} within {limit}.", hint="Raise setup_timeout (--setup-timeout 10m) if the model needs longer."
        )
        worker.process.kill()

    # -- what workers say (the Owner of each Link)

    def freed(self, link: Link) -> None:
        """A worker has room: give it what waits."""
        if self.endpoint.waiting:
            self.endpoint.pump(link)

    def told(self, link: Link, kind: int, code: int, meta: bytes, body: bytes) -> None:
        """Follow a worker through its start."""
        worker = self._worker(link)
        if kind == frames.HELLO:
            version = frames.decode_any(meta).get("version")
            if version != frames.VERSION:
                raise WireError(f"The worker speaks version {version} of the wire, the server {frames.VERSION}.")
        elif kind == frames.CONTRACT:
            contract = decode_contract(body)
            link.capacity = capacity_of(contract, self._slots)
            link.window = link.capacity
            self.endpoint.contract = contract
            self._on_contract()
        elif kind == frames.STATE:
            self._state(worker, frames.STATES[code])
        elif kind == frames.METRIC:
            self.endpoint.counted.add(frames.decode_sample(meta))
        elif kind == frames.FAILED:
            worker.failure = decode_failure(body)
            if worker.stopping or self.stopping:  # on_server_shutdown: nothing else would tell
                self.log.block(worker.failure.text())
        else:
            raise WireError(f"A frame of kind {kind} came from worker {worker.number}.")

    def batched(self, link: Link, route: int, items: int) -> None:
        """Count a batch by its size."""
        self.endpoint.routes[route].observe_batch(items)

    def _state(self, worker: Worker, state: str) -> None:
        self.log.info(f"status: State.{worker.state} -> State.{state}", worker=worker.number)
        worker.state = state
        if state == "RUNNING":
            if worker.setup_timer is not None:
                worker.setup_timer.cancel()
            worker.link.ready = True
            self.endpoint.state = state
            self.endpoint.trouble = ""
            self.endpoint.join(worker.link)
            if not self._ever_ready and len(self.endpoint.links) >= self.size:
                self._ever_ready = True
                self._on_ready()
            elif self._ever_ready:
                self._on_ready()
        elif not self.endpoint.links and not self._ever_ready:
            self.endpoint.state = state

    def lost(self, link: Link) -> None:
        """The socket closed; the process's end tells the rest."""

    def _worker(self, link: Link) -> Worker:
        return next(worker for worker in self.workers if worker.link is link)

    # -- when one ends

    def _exited(self, worker: Worker, status: int) -> None:
        worker.process.kill()  # what it started goes with it
        self.endpoint.leave(worker.link)
        if worker in self.workers:
            self.workers.remove(worker)
        if worker.setup_timer is not None:
            worker.setup_timer.cancel()
        # Answers that the worker sent before it died are still in the socket: let the loop read them first.
        asyncio.get_running_loop().call_soon(self._settle, worker, status, 3)

    def _settle(self, worker: Worker, status: int, turns: int) -> None:
        if turns and not worker.link.closed:
            asyncio.get_running_loop().call_later(0.005, self._settle, worker, status, turns - 1)
            return
        worker.output.close()
        lost = self._fail_calls(worker.link, f"{worker.output.tail()}\n(the worker {describe_exit(status)})".lstrip())
        worker.link.closed = True
        worker.link.transport.abort()
        worker.process.close()
        if not worker.ended.done():
            worker.ended.set_result(None)
        if worker.stopping or self.stopping:
            return
        self._died(worker, status, lost)

    def _fail_calls(self, link: Link, last_output: str) -> int:
        """Answer the calls that ran; put those that had not begun back into the queue."""
        again: list[Exchange] = []
        lost = 0
        for exchange in list(link.pending.values()):
            if exchange.abandoned:
                if exchange.extent is not None:
                    exchange.extent.free()
            elif exchange.streaming:
                lost += 1
                exchange.connection.close_stream(exchange, 502, whole=False)
            elif link.never_started(exchange):
                again.append(exchange)
            else:
                lost += 1
                self.endpoint.refuse(
                    exchange,
                    "worker_lost",
                    "The worker process died while it ran this call. It is being replaced; try again.",
                    last_output,
                )
                if exchange.extent is not None:
                    exchange.extent.free()
        link.pending.clear()
        self.endpoint.lost_calls += lost
        if again:
            self.endpoint.requeue(again)
        return lost

    def _died(self, worker: Worker, status: int, lost: int) -> None:
        how = describe_exit(status)
        if worker.state != "RUNNING" and not self._ever_ready:
            self.stopping = True
            self._on_failed(worker.failure or Failure(f"The worker {how} {DOING[worker.state]}."))
            return
        self.log.error(
            f"worker {worker.number} {how}" + (f" while it ran {lost} call{'s' * (lost != 1)}" if lost else ""),
            worker=worker.number,
            last_output=worker.output.tail(),
        )
        if worker.failure:
            self.log.block(worker.failure.text())
        self._crashes.append(monotonic())
        self.endpoint.restarts += 1
        if not self.endpoint.links and len(self.workers) == 0 and self._looping():
            self.endpoint.trouble = f"The worker keeps dying: it {how} {CRASHES} times within a minute."
            self.endpoint.state = "CRASH_LOOPING"
            self.endpoint.fail_waiting("unavailable", self.endpoint.trouble)
        self._replace_later()

    def _looping(self) -> bool:
        return len(self._crashes) == CRASHES and monotonic() - self._crashes[0] < CRASH_WINDOW_S

    def _replace_later(self) -> None:
        now = monotonic()
        recent = sum(1 for crash in self._crashes if now - crash < CRASH_WINDOW_S)
        delay = 0.0 if recent <= 1 else min(BACKOFF_MOST_S, BACKOFF_FIRST_S * 2 ** (recent - 2))
        if self._looping():
            delay = BACKOFF_MOST_S / 3
        loop = asyncio.get_running_loop()

        def again() -> None:
            if not self.stopping and len(self.workers) < self.size:
                self._starting = loop.create_task(self.start())

        self._retry = loop.call_later(delay, again)

    # -- replacing and stopping

    async def replace_all(self) -> None:
        """New workers first, then the old ones drain: the project's files have changed."""
        old = list(self.workers)
        for _ in range(self.size):
            worker = await self.start()
            if worker is None:
                return
        for worker in old:
            await self.retire(worker, grace_s=30.0)

    async def retire(self, worker: Worker, grace_s: float) -> None:
        """Let a worker finish its calls and end."""
        worker.stopping = True
        self.endpoint.leave(worker.link)
        worker.link.shut_down()
        try:
            await asyncio.wait_for(asyncio.shield(worker.ended), grace_s)
        except TimeoutError:
            worker.process.kill()
            await worker.ended

    async def stop(self, grace_s: float) -> None:
        """End all workers."""
        self.stopping = True
        if self._retry is not None:
            self._retry.cancel()
        await asyncio.gather(*(self.retire(worker, grace_s) for worker in list(self.workers)))
