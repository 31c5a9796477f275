"""What the jobs of all endpoints of a server have in common: one store, one set of locks, one loop that keeps it going.

The loop renews leases, ends those of servers that are gone, looks for jobs that came from elsewhere, tells how much
waits, and drops what is old. What runs them is each endpoint's own (`service.py`).
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

from hotplate.errors import StorageFull
from hotplate.jobs.artifacts import Artifacts
from hotplate.jobs.blobs import INLINE_BYTES, BlobStore, open_blobs
from hotplate.jobs.desk import Desk
from hotplate.jobs.logs import JobLogs
from hotplate.jobs.owners import Owners
from hotplate.jobs.records import Depth, Fence, Held
from hotplate.jobs.retention import Retention
from hotplate.jobs.sqlite import SqliteStore, storage_error
from hotplate.jobs.store import Store
from hotplate.jobs.verdict import MOST_LOSSES
from hotplate.jobs.watch import Watch
from hotplate.jobs.webhooks import Postman, find_secret

if TYPE_CHECKING:
    from hotplate.config.settings import Settings
    from hotplate.jobs.postgres_link import Listener
    from hotplate.jobs.service import Jobs

LOOK_S = 1.0
SWEEP_S = 60.0
SEARCH_S = 3.0
"""How often to search for endpoints that got their first job from another server, where nothing was heard of it."""
COLLECT_S = 3600.0
SWEPT_ROWS = 1000
DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


class Keeper:
    """Keeps jobs in a folder, or in the database that the settings name. `warn` writes a line of the log.

    `name` is one that no other store has in a bucket that both use.
    """

    def __init__(self, folder: Path, name: str, settings: Settings, warn: Callable[[str], None]) -> None:
        self.folder = folder
        self.name = name
        self.settings = settings
        self.warn = warn
        self.desk: Desk
        self.blobs: BlobStore
        self.owners: Owners
        self.logs: JobLogs
        self.artifacts: Artifacts
        self.postman: Postman
        self.opened = False
        self.paused = False
        self.inline_bytes = INLINE_BYTES
        self.members: dict[str, Jobs] = {}
        self.strange: Callable[[str], None] | None = None
        """Told of endpoints that have jobs from another server and none from here yet."""
        self.webhook_secret: Callable[[str], str | None] = lambda _: None
        """What an endpoint's own webhooks are signed with, if not with what all are."""
        self._listener: Listener | None = None
        self._opening: asyncio.Task[None] | None = None
        self._loop_task: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self._rooms = 0

    # -- opening and closing

    async def open(self) -> None:
        """Open the store, if it is not open. Raises what opening it raises, StorageFull among it."""
        if self.opened:
            return
        if self._opening is None or self._opening.done():
            self._opening = asyncio.get_running_loop().create_task(self._open())
            self._opening.add_done_callback(_seen)  # also where nobody waits for it any more
        await asyncio.shield(self._opening)

    async def _open(self) -> None:
        keep = self.settings.job_retention_s
        retention = Retention(results_s=keep, rows_s=7 * keep, keys_s=keep)
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            place = self.folder / "blobs"
            self.blobs = open_blobs(self.settings.jobs_blobs, place, self.name, retention, self.warn)
            self.owners = Owners(self.folder / "owners")
            self.owners.place.mkdir(mode=0o700)
            self.logs = JobLogs(self.folder / "logs")
            self.artifacts = Artifacts(self.folder / "artifacts")
        except OSError as error:
            raise StorageFull(f"Jobs cannot be kept in {self.folder}: {error.strerror}.") from error
        try:
            self.desk = Desk(*self._backend(retention))
            await self.desk.open()
            self._listen()
        except BaseException:
            self.owners.close()
            raise
        self.postman = Postman(
            self.desk,
            lambda endpoint: find_secret(self.folder, self.settings, self.webhook_secret(endpoint.partition("/")[0])),
            self.settings.fetch_allow,
            self.warn,
            self._posted,
        )
        self.opened = True
        self._loop_task = asyncio.get_running_loop().create_task(self._keep())

    def _backend(self, retention: Retention) -> tuple[Callable[[], Store], Callable[[BaseException], BaseException]]:
        """How the store is opened, and what its errors mean."""
        url = self.settings.jobs_store
        if url is None:
            return lambda: SqliteStore(self.folder / "jobs.db", retention=retention), explain
        from hotplate.jobs.postgres import PostgresStore, unreachable

        if not self.blobs.shared:
            self.inline_bytes = sys.maxsize  # files of this machine are no use to others
        return lambda: PostgresStore(url, retention=retention), lambda error: explain(unreachable(error))

    def _listen(self) -> None:
        """Hear of jobs that other servers were given."""
        url = self.settings.jobs_store
        if url is None:
            return
        from hotplate.jobs.postgres import CHANNEL
        from hotplate.jobs.postgres_link import Listener

        loop = asyncio.get_running_loop()

        def heard(endpoint: str) -> None:
            with contextlib.suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(self._wake, endpoint)

        self._listener = Listener(url, CHANNEL, heard)

    def join(self, jobs: Jobs) -> None:
        """Keep an endpoint's jobs from now on."""
        self.members[jobs.name] = jobs

    def leave(self, jobs: Jobs) -> None:
        """An endpoint is gone."""
        if self.members.get(jobs.name) is jobs:
            del self.members[jobs.name]

    def follow(self, work: Coroutine[Any, Any, Any]) -> None:
        """Run a coroutine to its end."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def room(self) -> Path:
        """A path for a socket, used once. It is short-lived, like this process."""
        self._rooms += 1
        return self.owners.place / str(self._rooms)

    def pause(self) -> None:
        """Take no more jobs."""
        self.paused = True
        for jobs in self.members.values():
            jobs.pause()

    @property
    def busy(self) -> bool:
        """Whether a job runs here."""
        return any(jobs.busy for jobs in self.members.values())

    async def close(self) -> None:
        """Give back what still runs and close the store."""
        if not self.opened:
            return
        if self._listener is not None:
            self._listener.stop()
        assert self._loop_task is not None
        self._loop_task.cancel()
        try:
            for jobs in self.members.values():
                await jobs.release()
        except Exception as error:  # noqa: BLE001 - the lease ends by itself
            self.warn(f"jobs could not be given back: {error}")
        self.postman.close()
        await self.desk.close()
        await asyncio.to_thread(self.logs.close)
        self.owners.close()

    # -- the loop

    async def _keep(self) -> None:
        lease_s = self.settings.job_lease_s
        watch = Watch(lease_s, self._alive)
        pause = max(0.05, min(lease_s / 6, LOOK_S))
        renewed = swept = collected = searched = monotonic()
        away = False
        while True:
            try:
                now = monotonic()
                if now - renewed >= lease_s / 3:
                    renewed = now
                    self._renew()
                await self._expire(watch)
                await self._look()
                await self.postman.look()
                if self.strange is not None and now - searched >= SEARCH_S:
                    searched = now
                    for name in await self.desk.read(lambda store: store.endpoints()):
                        self._wake(name)
                if now - swept >= SWEEP_S:
                    swept = now
                    await self._sweep()
                if now - collected >= COLLECT_S:
                    collected = now
                    await self._collect()
                if away:
                    away = False
                    self.warn("jobs: the store answers again")
            except StorageFull as error:
                if not away:
                    self.warn(f"jobs: {error}")
                away = True
            except Exception as error:  # noqa: BLE001 - this loop is what keeps jobs from being lost: it never ends
                self.warn(f"jobs: {error}")
            await asyncio.sleep(pause)

    def _renew(self) -> None:
        fences = [fence for jobs in self.members.values() for fence in jobs.running()]

        def renewed(lost: list[Fence] | None, _: BaseException | None) -> None:
            for fence in lost or ():
                for jobs in self.members.values():
                    jobs.lose(fence)

        if fences:
            self.desk.write(lambda store: store.renew(fences), renewed)

    def _alive(self, owner: str) -> bool:
        """Whether an owner may still be there. Of other machines' nobody knows but by their leases."""
        return self.settings.jobs_store is not None or self.owners.alive(owner)

    async def _expire(self, watch: Watch) -> None:
        stale: list[Held] = watch.stale(await self.desk.read(lambda store: store.held()), monotonic())
        if not stale:
            return

        def operation(store: Store) -> list[str | None]:
            return [store.expire(held, MOST_LOSSES) for held in stale]

        for held, state in zip(stale, await self.desk.wrote(operation), strict=True):
            if state is not None:
                name = held.endpoint.partition("/")[0]
                if name in self.members:
                    self.members[name].tally.set_back("loss")
                self.warn(f"the server that ran attempt {held.fence.attempt} of a job is gone: it is {state}")

    async def _collect(self) -> None:
        """Drop files whose jobs are gone."""
        rows_s = 7 * self.settings.job_retention_s
        named = await self.desk.read(lambda store: store.blobs())
        await asyncio.to_thread(self.blobs.collect, named)
        await asyncio.to_thread(self.logs.collect, rows_s)
        alone = await self.desk.read(lambda store: store.alone())
        kept = {self.artifacts.path(endpoint, job_id).name for endpoint, job_id in alone}
        await asyncio.to_thread(self.artifacts.collect, rows_s, kept)

    async def _look(self) -> None:
        """See how much waits, and wake whoever has something to do."""
        names = list(self.members)

        def depths(store: Store) -> dict[str, Depth]:
            return {name: store.depth(name) for name in names}

        for name, depth in (await self.desk.read(depths)).items():
            jobs = self.members.get(name)
            if jobs is not None:
                jobs.see(depth)

    def _posted(self, endpoint: str, outcome: str) -> None:
        jobs = self.members.get(endpoint.partition("/")[0])
        if jobs is not None:
            jobs.tally.webhooks[outcome] += 1

    def _wake(self, endpoint: str) -> None:
        name = endpoint.partition("/")[0]
        jobs = self.members.get(name)
        if jobs is not None and self.opened:
            jobs.wake()
        elif jobs is None and self.strange is not None:
            self.strange(name)

    async def _sweep(self) -> None:
        while await self.desk.wrote(lambda store: store.sweep(SWEPT_ROWS)) >= SWEPT_ROWS:
            await asyncio.sleep(0)


def _seen(task: asyncio.Task[None]) -> None:
    if not task.cancelled():
        task.exception()


def explain(error: BaseException) -> BaseException:
    """The error behind one of the database's, where there is one of ours for it."""
    if isinstance(error, sqlite3.OperationalError):
        found = storage_error(error)
        return found if isinstance(found, StorageFull) else error
    if isinstance(error, sqlite3.DatabaseError) and getattr(error, "sqlite_errorcode", 0) & 0xFF in DAMAGED:
        return StorageFull(
            "The database in which jobs are kept is damaged. Whoever runs this server may put jobs.db back from a "
            "backup, or move it away to begin anew. Calls without `Prefer: respond-async` still work."
        )
    if isinstance(error, OSError):
        return StorageFull(f"Jobs cannot be kept: {error.strerror}.")
    return error
