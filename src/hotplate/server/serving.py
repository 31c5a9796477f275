"""The server of `hotplate run`: one project, in the foreground, from a bound socket to an exit status."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hotplate.edge.edge import Edge
from hotplate.edge.exchange import Plan
from hotplate.edge.head import RequestHead
from hotplate.server.access import AccessLog
from hotplate.server.deployed import Deployed
from hotplate.server.job_door import JobDoor
from hotplate.server.life import Life, edge_limits, run_loop
from hotplate.server.listening import url_of
from hotplate.server.log import Log
from hotplate.server.memory import Memory
from hotplate.server.process import Process
from hotplate.wire.failure import Failure

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
        names: frozenset[str] = frozenset(),
    ) -> None:
        self.settings = settings
        self.log = log
        self.memory = memory
        memory.budget.limit = settings.body_memory_bytes
        self.access = AccessLog(log, settings.access_log)
        self.deployed = Deployed(
            settings=settings,
            log=log,
            access=self.access,
            memory=memory,
            id_prefix=id_prefix,
            size=settings.workers,
            spawn=start,
            on_routes=self._routes,
            on_failed=self._failed,
            on_ready=self._ready,
        )
        self.jobs: JobDoor | None = None
        if settings.jobs == "on":
            deployed = self.deployed
            self.jobs = deployed.router.jobs = deployed.system.jobs = JobDoor(
                name=name,
                folder=jobs_folder,
                settings=settings,
                endpoint=deployed.endpoint,
                router=deployed.router,
                memory=memory,
                log=log,
                access=self.access,
                spawn=start,
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
        if not self._failed_to_start:
            self.log.info("Stopped")
        return self._status

    def _fail_waiting(self) -> None:
        self.deployed.endpoint.fail_waiting("unavailable", "The server is shutting down. Try again on another one.")

    def _routes(self) -> None:
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
