"""Trainings in the manner of DEEPaaS 2.6.0: `POST` starts one, `GET` lists or shows them, `DELETE` ends and forgets.

What was a defect there is made right: a running or waiting training can be cancelled (200 and `cancelled`), files and
results of any kind do no harm, and the list survives a restart.
"""

from __future__ import annotations

import asyncio
import json
from datetime import datetime, timedelta
from typing import Any

from hotplate.edge.exchange import Exchange
from hotplate.jobs.asking import Wish
from hotplate.jobs.http import Web
from hotplate.jobs.http_plan import Answer, JobPlan
from hotplate.jobs.http_submit import keep
from hotplate.jobs.records import Filter, Job
from hotplate.jobs.rights import may_change
from hotplate.wire.frames import Meta

JSON = (("content-type", "application/json; charset=utf-8"),)
TEXT = (("content-type", "text/plain; charset=utf-8"),)
MOST = 1000
"""Trainings in a list: the newest."""
NOT_FOUND: Answer = (404, b"404: Not Found", TEXT)


def submit(web: Web, meta: Meta, most_bytes: int) -> JobPlan:
    """Start a training."""

    async def work(exchange: Exchange) -> Answer:
        head = exchange.head
        await web.jobs.open()
        made = await keep(web, exchange, meta, Wish(), head.method, head.path, origin="deepaas")
        job = await web.jobs.get(made.id, alone=True)
        return _answer(_shown(job, None)) if job is not None else NOT_FOUND

    return web.plan(work, most_bytes, shows=False)


def look(web: Web, path: str, rest: str) -> JobPlan:
    """List the trainings of a path, or show or end the one that `rest` names."""
    route = path.removesuffix("*")

    async def work(exchange: Exchange) -> Answer:
        head = exchange.head
        if "/" in rest:
            return NOT_FOUND
        if head.method not in (("GET", "DELETE") if rest else ("GET",)):
            return 405, b"405: Method Not Allowed", (*TEXT, ("allow", "DELETE,GET" if rest else "GET,POST"))
        await web.jobs.open()
        if not rest:
            return _answer(await _list(web, route))
        job = await web.jobs.get(rest, alone=True)
        if job is None or job.path != route:
            return NOT_FOUND
        if head.method == "DELETE":
            may_change(head.sender, job)
            cancelled, changed = await web.jobs.cancel(job)
            job = cancelled if changed and cancelled is not None else job
        shown = await _whole(web, job)
        if head.method == "DELETE":
            await web.jobs.desk.wrote(lambda store: store.forget(web.jobs.solo_name, rest))
            await asyncio.to_thread(web.jobs.keeper.logs.forget, web.jobs.solo_name, rest)
            await asyncio.to_thread(web.jobs.keeper.artifacts.forget, web.jobs.solo_name, rest)
        return _answer(shown)

    return web.plan(work)


async def _list(web: Web, route: str) -> list[dict[str, Any]]:
    wanted = Filter(endpoint=web.jobs.solo_name, path=route, limit=MOST)
    jobs = await web.jobs.desk.read(lambda store: store.list(wanted))
    return [await _whole(web, job) for job in reversed(jobs)]


async def _whole(web: Web, job: Job) -> dict[str, Any]:
    result = None
    if job.has_result:
        result = await web.jobs.desk.read(lambda store: store.result(web.jobs.solo_name, job.id))
    body = (await web.read_result(job, result))[1] if result is not None else None
    return _shown(job, body)


def _shown(job: Job, body: bytes | None) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "date": _local(job.created_at),
        "args": json.loads(job.note or "{}"),
        "uuid": job.id,
        "status": "running",
    }
    if job.state == "completed":
        took = timedelta(seconds=(job.finished_at or 0.0) - job.created_at)
        output = json.loads(body) if body is not None else None
        done = {"output": output, "finish_date": _local(job.finished_at or 0.0), "duration": str(took)}
        shown |= {"status": "done", "result": done}
    elif job.state == "cancelled":
        shown["status"] = "cancelled"
    elif job.ended:
        shown |= {"status": "error", "message": _message(job, body)}
    return shown


def _message(job: Job, body: bytes | None) -> str:
    """What train() raised; of a training that ended without that, why."""
    try:
        said = json.loads(body or b"null")
    except ValueError:
        said = None
    return said["message"] if isinstance(said, dict) and "message" in said else job.error  # pyright: ignore


def _local(seconds: float) -> str:
    """Local time without a zone, as there, but always with microseconds."""
    return datetime.fromtimestamp(seconds).strftime("%Y-%m-%d %H:%M:%S.%f")  # noqa: DTZ006 - DEEPaaS has no zone


def _answer(value: Any) -> Answer:
    return 200, json.dumps(value).encode(), JSON
