"""An endpoint's jobs as the server sees them: opened on the first one, kept going by one loop, closed at the end."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

import msgspec

from hotplate.edge.exchange import Extent
from hotplate.errors import StorageFull
from hotplate.jobs.blobs import INLINE_BYTES, Blobs
from hotplate.jobs.call import FindRoute
from hotplate.jobs.checks import Checks, Looked
from hotplate.jobs.desk import Desk
from hotplate.jobs.news import News
from hotplate.jobs.owners import Owners
from hotplate.jobs.records import Held, Job, NewJob, Refused, Submitted
from hotplate.jobs.retention import Retention
from hotplate.jobs.runner import Endpoint, Rules, Runner
from hotplate.jobs.solo import SoloRunner, StartSolo
from hotplate.jobs.sqlite import SqliteStore, storage_error
from hotplate.jobs.store import Store
from hotplate.jobs.tally import Tally
from hotplate.jobs.verdict import MOST_LOSSES, Tries
from hotplate.jobs.watch import Watch

if TYPE_CHECKING:
    from hotplate.config.settings import Settings
    from hotplate.jobs.postgres import Listener

TRAINING_S = 7 * 86_400.0
"""A training may take as long as this."""
SWEEP_S = 60.0
COLLECT_S = 3600.0
SWEPT_ROWS = 1000
SINGLE = frozenset(("cortex", "deepaas"))
"""Faces whose callers know of no second try (Cortex 0.32, DEEPaaS 2.6.0): a failure is the job's answer."""


