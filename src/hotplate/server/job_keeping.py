"""The jobs of a whole server, or the promise of them. Nothing behind it is imported, and no file is opened, before the
first job: a server without jobs starts and weighs as if there were none."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hotplate.config.settings import Settings
    from hotplate.jobs.keeper import Keeper
    from hotplate.server.job_door import JobDoor
    from hotplate.server.log import Log

AGAIN_S = 5.0
"""How long a store that cannot be opened is left alone when the server starts."""
DELETED = "The endpoint was deleted before the job could run."


class JobKeeping:
    """What the doors of all endpoints of a server share. `folder` is where jobs are kept, `name` what else they are
    known by (see `jobs.keeper.Keeper`)."""

    def __init__(self, folder: Path, name: str, settings: Settings, log: Log) -> None:
        self.folder = folder
        self.name = name
        self.settings = settings
        self.log = log
        self.doors: dict[str, JobDoor] = {}
        self._keeper: Keeper | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self._resuming: asyncio.Task[Any] | None = None
        self._paused = False

    @property
    def keeper(self) -> Keeper:
        """What keeps them."""
        if self._keeper is None:
            from hotplate.jobs.keeper import Keeper

            self._keeper = Keeper(self.folder, self.name, self.settings, self.log.warning)
            self._keeper.paused = self._paused
            self._keeper.webhook_secret = self._webhook_secret
            if self.settings.jobs_store is not None:
                self._keeper.strange = self._met
        return self._keeper

    @property
    def there(self) -> bool:
        """Whether there may be jobs of an earlier server, or of another one."""
        return self.settings.jobs_store is not None or (self.folder / "jobs.db").exists()

    def follow(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run a coroutine beside everything else. What it raises is said; calls are served all the same."""
        task = asyncio.get_running_loop().create_task(self._guarded(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    @property
    def _place(self) -> str:
        return str(self.folder) if self.settings.jobs_store is None else "the shared database"

    async def _guarded(self, work: Coroutine[Any, Any, Any]) -> None:
        try:
            await work
        except Exception as error:  # noqa: BLE001
            self.log.error(f"The jobs in {self._place} cannot be kept: {error}")

    def resume(self, *, all_there: bool) -> None:
        """Go on with what an earlier server left. `all_there`: an endpoint that has no door now is gone for good."""
        if self.there:
            self._resuming = self.follow(self._resume(all_there))

    def _webhook_secret(self, name: str) -> str | None:
        door = self.doors.get(name)
        return None if door is None else door.webhook_secret()

    def _met(self, name: str) -> None:
        """An endpoint has jobs that came by another server."""
        door = self.doors.get(name)
        if door is not None and not self._paused:
            self.follow(door.open())

    async def _resume(self, all_there: bool) -> None:
        keeper = self.keeper
        said = ""
        while True:
            try:
                await keeper.open()
                break
            except Exception as error:  # a full disk, a database that is away: what waits there is run when it is back
                if self._paused:
                    raise
                text = f"The jobs in {self._place} cannot be kept: {str(error).rstrip('.')}."
                if text != said:
                    said = text
                    self.log.error(f"{text} Those that wait there are run when they can be read.")
                await asyncio.sleep(AGAIN_S)
        if said:
            self.log.warning(f"jobs: {self._place} answers again")
        names = await keeper.desk.read(lambda store: store.endpoints())
        for name in sorted({name.partition("/")[0] for name in names}):
            door = self.doors.get(name)
            if door is not None:
                await door.open()
            elif all_there and self.settings.jobs_store is None:  # a database may be others' too
                for each in (name, f"{name}/alone"):
                    await keeper.desk.wrote(
                        lambda store, each=each: store.end_waiting(each, "endpoint_deleted", DELETED)
                    )

    # -- the end

    def pause(self) -> None:
        """Take no more jobs: the server drains."""
        self._paused = True
        if self._keeper is not None:
            self._keeper.pause()

    @property
    def busy(self) -> bool:
        """Whether a job runs."""
        return self._keeper is not None and self._keeper.busy

    async def close(self) -> None:
        """Give back what still runs."""
        if self._resuming is not None:
            self._resuming.cancel()
        if self._tasks:
            await asyncio.wait(set(self._tasks))
        if self._keeper is not None:
            await self._keeper.close()
