"""`proximl.jobs`: making endpoints, waiting for them, ending them; with the words and errors of proximl 1.0.2."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from proximl.exceptions import ApiError, JobError, ProxiMLException, SpecificationError

if TYPE_CHECKING:
    from proximl._store import LocalStore
    from proximl.proximl import ProxiML

STATUSES = [
    "waiting for data/model download",
    "waiting for resources",
    "running",
    "stopped",
    "finished",
    "archived",
]
"""What can be waited for."""

MAX_TIMEOUT_S = 24 * 60 * 60
POLL_S = 0.2

_ENDED = ("finished", "failed", "stopped", "removed")
_EARLY = ("new", "waiting for resources", "waiting for data/model download")
_KEPT = {
    "name": (),
    "type": (),
    "project_uuid": (),
    "resources": ("gpu_count", "gpu_types", "disk_size", "max_price", "preemptible", "cpu_count"),
    "model": ("source_type", "source_uri", "project_uuid", "checkpoints"),
    "data": ("datasets", "input_type", "input_uri", "input_options", "output_type", "output_uri", "output_options"),
    "environment": ("type", "env", "custom_image", "worker_key_types", "packages"),
    "endpoint": ("routes", "start_command", "reservation_id"),
}
"""What makes another job like this one: keys, and the keys below them."""


class Jobs:
    """The endpoints of a client."""

    def __init__(self, proximl: ProxiML, store: LocalStore) -> None:
        self.proximl = proximl
        self._store = store

    async def get(self, id: str, **_: Any) -> Job:  # noqa: A002 - its name there
        """Give a job. Raises ApiError with status 404 where there is none."""
        return self._job(await asyncio.to_thread(self._store.get, id))

    async def list(self, **_: Any) -> list[Job]:
        """Give every job."""
        return [self._job(each) for each in await asyncio.to_thread(self._store.list)]

    async def create(
        self,
        name: str,
        type: str,  # noqa: A002 - its name there
        gpu_type: str | None = None,
        gpu_types: Any = (),
        gpu_count: int | None = None,
        cpu_count: int | None = None,
        disk_size: int | None = 10,
        max_price: float | None = 10,
        worker_commands: Any = (),
        environment: Mapping[str, Any] | None = None,
        data: Mapping[str, Any] | None = None,
        model: Mapping[str, Any] | None = None,
        endpoint: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> Job:
        """Start an endpoint on this machine. Resources are kept with the job and mean nothing here.

        Raises SpecificationError and ApiError, as there.
        """
        resources: dict[str, Any] = {
            "gpu_count": gpu_count,
            "disk_size": disk_size,
            "max_price": max_price,
            "cpu_count": cpu_count,
        }
        if gpu_types:
            resources["gpu_types"] = list(gpu_types)
        elif gpu_type:
            resources["gpu_type_id"] = gpu_type
        else:
            text = "Invalid resource specification, either 'gpu_type' or 'gpu_types' must be provided"
            raise SpecificationError("resources", text)
        config: dict[str, Any] = {
            "name": name,
            "type": type,
            "resources": {key: value for key, value in resources.items() if value is not None},
            "worker_commands": list(worker_commands),
            "workers": kwargs.get("workers"),
            "environment": environment,
            "data": data,
            "model": model or {},
            "endpoint": endpoint,
            "source_job_uuid": kwargs.get("source_job_uuid"),
            "project_uuid": kwargs.get("project_uuid") or self.proximl.active_project,
        }
        return await self.create_json({key: value for key, value in config.items() if value or key == "model"})

    async def create_json(self, payload: Mapping[str, Any]) -> Job:
        """Do the same with the whole job as one dict."""
        return self._job(await asyncio.to_thread(self._store.create, dict(payload)))

    async def remove(self, id: str, **_: Any) -> None:  # noqa: A002 - its name there
        """Stop an endpoint and forget its job."""
        await asyncio.to_thread(self._store.remove, id)

    def _job(self, found: dict[str, Any]) -> Job:
        return Job(self.proximl, self._store, found)


class Job:
    """An endpoint, as it was when it was last asked for."""

    def __init__(self, proximl: ProxiML, store: LocalStore, job: dict[str, Any]) -> None:
        self.proximl = proximl
        self._store = store
        self._job = job

    @property
    def dict(self) -> dict[str, Any]:
        """Everything that is known of it."""
        return {key: value for key, value in self._job.items() if key != "nb_token"}

    @property
    def id(self) -> str:
        """What it is found by."""
        return self._job["id"]

    @property
    def name(self) -> str:
        """What it is called."""
        return self._job["name"]

    @property
    def status(self) -> str:
        """Its state, in proxiML's words."""
        return self._job["status"]

    @property
    def type(self) -> str:
        """`endpoint`."""
        return self._job["type"]

    @property
    def workers(self) -> list[dict[str, Any]]:
        """Its one worker."""
        return self._job["workers"]

    @property
    def credits(self) -> float:
        """What it has cost: nothing."""
        return self._job["credits"]

    @property
    def url(self) -> str:
        """Where it is reached; empty once it has stopped."""
        return self._job["endpoint"]["url"]

    @property
    def notebook_url(self) -> str | None:
        """None: it is no notebook."""
        return None

    def __str__(self) -> str:
        return json.dumps(self.dict)

    def __repr__(self) -> str:
        return f"Job( proximl , {self.dict!r})"

    def __bool__(self) -> bool:
        return bool(self.id)

    def get_create_json(self) -> dict[str, Any]:
        """Give what makes another job like this one."""
        found: dict[str, Any] = {}
        for key, below in _KEPT.items():
            value: Any = self._job.get(key)
            if value is not None:
                found[key] = {name: value[name] for name in below if name in value} if below else value
        return found | {"workers": [worker["command"] for worker in self.workers]}

    async def start(self) -> Job:
        """Start it again after `stop`. Its URL may be another one."""
        return self._take(await asyncio.to_thread(self._store.command, self.id, "start"))

    async def stop(self) -> Job:
        """End it: calls in flight are finished first. Wait for `stopped` to see it done."""
        return self._take(await asyncio.to_thread(self._store.command, self.id, "stop"))

    async def refresh(self) -> Job:
        """See how it is now."""
        return self._take(await asyncio.to_thread(self._store.get, self.id))

    async def remove(self, force: bool = False) -> None:
        """Stop it and forget it."""
        await asyncio.to_thread(self._store.remove, self.id)

    async def update(self, data: Any) -> Job:
        """Refused: that is for notebooks."""
        raise SpecificationError("type", "Only notebook jobs can be modified.")

    async def copy(self, name: str, **_: Any) -> Job:
        """Refused: that is for notebooks."""
        raise SpecificationError("job", "Only notebook job types can be copied")

    async def open(self) -> None:
        """Refused: that is for notebooks."""
        raise SpecificationError("type", "Only notebook jobs can be opened.")

    async def connect(self) -> str | None:
        """Give the URL; where the code is still being fetched, wait for that instead."""
        if self.status not in ("new", "waiting for data/model download"):
            return self.url
        await self.wait_for("waiting for resources")
        return None

    async def attach(self, msg_handler: Callable[[dict[str, Any]], Any] | None = None) -> None:
        """Follow its log to its end: print each line, or give it to the handler, the oldest first."""
        await self.refresh()
        after: Any = None
        while True:
            ended = self.status in _ENDED
            lines, after = await asyncio.to_thread(self._store.lines, self.id, after, ended=ended)
            for stamp, message in lines:
                self._tell(stamp, message, msg_handler)
            if ended:
                return
            await asyncio.sleep(POLL_S)
            await self.refresh()

    def _tell(self, stamp: str, message: str, handler: Callable[[dict[str, Any]], Any] | None) -> None:
        when = datetime.fromisoformat(stamp) if stamp else datetime.now().astimezone()
        if handler is None:
            sys.stdout.write(f"{when.astimezone().strftime('%m/%d/%Y, %H:%M:%S')}: {message.rstrip()}\n")
            return
        time_ms = int(when.timestamp() * 1000)
        handler({"type": "subscription", "stream": self.id, "time": time_ms, "msg": message, "worker_number": 1})

    async def get_worker_log_url(self, job_worker_uuid: str) -> str:
        """Give where the log is: a file of this machine's."""
        return self._store.log(self.id).resolve().as_uri()

    async def wait_for(self, status: str, timeout: float = 300) -> Job | None:
        """Wait until it is in a state. Gives None where it was there already.

        Raises:
            SpecificationError: there is no such state to wait for.
            JobError: it failed; the job's `message` has its last words.
            ProxiMLException: the time is over.
        """
        if self.status == status:
            return None
        if status not in STATUSES:
            text = f"Invalid wait_for status {status}.  Valid statuses are: {STATUSES}"
            raise SpecificationError("status", text)
        if timeout > MAX_TIMEOUT_S:
            raise SpecificationError("timeout", f"timeout must be less than {MAX_TIMEOUT_S} seconds.")
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            try:
                await self.refresh()
            except ApiError as error:
                if status == "archived" and error.status == 404:
                    return None
                raise
            if self._reached(status):
                return self
            if self.status == "failed":
                raise JobError(self.status, self)
            await asyncio.sleep(POLL_S)
        raise ProxiMLException(f"Timeout waiting for {status}")

    def _reached(self, status: str) -> bool:
        """Whether it is in a state, or past one that may be too short to be seen."""
        if self.status == status:
            return True
        if self.status == "failed":
            return False
        if status in _EARLY:
            return self.status not in _EARLY
        return status == "running" and self.status in ("uploading", "finished")

    def _take(self, job: dict[str, Any]) -> Job:
        self._job = job
        return self
