"""The server of `hotplate run`: one project, in the foreground, from a bound socket to an exit status."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hotplate.edge.edge import Edge
from hotplate.edge.exchange import Plan
from hotplate.edge.head import RequestHead
from hotplate.server.access import AccessLog
from hotplate.server.deployed import Deployed
from hotplate.server.job_door import JobDoor
from hotplate.server.job_keeping import JobKeeping
from hotplate.server.job_traffic import JobTraffic
from hotplate.server.life import Life, edge_limits, run_loop
from hotplate.server.listening import url_of
from hotplate.server.log import Log
from hotplate.server.memory import Memory
from hotplate.server.process import Process
from hotplate.server.tracing import close_traces, open_traces
from hotplate.wire.failure import Failure

if TYPE_CHECKING:
    from hotplate.config.settings import Settings
    from hotplate.server.solo import SoloWorker

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
        start: Callable[[int, Mapping[str, str]], Process],
        entry: str,
        watch: Path | None,
        command: str | None,
        name: str,
        jobs_folder: Path,
        names: frozenset[str] = frozenset(),
    ) -> None:
        self.settings = settings
        self.log = log
        self.memory = memory
        memory.budget.limit = settings.body_memory_bytes
        self.access = AccessLog(log, settings.access_log)
        self._traces = open_traces() if settings.traces == "on" else None
        self.deployed = Deployed(
            settings=settings,
            log=log,
            access=self.access,
            memory=memory,
            id_prefix=id_prefix,
            size=settings.workers,
            spawn=lambda number: start(number, {}),
            on_routes=self._routes,
            on_failed=self._failed,
            on_ready=self._ready,
            traces=self._traces.of(name) if self._traces is not None else None,
        )
        self.jobs: JobKeeping | None = None
        self._door: JobDoor | None = None
        if settings.jobs == "on":
            deployed = self.deployed
            # A folder's name has a hash in it; hosts with one database have one name.
            known = jobs_folder.name if settings.jobs_store is None else name
            self.jobs = JobKeeping(jobs_folder, known, settings, log)

            def start_solo(number: int, environment: Mapping[str, str]) -> SoloWorker:
                from hotplate.server.solo import SoloWorker

                return SoloWorker(
                    log,
                    lambda _: start(number, environment),
                    memory=memory,
                    setup_timeout_s=settings.setup_timeout_s,
                    id_prefix=f"{name}-{number}",
                )

            self._door = deployed.router.jobs = deployed.system.jobs = JobDoor(
                name=name,
                keeping=self.jobs,
                settings=settings,
                traffic=JobTraffic(lambda: [(100.0, deployed)], str),
                allocate=memory.allocate,
                access=self.access,
                start_solo=start_solo,
                most_alone=lambda: settings.workers,
            )
        self._listener = listener
        self._entry = entry
        self._watch = watch
        self._command = command
        self._names = names
        self._status = 0
        self._was_ready = self._failed_to_start = False
        self._running_command: asyncio.Task[None] | None = None
        self.edge: Edge
        self._life: Life

    def plan(self, head: RequestHead) -> Plan:
        """Match a request (the edge's Handler)."""
        return self.deployed.router.plan(head)

    def run(self, processes: list[Process]) -> int:
        """Serve to the end."""
        try:
            return run_loop(self._main(processes))
        finally:
            self.memory.close()

    async def _main(self, processes: list[Process]) -> int:
        loop = asyncio.get_running_loop()
        life = self._life = Life(self.settings, self.log)
        self.edge = Edge(self, edge_limits(self.settings, self._names), loop)
        self.deployed.system.edge = self.edge
        self.access.start(loop)
        self.log.info(f"Using {self._entry}")
        await self.edge.listen(self._listener)
        self.url = url_of(self._listener)
        self.log.info(f"Hotplate running on {self.url} (Press CTRL+C to quit)")
        pool = self.deployed.pool
        await pool.adopt(processes)
        side = [loop.create_task(self._trim())]
        if os.getpid() == 1:
            from hotplate.server.orphans import reap

            side.append(loop.create_task(reap()))
        if self._watch is not None:
            from hotplate.server.reload import watch

            side.append(loop.create_task(watch(self._watch, self.log, pool.replace_all)))
        await life.stop.wait()
        if self._running_command is not None:
            if life.signals and not self._running_command.done():
                self._status = 128 + life.signal  # it did not end by itself, so there is no status of its own
            side.append(self._running_command)
        for task in side:
            task.cancel()
        await asyncio.wait(side)
        self.deployed.system.draining = True
        if not self._failed_to_start:
            self.log.info("Shutting down: finishing what is under way")
        await life.drain(self.edge, self._fail_waiting, pool.stop, self.jobs)
        self.access.flush()
        await close_traces(self._traces, self.log)
        if not self._failed_to_start:
            self.log.info("Stopped")
        return self._status

    def _fail_waiting(self) -> None:
        self.deployed.endpoint.fail_waiting("unavailable", "The server is shutting down. Try again on another one.")

    def _routes(self) -> None:
        self.edge.heads.clear()

    def _ready(self) -> None:
        if self._door is not None and self.jobs is not None:
            self._door.ready()
            if not self._was_ready:
                self.jobs.resume(all_there=False)
        if self._command is not None and not self._was_ready:
            from hotplate.server.command import run_command

            self._running_command = asyncio.get_running_loop().create_task(
                self._follow(run_command(self._command, self.url))
            )
        self._was_ready = True

    async def _follow(self, command: Coroutine[Any, Any, int]) -> None:
        self._status = await command
        self._life.stop.set()

    def _failed(self, failure: Failure) -> None:
        self.log.error("The project could not be started; nothing is served.")
        self.log.block(failure.text())  # last, so that it is what the author sees first
        self._status = 1
        self._failed_to_start = True
        self._life.stop.set()

    async def _trim(self) -> None:
        """Give the memory of large bodies back when none has come for a while."""
        while True:
            await asyncio.sleep(TRIM_S)
            if not self.deployed.endpoint.in_progress:
                self.memory.arena.trim()
