"""Jobs on HTTP: what is at `/jobs` and below it, and who answers there. Calls become jobs in `http_submit.py`."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import msgspec

from hotplate.edge.exchange import Exchange
from hotplate.edge.head import RequestHead
from hotplate.edge.response import encode_json
from hotplate.errors import JobFinished, JobNotFinished, JobNotRetryable, ResultGone, StorageFull
from hotplate.jobs import http_logs, http_webhooks
from hotplate.jobs.asking import read_filter, read_wait
from hotplate.jobs.documents import document, page_of
from hotplate.jobs.http_artifacts import Flow, show_artifacts
from hotplate.jobs.http_events import show_events
from hotplate.jobs.http_plan import JSON, Answer, JobPlan, Log, Work, found
from hotplate.jobs.records import Job, Result
from hotplate.jobs.rights import may_change, may_list
from hotplate.jobs.service import Jobs

SMALL_BODY_BYTES = 64 * 1024


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
            return lambda exchange: show_events(self, exchange, job_id)
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