class Jobs:
    """The jobs of one endpoint. `name` is the endpoint's in the store."""

    def __init__(
        self,
        *,
        name: str,
        folder: Path,
        settings: Settings,
        endpoint: Endpoint,
        find: FindRoute,
        allocate: Callable[[int], Extent],
        start_solo: StartSolo,
        warn: Callable[[str], None],
    ) -> None:
        self.name = name
        self.solo_name = f"{name}/alone"
        self.folder = folder
        self.settings = settings
        self.most = settings.max_jobs
        self.news = News()
        self.tally = Tally(warn)
        self.blobs: Blobs
        self.desk: Desk
        self.runner: Runner
        self.solo: SoloRunner
        self.checks: Checks
        self.opened = False
        self.inline_bytes = INLINE_BYTES
        self._listener: Listener | None = None
        self._endpoint = endpoint
        self._find = find
        self.allocate = allocate
        self._start_solo = start_solo
        self._runners: tuple[Runner, ...] = ()
        self._opening: asyncio.Task[None] | None = None
        self._loop_task: asyncio.Task[None] | None = None
        self._owners: Owners
        self._closed = False

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return self.folder / "jobs.db"

    # -- opening and closing

    async def open(self) -> None:
        """Open the store, if it is not open. Raises what opening it raises, StorageFull among it."""
        if self.opened:
            return
        if self._opening is None or self._opening.done():
            self._opening = asyncio.get_running_loop().create_task(self._open())
        await asyncio.shield(self._opening)

    async def _open(self) -> None:
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.blobs = Blobs(self.folder / "blobs")
            self._owners = Owners(self.folder / "owners")
        except OSError as error:
            raise StorageFull(f"Jobs cannot be kept in {self.folder}: {error.strerror}.") from error
        settings = self.settings
        keep = settings.job_retention_s
        retention = Retention(results_s=keep, rows_s=7 * keep, keys_s=keep)
        self.desk = Desk(*self._backend(retention))
        await self.desk.open()
        rules = Rules(
            lease_s=settings.job_lease_s,
            timeout_s=settings.job_timeout_s,
            inline_bytes=self.inline_bytes,
            most_result_bytes=settings.max_job_result_bytes,
            tries=Tries(failures=settings.job_attempts, crashes=settings.job_crashes),
            single=SINGLE,
        )
        parts: dict[str, Any] = {
            "blobs": self.blobs,
            "find": self._find,
            "allocate": self.allocate,
            "news": self.news,
            "tally": self.tally,
        }
        self.runner = Runner(self.desk, self._endpoint, self.name, self._owners.name, rules=rules, **parts)
        alone = msgspec.structs.replace(rules, timeout_s=TRAINING_S, tries=Tries(failures=1, crashes=1))
        self.solo = SoloRunner(
            self.desk,
            self._endpoint,
            self.solo_name,
            self._owners.name,
            rules=alone,
            start=self._start_solo,
            most=settings.workers,
            **parts,
        )
        self._runners = (self.runner, self.solo)
        self.checks = Checks(self._owners.place)
        await self.checks.open()
        self.tell_workers()
        self.opened = True
        self._loop_task = asyncio.get_running_loop().create_task(self._keep())

    def _backend(self, retention: Retention) -> tuple[Callable[[], Store], Callable[[BaseException], BaseException]]:
        """How the store is opened, and what its errors mean."""
        url = self.settings.jobs_store
        if url is None:
            return lambda: SqliteStore(self.database, retention=retention), explain
        from hotplate.jobs.postgres import Listener, PostgresStore, unreachable

        self.inline_bytes = sys.maxsize  # files of this machine are no use to others
        loop = asyncio.get_running_loop()

        def heard(endpoint: str) -> None:
            if endpoint == self.name and self.opened:
                with contextlib.suppress(RuntimeError):  # the loop has ended
                    loop.call_soon_threadsafe(self.runner.wake)

        self._listener = Listener(url, heard)
        return lambda: PostgresStore(url, retention=retention), lambda error: explain(unreachable(error))

    def _alive(self, owner: str) -> bool:
        """Whether an owner may still be there. Of other machines' nobody knows but by their leases."""
        return self.settings.jobs_store is not None or self._owners.alive(owner)

    async def close(self) -> None:
        """Give back what still runs and close the store."""
        self._closed = True
        self.news.close()
        if not self.opened:
            return
        if self._listener is not None:
            self._listener.stop()
        assert self._loop_task is not None
        self._loop_task.cancel()
        try:
            for runner in self._runners:
                await runner.release()
        except Exception as error:  # noqa: BLE001 - the lease ends by itself
            self.tally.trouble(f"jobs could not be given back: {error}")
        await self.desk.close()
        self.checks.close()
        self._owners.close()

    def tell_workers(self) -> None:
        """Let every worker that takes calls check inputs too."""
        for link in self._endpoint.links:
            link.open_checks(str(self.checks.path))

    async def look(self, method: str, path: str, meta: bytes, body: bytes) -> Looked:
        """What is wrong with an input, in the words of its route's face, or what the face shows of a good one."""
        found = self._find(method, path)
        if found is None or not self._endpoint.links:
            return None
        patient = any(not link.pending for link in self._endpoint.links)
        return await self.checks.look(found[0], meta, body, patient=patient)

    def pause(self) -> None:
        """Take no more jobs; let those that wait for news go."""
        self.news.close()
        for runner in self._runners:
            runner.pause()

    @property
    def busy(self) -> bool:
        """Whether a job runs here."""
        return any(runner.busy for runner in self._runners)

    # -- the loop

    async def _keep(self) -> None:
        """Renew leases, end those of servers that are gone, drop what is old, look for jobs from elsewhere."""
        lease_s = self.settings.job_lease_s
        watch = Watch(lease_s, self._alive)
        pause = max(0.05, min(lease_s / 6, 2.0))
        renewed = swept = collected = monotonic()
        while True:
            try:
                now = monotonic()
                if now - renewed >= lease_s / 3:
                    renewed = now
                    for runner in self._runners:
                        runner.renew()
                await self._expire(watch)
                self.runner.recall()
                self.wake()
                self.tally.depth = await self.desk.read(lambda store: store.depth(self.name))
                if now - swept >= SWEEP_S:
                    swept = now
                    await self._sweep()
                if now - collected >= COLLECT_S:
                    collected = now
                    named = await self.desk.read(lambda store: store.blobs())
                    await asyncio.to_thread(self.blobs.collect, named)
            except Exception as error:  # noqa: BLE001 - this loop is what keeps jobs from being lost: it never ends
                self.tally.trouble(f"jobs: {error}")
            await asyncio.sleep(pause)

    async def _expire(self, watch: Watch) -> None:
        stale: list[Held] = watch.stale(await self.desk.read(lambda store: store.held()), monotonic())
        if not stale:
            return

        def operation(store: Store) -> list[str | None]:
            return [store.expire(held, MOST_LOSSES) for held in stale]

        for held, state in zip(stale, await self.desk.wrote(operation), strict=True):
            if state is not None:
                self.tally.set_back("loss")
                self.tally.trouble(f"the server that ran attempt {held.fence.attempt} of a job is gone: it is {state}")

    async def _sweep(self) -> None:
        while await self.desk.wrote(lambda store: store.sweep(SWEPT_ROWS)) >= SWEPT_ROWS:
            await asyncio.sleep(0)

    def wake(self) -> None:
        """There may be something to run."""
        for runner in self._runners:
            runner.wake()

    # -- what callers want

    async def submit(self, new: NewJob) -> Submitted | Refused:
        """Keep a job; when this returns, it is on disk. Raises StorageFull."""
        asked = self.desk.wrote(lambda store: store.submit(new, self.most))
        task = asyncio.ensure_future(asked)
        await asyncio.sleep(0)  # the submit stands in line now, and the lease behind it goes to disk with it
        self.wake()
        made = await task
        if isinstance(made, Submitted) and made.created:
            self.tally.submitted += 1
        self.wake()
        return made

    async def get(self, job_id: str, *, alone: bool = False) -> Job | None:
        """One job; `alone`: one that runs in a process of its own."""
        name = self.solo_name if alone else self.name
        return await self.desk.read(lambda store: store.get(name, job_id))

    async def wait(self, job_id: str, seconds: float) -> Job | None:
        """One job, when it has ended, or after so long."""
        end = monotonic() + seconds
        with self.news.listen(job_id) as listener:
            while True:
                job = await self.get(job_id)
                left = end - monotonic()
                if job is None or job.ended or left <= 0 or listener.closing:
                    return job
                await listener.wait(min(left, 1.0))

    async def cancel(self, job_id: str, *, alone: bool = False) -> tuple[Job | None, bool]:
        """Cancel a job, running or not. Gives it, and whether this call changed it."""
        name = self.solo_name if alone else self.name
        job, changed = await self.desk.wrote(lambda store: store.cancel(name, job_id))
        if changed:
            self.tally.ended("cancelled")
            for runner in self._runners:
                runner.drop(job_id)
            self.news.changed(job_id)
        return job, changed

    async def revive(self, job_id: str) -> tuple[Job | None, bool]:
        """Let a failed or dead job run again."""
        job, changed = await self.desk.wrote(lambda store: store.revive(self.name, job_id))
        if changed:
            self.runner.wake()
            self.news.changed(job_id)
        return job, changed


def explain(error: BaseException) -> BaseException:
    """The error behind one of the database's, where there is one of ours for it."""
    if isinstance(error, sqlite3.OperationalError):
        found = storage_error(error)
        return found if isinstance(found, StorageFull) else error
    if isinstance(error, OSError):
        return StorageFull(f"Jobs cannot be kept: {error.strerror}.")
    return error
