"""An endpoint's jobs as the server sees them: opened on the first one, and run by whatever takes its calls."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from hotplate.edge.exchange import Extent
from hotplate.jobs.checks import Checks, Looked
from hotplate.jobs.desk import Desk
from hotplate.jobs.keeper import Keeper
from hotplate.jobs.lookups import ALONE
from hotplate.jobs.news import News
from hotplate.jobs.records import Depth, Fence, Filter, Job, NewJob, Refused, Submitted
from hotplate.jobs.rules import Endpoint, Part, Rules
from hotplate.jobs.runner import Runner
from hotplate.jobs.seeker import Seeker
from hotplate.jobs.solo import SoloRunner, StartSolo
from hotplate.jobs.tally import Tally
from hotplate.jobs.verdict import Tries

if TYPE_CHECKING:
    from hotplate.config.settings import Settings

J = TypeVar("J", Job, Job | None)
TRAINING_S = 7 * 86_400.0
"""A training may take as long as this."""
SINGLE = frozenset(("cortex", "deepaas"))
"""Faces whose callers know of no second try (Cortex 0.32, DEEPaaS 2.6.0): a failure is the job's answer."""


class Jobs:
    """The jobs of one endpoint. `name` is the endpoint's in the store. `settings` are the endpoint's own.

    `most_alone()` says how many of those that run alone may run at a time, `room()` gives a path for a socket that the
    endpoint's workers reach, where not every path is one.
    """

    def __init__(
        self,
        *,
        name: str,
        keeper: Keeper,
        settings: Settings,
        endpoint: Endpoint,
        allocate: Callable[[int], Extent],
        start_solo: StartSolo,
        most_alone: Callable[[], int],
        room: Callable[[], Path | None] = lambda: None,
    ) -> None:
        self.name = name
        self.solo_name = name + ALONE
        self.keeper = keeper
        self.settings = settings
        self.most = settings.max_jobs
        self.news = News()
        self.tally = Tally(keeper.warn)
        self.runner: Runner
        self.solo: SoloRunner
        self._seeker: Seeker
        self.opened = False
        self.allocate = allocate
        self._endpoint = endpoint
        self._start_solo = start_solo
        self._most_alone = most_alone
        self._room = room
        self._runners: tuple[Runner, ...] = ()
        self._opening: asyncio.Task[None] | None = None
        self._checks: dict[Part, Checks] = {}
        self._telling = asyncio.Lock()

    @property
    def desk(self) -> Desk:
        """Where the store is reached."""
        return self.keeper.desk

    # -- opening and closing

    async def open(self) -> None:
        """Open the store, if it is not open. Raises what opening it raises, StorageFull among it."""
        if self.opened:
            return
        if self._opening is None or self._opening.done():
            self._opening = asyncio.get_running_loop().create_task(self._open())
        await asyncio.shield(self._opening)

    async def _open(self) -> None:
        keeper = self.keeper
        await keeper.open()
        self._seeker = Seeker(keeper.desk, (self.name, self.solo_name))
        parts: dict[str, Any] = {
            "blobs": keeper.blobs,
            "allocate": self.allocate,
            "news": self.news,
            "tally": self.tally,
            "logs": keeper.logs,
        }
        owner = keeper.owners.name
        self.runner = Runner(keeper.desk, self._endpoint, self.name, owner, rules=self._rules(), **parts)
        self.solo = SoloRunner(
            keeper.desk,
            self._endpoint,
            self.solo_name,
            owner,
            rules=self._solo_rules(),
            start=self._start_solo,
            artifacts=keeper.artifacts,
            most=self._most_alone,
            **parts,
        )
        self._runners = (self.runner, self.solo)
        if keeper.paused:
            self.pause()
        keeper.join(self)
        await self.tell_workers()
        self.opened = True
        self.wake()

    def _rules(self) -> Rules:
        settings = self.settings
        return Rules(
            timeout_s=settings.job_timeout_s,
            inline_bytes=self.keeper.inline_bytes,
            strangers=self.keeper.strange is not None,
            most_result_bytes=settings.max_job_result_bytes,
            tries=Tries(failures=settings.job_attempts, crashes=settings.job_crashes),
            single=SINGLE,
        )

    def _solo_rules(self) -> Rules:
        return msgspec.structs.replace(self._rules(), timeout_s=TRAINING_S, tries=Tries(failures=1, crashes=1))

    def configure(self, settings: Settings) -> None:
        """Go on with other settings."""
        self.settings = settings
        self.most = settings.max_jobs
        if self.opened:
            self.runner.rules, self.solo.rules = self._rules(), self._solo_rules()

    async def tell_workers(self) -> None:
        """Let every worker that takes calls check inputs too."""
        async with self._telling:
            parts = self._endpoint.parts
            for part in [part for part in self._checks if part not in parts]:
                self._checks.pop(part).close()
            for part in parts:
                checks = self._checks.get(part)
                if checks is None:
                    checks = Checks(self._room() or self.keeper.room())
                    await checks.open()
                    self._checks[part] = checks
                for link in part.links:
                    link.open_checks(str(checks.path))
                    link.output.hear = self.runner.hear

    def pause(self) -> None:
        """Take no more jobs; let those that wait for news go."""
        self.news.close()
        for runner in self._runners:
            runner.pause()

    async def release(self) -> None:
        """Give back what still runs."""
        self.pause()
        for runner in self._runners:
            await runner.release()
        for checks in self._checks.values():
            checks.close()
        self._checks.clear()

    async def remove(self, code: str, reason: str) -> None:
        """The endpoint is gone: end what waits, and say why."""
        names = (self.name, self.solo_name)
        ended = await self.desk.wrote(
            lambda store: [one for name in names for one in store.end_waiting(name, code, reason)]
        )
        for job_id in ended:
            self.tally.ended("cancelled")
            self.news.changed(job_id)

    @property
    def busy(self) -> bool:
        """Whether a job runs here."""
        return any(runner.busy for runner in self._runners)

    # -- what the keeper tells and asks

    def running(self) -> Iterable[Fence]:
        """The attempts that run here."""
        return [fence for runner in self._runners for fence in runner.running]

    def lose(self, fence: Fence) -> None:
        """Somebody else has the job now."""
        for runner in self._runners:
            runner.lose(fence)

    def see(self, depth: Depth) -> None:
        """So much waits now."""
        self.tally.depth = depth
        self._endpoint.expect(depth.queued)
        self.runner.recall()
        self.wake()

    def wake(self) -> None:
        """There may be something to run."""
        for runner in self._runners:
            runner.wake()

    # -- what callers want

    async def look(self, method: str, path: str, meta: bytes, body: bytes) -> Looked:
        """What is wrong with an input, in the words of its route's face, or what the face shows of a good one."""
        for part in reversed(self._endpoint.parts):
            found, checks = part.find(method, path), self._checks.get(part)
            if found is not None and checks is not None and part.links:
                patient = any(not link.pending for link in part.links)
                return await checks.look(found[0], meta, body, patient=patient)
        return None

    async def submit(self, new: NewJob) -> Submitted | Refused:
        """Keep a job; when this returns, it is on disk. Raises StorageFull."""
        most = self.most
        asked = self.desk.wrote(lambda store: store.submit(new, most))
        runner = self.runner if new.endpoint == self.name else self.solo
        runner.wake()  # the submit stands in line: the lease comes behind it, and goes to disk with it
        made = await asked
        if isinstance(made, Submitted) and made.created:
            self.tally.submitted += 1
        return made

    async def get(self, job_id: str, *, alone: bool = False) -> Job | None:
        """One job; `alone`: one that runs in a process of its own."""
        name = self.solo_name if alone else self.name
        return self._seen(await self.desk.read(lambda store: store.get(name, job_id)))

    async def find(self, job_id: str) -> Job | None:
        """One job, of either kind."""
        return self._seen(await self._seeker.find(job_id))

    async def list(self, wanted: Filter) -> list[Job]:
        """Jobs of a page, the newest first."""
        return [self._seen(job) for job in await self.desk.read(lambda store: store.list(wanted))]

    def _seen(self, job: J) -> J:
        """A job as callers see it: one that was taken ahead of a free slot still waits."""
        if job is not None and job.state == "running" and any(each.holds_back(job.id) for each in self._runners):
            return msgspec.structs.replace(job, state="queued")
        return job

    async def wait(self, job_id: str, seconds: float) -> Job | None:
        """One job, when it has ended, or after so long."""
        end = monotonic() + seconds
        with self.news.listen(job_id) as listener:
            while True:
                job = await self.find(job_id)
                left = end - monotonic()
                if job is None or job.ended or left <= 0 or listener.closing:
                    return job
                await listener.wait(min(left, 1.0))

    async def cancel(self, job: Job) -> tuple[Job | None, bool]:
        """Cancel a job, running or not. Gives it, and whether this call changed it."""
        found, changed = await self.desk.wrote(lambda store: store.cancel(job.endpoint, job.id))
        if changed:
            self.tally.ended("cancelled")
            for runner in self._runners:
                runner.drop(job.id)
            self.news.changed(job.id)
        return found, changed

    async def revive(self, job: Job) -> tuple[Job | None, bool]:
        """Let a failed or dead job run again."""
        found, changed = await self.desk.wrote(lambda store: store.revive(job.endpoint, job.id))
        if changed:
            self.wake()
            self.news.changed(job.id)
        return found, changed
