"""The running server: edge, endpoint and pool on one loop; readiness, signals, drain.

What SIGTERM does, in order: not ready; go on accepting for `drain_delay_s`; stop accepting; finish what is under
way, at most until `grace_s` after the signal, whatever clients do; end the workers; exit 0. A second signal ends
the waiting.
"""

from __future__ import annotations

import asyncio
import signal
import socket
import traceback
from collections.abc import Callable, Coroutine
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

import uvloop

from hotplate import __version__
from hotplate.config.resolve import is_loopback
from hotplate.edge.edge import Edge
from hotplate.edge.exchange import EdgeLimits, Exchange, Plan
from hotplate.edge.head import LOOPBACK_HOSTS, HeadRules, RequestHead
from hotplate.server.access import AccessLog
from hotplate.server.endpoint import Endpoint
from hotplate.server.job_door import JobDoor
from hotplate.server.log import Log
from hotplate.server.memory import Memory, Place, SpillPlace
from hotplate.server.metrics import RouteMetrics
from hotplate.server.pool import Pool
from hotplate.server.preflight import headers
from hotplate.server.process import Process
from hotplate.server.router import CallPlan, Router
from hotplate.server.system import System, replica_header
from hotplate.wire.failure import Failure
from hotplate.wire.frames import INLINE_BYTES

if TYPE_CHECKING:
    from hotplate.config.settings import Settings

TRIM_S = 10.0


