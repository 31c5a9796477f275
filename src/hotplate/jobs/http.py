"""Jobs on HTTP: what stands between a request and the jobs of its endpoint. Every answer of a plan here is made later,
on the loop, when the store has spoken."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from hotplate.edge.exchange import Exchange, Extent, Refusal
from hotplate.edge.head import RequestHead
from hotplate.edge.response import encode_json, fields, problem
from hotplate.edge.status import STATUS
from hotplate.errors import (
    HotplateError,
    IdempotencyConflict,
    JobFinished,
    JobNotFinished,
    JobNotFound,
    JobNotRetryable,
    JobQueueFull,
    ResultGone,
    StorageFull,
    Unavailable,
)
from hotplate.jobs import http_logs, http_webhooks
from hotplate.jobs.asking import Wish, read_filter, read_wait, read_wish
from hotplate.jobs.documents import document, event, page_of
from hotplate.jobs.http_artifacts import Flow, show_artifacts
from hotplate.jobs.records import Job, NewJob, Refused, Result, Submitted
from hotplate.jobs.rights import may_change, may_list
from hotplate.jobs.service import Jobs
from hotplate.jobs.webhooks import read_hooks
from hotplate.wire.frames import Meta, encode_meta

JSON = (("content-type", "application/json"),)
SMALL_BODY_BYTES = 64 * 1024
KEEP_ALIVE_S = 15.0
"""How often a silent event stream sends a comment, so that nothing between takes it for dead."""
FULL_RETRY_S = 5.0

Headers = tuple[tuple[str, str], ...]
Answer = tuple[int, bytes, Headers]
Log = Callable[[Exchange, int], None]
Work = Callable[[Exchange], Coroutine[Any, Any, Answer | None]]


class Unfit(Exception):
    """An input that its route cannot take; `answer` is what a call would have been told."""

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self.answer = answer


class JobPlan:
    """A request that is answered by a coroutine. `work` makes it; what it raises becomes an answer.

    A head has its plan, and the edge remembers both for requests with the same head: so `work` takes the head from the
    exchange and holds none itself, or a thousand of them at a time would be left to the garbage collector.
    """

    __slots__ = ("_log", "_most_bytes", "_web", "_work", "deadline_ns", "error_key", "named_id", "shows")
    patience_ns: int | None = None

    def __init__(self, web: Web, log: Log, work: Work, most_bytes: int, *, shows: bool) -> None:
        self.shows = shows
        self.named_id = b""
        self.error_key = "detail"
        self._web = web
        self._log = log
        self._work = work
        self._most_bytes = most_bytes
        self.deadline_ns = int(web.jobs.settings.timeout_s * 1e9)

    def admit(self, head: RequestHead, length: int) -> Refusal | None:
        """Nothing is refused before its body has come: the store says whether there is room."""
        return None

    def max_bytes(self, head: RequestHead) -> int:
        """The cap of the route, or of a page."""
        return self._most_bytes

    def handle(self, exchange: Exchange) -> None:
        """Answer later."""
        self._web.follow(self._run(exchange))

    def allocate(self, length: int) -> Extent:
        """Room for a body that will be kept."""
        return self._web.jobs.allocate(length)

    def cancel(self, exchange: Exchange) -> None:
        """The client has gone."""
        exchange.abandoned = True
        if exchange in self._web.flows:
            self._web.flows[exchange].room.set()

    def expire(self, exchange: Exchange) -> None:
        """The deadline has passed."""
        exchange.abandoned = True
        body = problem("No answer within the deadline.", code="deadline_exceeded")
        exchange.connection.answer(exchange, STATUS["deadline_exceeded"], body, fields(JSON))

    def consumed(self, exchange: Exchange, size: int) -> None:
        """Files are sent as they are taken; events at their own pace."""
        flow = self._web.flows.get(exchange)
        if flow is not None:
            flow.consumed(size)

    def observe(self, exchange: Exchange, status: int, now_ns: int) -> None:
        """Log the answer."""
        self._log(exchange, status)

    async def _run(self, exchange: Exchange) -> None:
        try:
            answer = await self._work(exchange)
        except Unfit as error:
            answer = error.answer
        except HotplateError as error:
            answer = failed(error)
        except Exception as error:  # noqa: BLE001 - the caller is told, and the log
            self._web.jobs.tally.trouble(f"a request about jobs failed: {error!r}")
            body = problem("An internal error. The log has the details.", code="internal_error")
            answer = (500, body, JSON)
        finally:
            exchange.free()
        if answer is not None and not exchange.abandoned:
            status, body, headers = answer
            exchange.connection.answer(exchange, status, body, fields(headers))


class Web:
    """Makes the plans of one endpoint's jobs."""

    def __init__(self, jobs: Jobs, log: Log) -> None:
        self.jobs = jobs
        self.flows: dict[Exchange, Flow] = {}
        self._log = log
        self._tasks: set[asyncio.Task[None]] = set()

    def follow(self, work: Coroutine[Any, Any, None]) -> None:
        """Run a coroutine to its end."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # -- plans

    def submit(self, head: RequestHead, meta: Meta, most_bytes: int) -> JobPlan:
        """Keep a call of a route and answer 202; or, after a wait, with its result."""
        method, path = head.method, head.path

        async def work(exchange: Exchange) -> Answer:
            head = exchange.head
            wish = read_wish(head)
            await self.jobs.open()
            made = await self.keep(exchange, meta, wish, method, path)
            place = f"{head.prefix}/jobs/{made.id}"
            where = (("location", place), ("preference-applied", "respond-async"))
            if made.created and not wish.wait_s:
                job = Job(
                    id=made.id,
                    endpoint=self.jobs.name,
                    method=method,
                    path=path,
                    state="queued",
                    priority=wish.priority,
                    created_at=made.created_at,
                )
            else:
                job = found(await self.jobs.wait(made.id, wish.wait_s))
            if wish.wait_s and job.ended and job.state != "cancelled":
                status, body, headers = await self.answer_of(job)
                return status, body, (*headers, where[0], ("preference-applied", "wait"))
            return 202, encode_json(document(job, head.prefix)), (*JSON, *where, ("retry-after", "1"))

        return self.plan(work, most_bytes, shows=False)

    async def keep(
        self,
        exchange: Exchange,
        meta: Meta,
        wish: Wish,
        method: str,
        path: str,
        *,
        job_id: str = "",
        origin: str = "http",
        note: str = "",
    ) -> Submitted:
        """Put a request's call into the store. Raises what refuses it."""
        body = bytes(exchange.extent.view) if exchange.extent is not None else exchange.body
        exchange.free()
        job_id = job_id or new_id()
        blob = ""
        size = len(body)
        digest = b""
        hooks = read_hooks(exchange.head, self.jobs.settings)
        kept = encode_meta(msgspec.structs.replace(meta, request_id=job_id))
        looked = await self.jobs.look(method, path, kept, body)
        if isinstance(looked, tuple):
            raise Unfit(looked)
        if origin == "deepaas":
            # While no replica runs, nobody knows more of the arguments than what was written.
            note = looked.decode() if looked else encode_json(dict(parse_qsl(meta.query))).decode()
        if wish.key:
            said = "\n".join((method, path, meta.query, meta.content_type)).encode()
            digest = sha256(sha256(said).digest() + sha256(body).digest()).digest()
        if size > self.jobs.keeper.inline_bytes:
            blob = await asyncio.to_thread(self._put, body)
            body = b""
        made = await self.jobs.submit(
            NewJob(
                id=job_id,
                endpoint=self.jobs.solo_name if origin == "deepaas" else self.jobs.name,
                method=method,
                path=path,
                meta=kept,
                body=body,
                blob=blob,
                body_bytes=size,
                key=wish.key,
                digest=digest,
                priority=wish.priority,
                deadline_s=wish.deadline_s,
                origin=origin,
                note=note,
                hooks=hooks,
                caller=sender.id if (sender := exchange.head.sender) is not None else "",
            )
        )
        if isinstance(made, Refused):
            if made.code == "idempotency_conflict":
                raise IdempotencyConflict
            raise JobQueueFull(f"{self.jobs.most} jobs wait already. Try again later.", retry_after_s=FULL_RETRY_S)
        return made

    def _put(self, body: bytes) -> str:
        try:
            return self.jobs.keeper.blobs.put(body)
        except OSError as error:
            raise StorageFull(f"Jobs cannot be kept: {error.strerror}.") from error

    def page(self, head: RequestHead) -> JobPlan | None:
        """The plan of `/jobs` and what lies below it; None where there is nothing."""
        parts = head.path.split("/")[2:]
        method = "GET" if head.method == "HEAD" else head.method
        if not parts or parts == [""]:
            return self.plan(lambda exchange: self._list(exchange.head)) if method == "GET" else None
        work = self._work_of(method, parts[0], parts[1:])
        return self.plan(work) if work is not None else None

    def _work_of(self, method: str, job_id: str, rest: list[str]) -> Work | None:
        """What is done with one job; `rest` is the path below it. None where there is nothing."""
        if method == "GET" and not rest:
            return lambda exchange: self._show(exchange.head, job_id)
        if method == "DELETE" and not rest:
            return lambda exchange: self._cancel(exchange.head, job_id)
        if method == "GET" and rest == ["result"]:
            return lambda exchange: self._result(exchange.head, job_id)
        if method == "GET" and rest == ["events"]:
            return lambda exchange: self._events(exchange, job_id)
        if method == "GET" and rest[:1] == ["artifacts"]:
            return lambda exchange: show_artifacts(self, exchange, job_id, "/".join(rest[1:]))
        if method == "GET" and rest == ["log"]:
            return lambda exchange: http_logs.show_log(self, exchange, job_id)
        if rest[:1] == ["webhooks"]:
            return http_webhooks.work_of(self, method, job_id, rest[1:])
        if method == "POST" and rest == ["retry"]:
            return lambda exchange: self._retry(exchange.head, job_id)
        return None

    def plan(self, work: Work, most_bytes: int = SMALL_BODY_BYTES, *, shows: bool = True) -> JobPlan:
        """A plan that answers with what a coroutine gives. `shows`: it runs nothing, so that `read` is enough for it;
        what may be changed by whom is decided by the work itself (`rights.py`)."""
        return JobPlan(self, self._log, work, most_bytes, shows=shows)

    # -- pages

    async def _list(self, head: RequestHead) -> Answer:
        may_list(head.sender)
        await self.jobs.open()
        wanted = read_filter(head, self.jobs.name)
        if wanted.origin == "deepaas":
            wanted = msgspec.structs.replace(wanted, endpoint=self.jobs.solo_name)
        return 200, encode_json(page_of(await self.jobs.list(wanted), head.prefix, wanted)), JSON

    async def _show(self, head: RequestHead, job_id: str) -> Answer:
        await self.jobs.open()
        return 200, encode_json(document(found(await self.jobs.wait(job_id, read_wait(head))), head.prefix)), JSON

    async def _cancel(self, head: RequestHead, job_id: str) -> Answer:
        job, changed = await self.jobs.cancel(await self._changeable(head, job_id))
        if not changed:
            job = found(job)
            if job.state == "cancelled":
                raise JobFinished("The job was cancelled already.")
            raise JobFinished(f"The job has ended already ({job.state}), so it cannot be cancelled.")
        return 200, encode_json(document(found(job), head.prefix)), JSON

    async def _changeable(self, head: RequestHead, job_id: str) -> Job:
        """A job that the sender may change. Raises JobNotFound and Forbidden."""
        await self.jobs.open()
        job = found(await self.jobs.find(job_id))
        may_change(head.sender, job)
        return job

    async def _retry(self, head: RequestHead, job_id: str) -> Answer:
        job, changed = await self.jobs.revive(await self._changeable(head, job_id))
        if not changed:
            state = found(job).state
            raise JobNotRetryable(f"The job is {state}; only one that failed or died can be retried.")
        return 202, encode_json(document(found(job), head.prefix)), JSON

    async def _result(self, head: RequestHead, job_id: str) -> Answer:
        await self.jobs.open()
        return await self.answer_of(found(await self.jobs.wait(job_id, read_wait(head))))

    async def answer_of(self, job: Job) -> Answer:
        """The answer of a job that has ended, as the project gave it."""
        if not job.ended:
            raise JobNotFinished(f"The job is {job.state}, so it has no result yet. Wait for it with ?wait=30.")
        result = await self.jobs.desk.read(lambda store: store.result(job.endpoint, job.id))
        if result is None:
            if job.state == "cancelled":
                raise ResultGone("The job was cancelled, so it has no result.")
            if job.status is None:
                raise ResultGone(f"The job ended without a result: {job.error}")
            raise ResultGone(f"The result was kept for {self.jobs.settings.job_retention_s:g} s and is gone.")
        return await self.read_result(job, result)

    async def read_result(self, job: Job, result: Result) -> Answer:
        """The kept answer with its body. Raises ResultGone."""
        body = result.body
        if result.blob:
            try:
                body = await asyncio.to_thread(self.jobs.keeper.blobs.get, result.blob)
            except FileNotFoundError:
                raise ResultGone from None
            except OSError as error:
                raise StorageFull(f"The result cannot be read now: {error.strerror}. Try again later.") from error
        return result.status, body, (*result.headers, ("x-request-id", job.id))

    async def _events(self, exchange: Exchange, job_id: str) -> None:
        """Send a job's news until it has ended or the client has gone."""
        await self.jobs.open()
        job = found(await self.jobs.find(job_id))
        connection = exchange.connection
        head = fields(
            (("content-type", "text/event-stream"), ("cache-control", "no-cache"), ("x-accel-buffering", "no"))
        )
        connection.open_stream(exchange, 200, head)
        shown: tuple[Any, ...] = ()
        silent = 0.0
        with self.jobs.news.listen(job_id) as listener:
            while not exchange.abandoned:
                seen = (job.state, job.attempt)
                if seen != shown:
                    shown, silent = seen, 0.0
                    connection.write_piece(exchange, event("state", document(job, exchange.head.prefix)))
                if listener.step is not None:
                    fraction, text = listener.step
                    listener.step, silent = None, 0.0
                    connection.write_piece(exchange, event("progress", {"fraction": fraction, "text": text}))
                if job.ended or listener.closing:
                    break
                await listener.wait(1.0)
                silent += 1.0
                if silent >= KEEP_ALIVE_S and not exchange.abandoned:
                    silent = 0.0
                    connection.write_piece(exchange, b": nothing new\n\n")
                job = await self.jobs.find(job_id) or job
        if not exchange.abandoned:
            connection.close_stream(exchange, 200)


def failed(error: HotplateError) -> Answer:
    """The answer for an error of ours."""
    headers: Headers = JSON
    if isinstance(error, Unavailable):
        headers = (*JSON, ("retry-after", str(max(1, round(error.retry_after_s)))))
    elif isinstance(error, JobNotFinished):
        headers = (*JSON, ("retry-after", "1"))
    return STATUS[error.code], problem(error.message, code=error.code), headers


def found(job: Job | None) -> Job:
    """A job that must be there. Raises JobNotFound."""
    if job is None:
        raise JobNotFound
    return job


def new_id() -> str:
    """A job's id: nobody can guess another's."""
    return os.urandom(16).hex()
