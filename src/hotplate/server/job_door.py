"""The server's door to its jobs. Nothing behind it is imported, and no file is opened, before the first job: a server
without jobs starts and weighs as if there were none."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from hotplate.edge.exchange import Exchange
from hotplate.edge.head import RequestHead

if TYPE_CHECKING:
    from hotplate.config.settings import Settings
    from hotplate.contract import Mount
    from hotplate.jobs.http import JobPlan, Web
    from hotplate.jobs.service import Jobs
    from hotplate.server.access import AccessLog
    from hotplate.server.endpoint import Endpoint
    from hotplate.server.log import Log
    from hotplate.server.memory import Memory
    from hotplate.server.process import Process
    from hotplate.server.router import Router
    from hotplate.server.solo import SoloWorker
    from hotplate.wire.frames import Meta

PATH = "/jobs"
SOLO_NUMBERS = 1000
"""Workers that run one job alone are numbered from here in the log."""


class JobDoor:
    """One endpoint's jobs, or the promise of them. `folder` is where they are kept."""

    def __init__(
        self,
        *,
        name: str,
        folder: Path,
        settings: Settings,
        endpoint: Endpoint,
        router: Router,
        memory: Memory,
        log: Log,
        access: AccessLog,
        spawn: Callable[[int], Process],
    ) -> None:
        self._name = name
        self._folder = folder
        self._settings = settings
        self._endpoint = endpoint
        self._router = router
        self._memory = memory
        self._log = log
        self._access = access
        self._spawn = spawn
        self._solos = 0
        self._web: Web | None = None
        self._opening: asyncio.Task[None] | None = None

    # -- requests

    def manner(self, head: RequestHead, mount: Mount) -> str:
        """In whose manner a call of a route is to become a job: "" not at all, `http` as RFC 7240, 4.1 says."""
        if mount.job:
            return mount.job
        if head.headers.get(b"x-octoai-async") == b"1":
            return "octoai"
        prefer = head.headers.get(b"prefer")
        if prefer is not None and b"respond-async" in prefer.lower():
            from hotplate.jobs.asking import prefers_async

            return "http" if prefers_async(head) else ""
        return ""

    def submit(self, manner: str, head: RequestHead, meta: Meta, most_bytes: int) -> JobPlan:
        """Keep a call."""
        web = self._open_web()
        if manner == "cortex":
            from hotplate.jobs import manner_cortex

            return manner_cortex.submit(web, head, meta, most_bytes)
        if manner == "deepaas":
            from hotplate.jobs import manner_deepaas

            return manner_deepaas.submit(web, head, meta, most_bytes)
        if manner == "octoai":
            from hotplate.jobs import manner_octoai

            return manner_octoai.submit(web, head, meta, most_bytes)
        return web.submit(head, meta, most_bytes)

    def page(self, head: RequestHead) -> JobPlan | None:
        """What `/jobs` and the paths below it answer, and OctoAI's; None for other paths."""
        if head.path.startswith(("/v1/requests/", "/v1/responses/")):
            from hotplate.jobs import manner_octoai

            return manner_octoai.look(self._open_web(), head)
        if not head.path.startswith(PATH) or head.path[len(PATH) : len(PATH) + 1] not in ("", "/"):
            return None
        return self._open_web().page(head)

    def below(self, mount: Mount, head: RequestHead, rest: str) -> JobPlan:
        """What a mount without a call answers about jobs in its manner; `rest` is the path below it."""
        if mount.job == "deepaas":
            from hotplate.jobs import manner_deepaas

            return manner_deepaas.look(self._open_web(), head, mount.path, rest)
        from hotplate.jobs import manner_cortex

        return manner_cortex.look(self._open_web(), head, rest)

    # -- life

    def ready(self) -> None:
        """A worker takes calls: go on with what an earlier server left, if there is anything."""
        if self._jobs is not None:
            if self._jobs.opened:
                self._jobs.tell_workers()
                self._jobs.wake()
        elif self._settings.jobs_store is not None or (self._folder / "jobs.db").exists():
            self._opening = asyncio.get_running_loop().create_task(self._resume())

    async def _resume(self) -> None:
        try:
            await self._open_web().jobs.open()
        except Exception as error:  # noqa: BLE001 - calls are served all the same
            self._log.error(f"The jobs in {self._folder} cannot be opened: {error}")

    def pause(self) -> None:
        """Take no more jobs: the server drains."""
        if self._jobs is not None:
            self._jobs.pause()

    @property
    def busy(self) -> bool:
        """Whether a job runs."""
        return self._jobs is not None and self._jobs.busy

    async def close(self) -> None:
        """Give back what still runs."""
        if self._opening is not None:
            await self._opening
        if self._jobs is not None:
            await self._jobs.close()

    def _note(self, exchange: Exchange, status: int) -> None:
        if self._access.on:
            self._access.note(exchange, status)

    def metrics(self) -> list[str]:
        """The lines of /metrics."""
        if self._jobs is None or not self._jobs.opened:
            return []
        from hotplate.server.job_metrics import lines

        return lines(self._jobs.tally)

    def _start_solo(self) -> SoloWorker:
        from hotplate.server.solo import SoloWorker

        self._solos += 1
        number = SOLO_NUMBERS + self._solos
        return SoloWorker(
            self._log,
            lambda _: self._spawn(number),
            memory=self._memory,
            setup_timeout_s=self._settings.setup_timeout_s,
            id_prefix=f"{self._name}-{number}",
        )

    @property
    def _jobs(self) -> Jobs | None:
        return None if self._web is None else self._web.jobs

    def _open_web(self) -> Web:
        if self._web is None:
            from hotplate.jobs.http import Web
            from hotplate.jobs.service import Jobs

            jobs = Jobs(
                name=self._name,
                folder=self._folder,
                settings=self._settings,
                endpoint=self._endpoint,
                find=self._router.find,
                allocate=self._memory.allocate,
                start_solo=self._start_solo,
                warn=self._log.warning,
            )
            self._web = Web(jobs, self._note)
        return self._web