class Serving:
    """Everything between a bound socket and an exit status. It is the edge's Handler."""

    def __init__(
        self,
        *,
        settings: Settings,
        log: Log,
        listener: socket.socket,
        memory: Memory,
        id_prefix: str,
        start: Callable[[int], Process],
        entry: str,
        watch: Path | None,
        command: str | None,
        name: str,
        jobs_folder: Path,
    ) -> None:
        self.settings = settings
        self.log = log
        self.memory = memory
        memory.limit = settings.body_memory_bytes
        self.endpoint = Endpoint(queue_size=settings.queue_size, id_prefix=id_prefix)
        self.system = System(self.endpoint, memory, __version__)
        self.access = AccessLog(log, settings.access_log)
        self.router = Router(
            self.endpoint,
            self.access,
            self.system.pages(),
            settings.max_body_bytes,
            settings.max_upload_bytes,
            other_origins=bool(settings.allow_origin),
        )
        self.jobs: JobDoor | None = None
        if settings.jobs == "on":
            self.jobs = self.router.jobs = self.system.jobs = JobDoor(
                name=name,
                folder=jobs_folder,
                settings=settings,
                endpoint=self.endpoint,
                router=self.router,
                memory=memory,
                log=log,
                access=self.access,
                spawn=start,
            )
        self._listener = listener
        self._id_prefix = id_prefix
        self._start = start
        self._entry = entry
        self._watch = watch
        self._command = command
        self._status = 0
        self._signals = 0
        self._stop: asyncio.Event
        self._hurry: asyncio.Event
        self._was_ready = self._failed_to_start = False
        self._warned: tuple[str, ...] = ()
        self._running_command: asyncio.Task[None] | None = None
        self.edge: Edge
        self.pool: Pool

    # -- the edge's Handler

    def plan(self, head: RequestHead) -> Plan:
        """Match a request."""
        return self.router.plan(head)

    def allocate(self, length: int) -> Place | SpillPlace:
        """Room for a large body."""
        return self.memory.allocate(length)

    def cancel(self, exchange: Exchange) -> None:
        """The client has gone."""
        if isinstance(exchange.head.plan, CallPlan):
            self.endpoint.cancel(exchange)
        else:
            exchange.abandoned = True

    def expire(self, exchange: Exchange) -> None:
        """The deadline has passed."""
        if isinstance(exchange.head.plan, CallPlan):
            self.endpoint.expire(exchange)
        else:
            exchange.abandoned = True
            self.endpoint.refuse(exchange, "deadline_exceeded", "No answer within the deadline.")

    def consumed(self, exchange: Exchange, size: int) -> None:
        """A stream's bytes have left."""
        if exchange.link is not None:
            exchange.link.consumed(exchange, size)

    # -- life

    def run(self, processes: list[Process]) -> int:
        """Serve to the end."""
        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                return runner.run(self._main(processes))
        finally:
            self.memory.close()

    async def _main(self, processes: list[Process]) -> int:
        settings = self.settings
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(self._loop_failed)
        self._stop, self._hurry = asyncio.Event(), asyncio.Event()
        self.edge = Edge(self, edge_limits(settings), loop)
        self.system.edge = self.edge
        self.access.start(loop)
        self.pool = Pool(
            self.endpoint,
            self.log,
            size=settings.workers,
            slots=settings.slots,
            setup_timeout_s=settings.setup_timeout_s,
            id_prefix=self._id_prefix,
            replica_header=replica_header(),
            spawn=self._start,
            on_contract=self._contract,
            on_failed=self._failed,
            on_ready=self._ready,
        )
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._signal, number)
        self.log.info(f"Using {self._entry}")
        await self.edge.listen(self._listener)
        host, port = self._listener.getsockname()[:2]
        host = f"[{host}]" if ":" in host else host
        self.url = f"http://{host}:{port}"
        self.log.info(f"Hotplate running on {self.url} (Press CTRL+C to quit)")
        await self.pool.adopt(processes)
        side = [loop.create_task(self._trim())]
        if self._watch is not None:
            from hotplate.server.reload import watch

            side.append(loop.create_task(watch(self._watch, self.log, self.pool.replace_all)))
        await self._stop.wait()
        if self._running_command is not None:
            side.append(self._running_command)
        for task in side:
            task.cancel()
        await asyncio.wait(side)
        await self._drain()
        return self._status

    def _loop_failed(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """What the loop could not give to anybody: a peer that went while we wrote, or a defect of ours."""
        error = context.get("exception")
        if isinstance(error, ConnectionError):
            self.log.debug(f"{context.get('message')}: {error}")
            return
        self.log.error(f"internal error: {context.get('message')}")
        if error is not None:
            self.log.block("".join(traceback.format_exception(error)))

    def _contract(self) -> None:
        contract = self.endpoint.contract
        assert contract is not None
        called = [mount.path for mount in contract.mounts if mount.call is not None]
        if [metrics.path for metrics in self.endpoint.routes] != called:
            self.endpoint.routes = [RouteMetrics(path) for path in called]
        if contract.warnings != self._warned:  # once, however many workers say it
            self._warned = contract.warnings
            for warning in contract.warnings:
                self.log.warning(warning)
        self.router.use(contract)
        self.system.contract_changed()
        self.edge.heads.clear()

    def _ready(self) -> None:
        if self.jobs is not None:
            self.jobs.ready()
        if self._command is not None and not self._was_ready:
            from hotplate.server.command import run_command

            self._running_command = asyncio.get_running_loop().create_task(
                self._follow(run_command(self._command, self.url))
            )
        self._was_ready = True

    async def _follow(self, command: Coroutine[Any, Any, int]) -> None:
        self._status = await command
        self._stop.set()

    def _failed(self, failure: Failure) -> None:
        self.log.error("The project could not be started; nothing is served.")
        self.log.block(failure.text())  # last, so that it is what the author sees first
        self._status = 1
        self._failed_to_start = True
        self._stop.set()

    def _signal(self, number: int) -> None:
        self._signals += 1
        if self._running_command is not None and not self._running_command.done():
            self._status = 128 + number  # the command did not end by itself, so there is no status of its own
        self._stop.set()
        if self._signals > 1:
            self._hurry.set()

    async def _trim(self) -> None:
        """Give the memory of large bodies back when none has come for a while."""
        while True:
            await asyncio.sleep(TRIM_S)
            if not self.endpoint.in_progress:
                self.memory.arena.trim()

    async def _drain(self) -> None:
        settings = self.settings
        end = monotonic() + settings.grace_s
        self.system.draining = True
        if not self._failed_to_start:
            self.log.info("Shutting down: finishing what is under way")
        if settings.drain_delay_s and self._signals:
            await self._unless_hurried(settings.drain_delay_s)
        if self.jobs is not None:
            self.jobs.pause()
        self.edge.drain()
        while monotonic() < end and not self._hurry.is_set() and self._busy():
            await self._unless_hurried(0.02)
        self.endpoint.fail_waiting("unavailable", "The server is shutting down. Try again on another one.")
        await asyncio.sleep(0)
        if self.jobs is not None:
            await self.jobs.close()
        left = 0.2 if self._hurry.is_set() else max(0.2, end - monotonic())
        await self.pool.stop(left if not self._busy() else 0.2)
        self.edge.close()
        self.access.flush()
        if not self._failed_to_start:
            self.log.info("Stopped")

    def _busy(self) -> bool:
        """Whether an answer is still owed. A client that has not sent its whole request is owed none."""
        if self.jobs is not None and self.jobs.busy:
            return True
        return any(connection.exchange is not None for connection in self.edge.connections)

    async def _unless_hurried(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._hurry.wait(), seconds)
        except TimeoutError:
            pass


def edge_limits(settings: Settings) -> EdgeLimits:
    """The edge's limits, from the settings."""
    hosts = None
    if settings.allowed_hosts:
        hosts = frozenset(host.lower() for host in settings.allowed_hosts)
    elif is_loopback(settings.host):
        hosts = LOOPBACK_HOSTS
    return EdgeLimits(
        max_header_bytes=settings.max_header_bytes,
        # What comes whole with its head is not measured again, so it is no larger than any limit.
        inline_bytes=min(INLINE_BYTES, settings.max_body_bytes, settings.max_upload_bytes),
        first_byte_timeout_s=settings.first_byte_timeout_s,
        header_timeout_s=settings.header_timeout_s,
        body_idle_timeout_s=settings.body_idle_timeout_s,
        body_min_rate_bytes_s=settings.body_min_rate_bytes_s,
        keep_alive_s=settings.keep_alive_s,
        write_stall_timeout_s=settings.write_stall_timeout_s,
        deadline_s=settings.timeout_s,
        max_connections=settings.max_connections,
        max_connections_per_ip=settings.max_connections_per_ip,
        headers=headers(settings.allow_origin),
        rules=HeadRules(max_headers=settings.max_headers, max_uri_bytes=settings.max_uri_bytes, hosts=hosts),
    )
