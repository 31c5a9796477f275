"""The async shell: `Client` for asyncio, with the same arguments, results and errors."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, closing
from types import TracebackType
from typing import Any, Self, TypeVar
from weakref import WeakKeyDictionary

import httpx

from hotplate.client import transport
from hotplate.client.answers import RawAnswer, failure_error
from hotplate.client.core import DEFAULT_TIMEOUT_S, Core
from hotplate.client.errors import InvalidCall
from hotplate.client.exchange import Answer, Failure, Send, Steps
from hotplate.client.jobs import Job, JobCalls
from hotplate.client.stream import EventStream

T = TypeVar("T")


class AsyncClient:
    """Calls endpoints from asyncio. What each argument and method means is told at `Client`.

    One client may be used by many tasks, and in one event loop after another: connections belong to the loop that
    made them.
    """

    def __init__(
        self,
        token: str | None = None,
        *,
        base_url: str | None = None,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        retries: int = 4,
        verify: transport.Verify = True,
    ) -> None:
        self._core = Core.create(token, base_url, timeout_s, retries)
        self._settings = transport.settings(verify)
        self._pools: WeakKeyDictionary[asyncio.AbstractEventLoop, httpx.AsyncClient] = WeakKeyDictionary()
        self._closed = False
        self._sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    async def infer(
        self,
        endpoint_url: str,
        inputs: Any = None,
        *,
        files: Mapping[str, Any] | None = None,
        timeout_s: float | None = None,
        idempotent: bool = False,
    ) -> Any:
        """Call a route and give its answer, decoded from JSON. See `Client.infer`."""
        return await self._run(self._core.infer(endpoint_url, inputs, files, timeout_s, idempotent))

    async def infer_raw(
        self,
        endpoint_url: str,
        data: Any,
        content_type: str | None = None,
        *,
        accept: str = "*/*",
        timeout_s: float | None = None,
        idempotent: bool = False,
    ) -> RawAnswer:
        """Send bytes, get bytes. See `Client.infer_raw`."""
        return await self._run(self._core.infer_raw(endpoint_url, data, content_type, accept, timeout_s, idempotent))

    def infer_stream(
        self,
        endpoint_url: str,
        inputs: Any = None,
        map_fn: Callable[[Any], Any] | None = None,
        *,
        files: Mapping[str, Any] | None = None,
        timeout_s: float | None = None,
    ) -> AsyncGenerator[Any, None]:
        """Call a route that streams: `async for value in client.infer_stream(...)`. See `Client.infer_stream`.

        A loop that may stop early closes the stream at once inside `contextlib.aclosing`; else the event loop
        closes it a little later.
        """
        return self._stream(self._core.open_stream(endpoint_url, inputs, files, timeout_s), map_fn)

    async def submit(
        self,
        endpoint_url: str,
        inputs: Any = None,
        *,
        files: Mapping[str, Any] | None = None,
        key: str | None = None,
        priority: int | None = None,
        deadline_s: float | None = None,
        webhook: str | None = None,
        webhook_events: Sequence[str] = (),
    ) -> Job:
        """Have a call run later: it is kept on the server's disk when this returns. See `Client.submit`.

        Args:
            key: equal ones stand for one job. Where None, one is made, so that a lost connection makes no second job.
            priority: 0 is run first, 7 last.
            deadline_s: a job that still waits after so long fails.
        """
        calls = JobCalls(self._core)
        return await self._run(
            calls.submit(
                endpoint_url,
                inputs,
                files,
                key=key,
                priority=priority,
                deadline_s=deadline_s,
                webhook=webhook,
                webhook_events=webhook_events,
            )
        )

    async def job(self, job: Job | str, *, wait_s: float = 0.0) -> Job:
        """Ask how a job is. `job` may be its URL, or its id where the client has a `base_url`.

        `wait_s`: answer when it has ended, or after so many seconds (at most 60).
        """
        return await self._run(JobCalls(self._core).get(job, wait_s))

    async def job_result(self, job: Job | str, *, timeout_s: float | None = None) -> Any:
        """Wait for a job's end and give its answer, as `infer` gives it.

        Raises: as `infer`; CallTimeout when it has not ended in `timeout_s` seconds (the client's where None).
        """
        return await self._run(JobCalls(self._core).result(job, timeout_s))

    async def cancel_job(self, job: Job | str) -> Job:
        """End a job, waiting or running. Raises StatusError (409) when it has ended already."""
        return await self._run(JobCalls(self._core).cancel(job))

    async def retry_job(self, job: Job | str) -> Job:
        """Let a failed or dead job run again. Raises StatusError (409) for any other."""
        return await self._run(JobCalls(self._core).retry(job))

    async def job_log(self, job: Job | str) -> list[dict[str, str]]:
        """Give what a job has printed. See `Client.job_log`."""
        return await self._run(JobCalls(self._core).log(job))

    def follow_job_log(self, job: Job | str, *, timeout_s: float | None = None) -> AsyncGenerator[Any, None]:
        """Give the lines of a job as they come. See `Client.follow_job_log`."""
        return self.follow(JobCalls(self._core).log_url(job), timeout_s=timeout_s)

    async def list_jobs(self, server_url: str = "", *, state: str = "", route: str = "", limit: int = 50) -> list[Job]:
        """Give jobs of a server, the newest first: those in `state` (several with commas), those of one `route`."""
        return await self._run(JobCalls(self._core).list(server_url, state=state, route=route, limit=limit))

    async def request(self, method: str, url: str, inputs: Any = None, *, timeout_s: float | None = None) -> Any:
        """Send a request of any method, decode its answer. See `Client.request`."""
        return await self._run(self._core.request(method, url, inputs, timeout_s))

    async def request_raw(
        self,
        method: str,
        url: str,
        data: Any = None,
        content_type: str | None = None,
        *,
        timeout_s: float | None = None,
    ) -> RawAnswer:
        """Send a request of any method, bytes both ways. See `Client.request_raw`."""
        return await self._run(self._core.request_raw(method, url, data, content_type, timeout_s))

    def follow(self, url: str, *, timeout_s: float | None = None) -> AsyncGenerator[Any, None]:
        """GET a stream of server-sent events. See `Client.follow`."""
        return self._stream(self._core.follow(url, timeout_s), None)

    async def health_check(self, endpoint_url: str, timeout_s: float | None = None) -> int:
        """Wait until a GET of the URL is answered with 2xx. See `Client.health_check`."""
        return await self._run(self._core.health_check(endpoint_url, timeout_s))

    async def aclose(self) -> None:
        """Close the connections of the running event loop. A closed client makes no more calls."""
        self._closed = True
        if pool := self._pools.pop(asyncio.get_running_loop(), None):
            await pool.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        await self.aclose()

    async def _stream(
        self, steps: Steps[EventStream], map_fn: Callable[[Any], Any] | None
    ) -> AsyncGenerator[Any, None]:
        async with AsyncExitStack() as opened:
            stream = await self._run(steps, opened)
            chunks = stream.answer.chunks
            while not stream.done:
                try:
                    chunk = await anext(chunks, None)
                except transport.BROKEN as error:
                    raise failure_error(stream.request, transport.failure(error), stream.silence_s) from error
                for value in stream.items(chunk):
                    yield map_fn(value) if map_fn else value
                if chunk is None:
                    return

    async def _run(self, steps: Steps[T], opened: AsyncExitStack | None = None) -> T:
        if self._closed:
            raise InvalidCall("This client is closed. Make a new one.")
        result: Answer | Failure | None = None
        with closing(steps):
            while True:
                try:
                    step = steps.send(result)
                except StopIteration as end:
                    return end.value
                if isinstance(step, Send):
                    result = await self._send(step, opened)
                else:
                    await self._sleep(step.seconds)
                    result = None

    async def _send(self, step: Send, opened: AsyncExitStack | None) -> Answer | Failure:
        body = step.request.body
        content = None if body is None else body.acontent()
        async with AsyncExitStack() as connection:
            try:
                async with asyncio.timeout(step.timeout_s):
                    response = await connection.enter_async_context(
                        self._pool().stream(**transport.arguments(step, content))
                    )
                    if opened is not None and response.is_success:
                        opened.push_async_exit(connection.pop_all())
                        return transport.answer(response, chunks=response.aiter_bytes())
                    return transport.answer(response, await response.aread())
            except (*transport.BROKEN, TimeoutError) as error:
                return transport.failure(error)

    def _pool(self) -> httpx.AsyncClient:
        loop = asyncio.get_running_loop()
        pool = self._pools.get(loop)
        if pool is None:
            pool = self._pools[loop] = transport.opened(httpx.AsyncClient, self._settings)
        return pool
