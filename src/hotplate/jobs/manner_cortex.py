"""Jobs in the manner of Cortex's async gateway (0.32 to 0.35): `POST /` gives an id, `GET /ID` a status or the result.

What was a defect there is made right: an id is made where the request has none, an unknown one is 404, bodies have
their Content-Type, and a payload that cannot be read is refused at once.
"""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

import msgspec

from hotplate.edge.exchange import Exchange
from hotplate.errors import ResultGone
from hotplate.jobs.asking import Wish
from hotplate.jobs.http import Web
from hotplate.jobs.http_plan import JSON, Answer, JobPlan
from hotplate.jobs.http_submit import keep
from hotplate.jobs.records import Job
from hotplate.wire.frames import Meta

TEXT = (("content-type", "text/plain; charset=utf-8"),)
ID_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")
STATUSES = {"queued": "in_queue", "retrying": "in_queue", "running": "in_progress", "completed": "completed"}
"""Everything else is `failed`."""


def submit(web: Web, meta: Meta, most_bytes: int) -> JobPlan:
    """Keep a payload and answer with its id. The same id again is the same job, as in Cortex's queue."""

    async def work(exchange: Exchange) -> Answer:
        head = exchange.head
        if b"content-type" not in head.headers:
            return _error(400, "missing Content-Type key in request header")
        job_id = head.headers.get(b"x-request-id", b"").decode("latin-1") or str(uuid4())
        if len(job_id) > 128 or not ID_CHARACTERS.issuperset(job_id):
            return _error(400, "invalid x-request-id key in request header")
        await web.jobs.open()
        named = msgspec.structs.replace(meta, headers={"x-request-id": job_id})
        made = await keep(web, exchange, named, Wish(), head.method, head.path, job_id=job_id, origin="cortex")
        return 200, b'{"id":"%b"}\n' % made.id.encode(), JSON

    return web.plan(work, most_bytes, shows=False)


def look(web: Web, job_id: str) -> JobPlan:
    """Say what became of a job."""

    async def work(exchange: Exchange) -> Answer:
        if "/" in job_id or not job_id:
            return 404, b"404 page not found\n", TEXT
        if exchange.head.method != "GET":
            return 405, b"", ()
        await web.jobs.open()
        job = await web.jobs.get(job_id)
        if job is None or job.origin != "cortex":
            return _error(404, f"id {job_id} not found")
        status = STATUSES.get(job.state, "failed")
        if status != "completed":
            return 200, b'{"id":"%b","status":"%b"}\n' % (job_id.encode(), status.encode()), JSON
        result = await web.jobs.desk.read(lambda store: store.result(web.jobs.name, job_id))
        try:
            if result is None:
                raise ResultGone
            body = (await web.read_result(job, result))[1]
        except ResultGone:
            return _error(404, f"id {job_id} not found")
        return 200, _completed(job, body), JSON

    return web.plan(work)


def _completed(job: Job, result: bytes) -> bytes:
    when = datetime.fromtimestamp(job.finished_at or 0, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    head = b'{"id":"%b","status":"completed","result":' % job.id.encode()
    return b'%b%b,"timestamp":"%b"}\n' % (head, result, when.encode())


def _error(status: int, text: str) -> Answer:
    return status, f"error: {text}\n".encode(), TEXT
