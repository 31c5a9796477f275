"""The server's door to an endpoint's jobs. Nothing behind it is imported before the first job: see `job_keeping.py`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hotplate.edge.exchange import Exchange, Extent
from hotplate.edge.head import RequestHead
from hotplate.server.job_keeping import DELETED, JobKeeping
from hotplate.server.job_metrics import SECONDS, JobCounts
from hotplate.server.job_traffic import JobTraffic
from hotplate.server.metrics import Histogram

if TYPE_CHECKING:
    from hotplate.config.settings import Settings
    from hotplate.contract import Mount
    from hotplate.jobs.http import Web
    from hotplate.jobs.http_plan import JobPlan
    from hotplate.jobs.service import Jobs
    from hotplate.server.access import AccessLog
    from hotplate.server.solo import SoloWorker
    from hotplate.wire.frames import Meta

PATH = "/jobs"
SOLO_NUMBERS = 1000
"""Workers that run one job alone are numbered from here in the log."""


class JobDoor:
    """One endpoint's jobs, or the promise of them. `start_solo(number, variables)` starts a worker for a job
    that runs alone, of which there may be `most_alone()`. `webhook_secret()` is the endpoint's own, if it has one;
    of `room()` see Jobs."""

    def __init__(
        self,
        *,
        name: str,
        keeping: JobKeeping,
        settings: Settings,
        traffic: JobTraffic,
        allocate: Callable[[int], Extent],
        access: AccessLog,
        start_solo: Callable[[int, Mapping[str, str]], SoloWorker],
        most_alone: Callable[[], int],
        webhook_secret: Callable[[], str | None] = lambda: None,
        room: Callable[[], Path | None] = lambda: None,
    ) -> None:
        self._name = name
        self._keeping = keeping
        self._settings = settings
        self._traffic = traffic
        self._allocate = allocate
        self._access = access
        self._start_solo = start_solo
        self._most_alone = most_alone
        self.webhook_secret = webhook_secret
        self._room = room
        self._solos = 0
        self._took = Histogram(SECONDS)
        self._web: Web | None = None
        keeping.doors[name] = self

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

            return manner_cortex.submit(web, meta, most_bytes)
        if manner == "deepaas":
            from hotplate.jobs import manner_deepaas

            return manner_deepaas.submit(web, meta, most_bytes)
        if manner == "octoai":
            from hotplate.jobs import manner_octoai

            return manner_octoai.submit(web, meta, most_bytes)
        from hotplate.jobs import http_submit

        return http_submit.submit(web, head, meta, most_bytes)

    def page(self, head: RequestHead) -> JobPlan | None:
        """What `/jobs` and the paths below it answer, and OctoAI's; None for other paths."""
        if head.path.startswith(("/v1/requests/", "/v1/responses/")):
            from hotplate.jobs import manner_octoai

            return manner_octoai.look(self._open_web(), head)
        if not head.path.startswith(PATH) or head.path[len(PATH) : len(PATH) + 1] not in ("", "/"):
            return None
        return self._open_web().page(head)

    def below(self, mount: Mount, rest: str) -> JobPlan:
        """What a mount without a call answers about jobs in its manner; `rest` is the path below it."""
        if mount.job == "deepaas":
            from hotplate.jobs import manner_deepaas

            return manner_deepaas.look(self._open_web(), mount.path, rest)
        from hotplate.jobs import manner_cortex

        return manner_cortex.look(self._open_web(), rest)

    # -- life

    async def open(self) -> None:
        """Run what waits."""
        await self._open_web().jobs.open()

    def ready(self) -> None:
        """A worker takes calls."""
        if self._jobs is not None and self._jobs.opened:
            self._keeping.follow(self._jobs.tell_workers())
            self._jobs.wake()

    def configure(self, settings: Settings) -> None:
        """Go on with other settings."""
        self._settings = settings
        if self._jobs is not None:
            self._jobs.configure(settings)

    def changed(self) -> None:
        """Others take the calls than before, or nobody."""
        if self._jobs is not None and self._jobs.opened:
            self._jobs.wake()

    def takes(self, exchange: Exchange) -> bool:
        """Take back a call that was meant for a revision which is not in service any more, if it is a job's."""
        if self._jobs is None:
            return False
        from hotplate.jobs.call import RunPlan

        if not isinstance(exchange.plan, RunPlan):
            return False
        exchange.plan.handle(exchange)
        return True

    def remove(self) -> None:
        """The endpoint is gone: what waits is ended, and said to be; what runs is finished."""
        if self._keeping.there:
            self._keeping.follow(self._remove())

    async def _remove(self) -> None:
        await self.open()
        await self._open_web().jobs.remove("endpoint_deleted", DELETED)

    def close(self) -> None:
        """Nothing of the endpoint is left."""
        self._keeping.doors.pop(self._name, None)
        if self._jobs is not None:
            self._keeping.follow(self._leave(self._jobs))

    async def _leave(self, jobs: Jobs) -> None:
        if jobs.opened:
            await jobs.release()
            await jobs.remove("endpoint_deleted", DELETED)  # those that went back to the store meanwhile
        self._keeping.keeper.leave(jobs)

    def _note(self, exchange: Exchange, status: int) -> None:
        if self._access.on:
            self._access.note(exchange, status)

    @property
    def counts(self) -> JobCounts | None:
        """What was counted, if there were jobs."""
        return JobCounts(self._jobs.tally, self._took) if self._jobs is not None and self._jobs.opened else None

    def _solo(self, environment: Mapping[str, str]) -> SoloWorker:
        self._solos += 1
        return self._start_solo(SOLO_NUMBERS + self._solos, environment)

    @property
    def _jobs(self) -> Jobs | None:
        return None if self._web is None else self._web.jobs

    def _open_web(self) -> Web:
        if self._web is None:
            from hotplate.jobs.http import Web
            from hotplate.jobs.service import Jobs

            traffic: Any = self._traffic  # its links say more than jobs ask
            jobs = Jobs(
                name=self._name,
                keeper=self._keeping.keeper,
                settings=self._settings,
                endpoint=traffic,
                allocate=self._allocate,
                start_solo=self._solo,
                most_alone=self._most_alone,
                room=self._room,
            )
            jobs.tally.took = self._took.observe
            self._web = Web(jobs, self._note)
        return self._web
