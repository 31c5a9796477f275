"""A call becomes a job: 202 and where it is to be found or, after a wait, its result."""

from __future__ import annotations

import asyncio
import os
from hashlib import sha256
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

import msgspec

from hotplate.edge.exchange import Exchange
from hotplate.edge.head import RequestHead
from hotplate.edge.response import encode_json
from hotplate.errors import IdempotencyConflict, JobQueueFull, StorageFull
from hotplate.jobs.asking import Wish, read_wish
from hotplate.jobs.documents import document
from hotplate.jobs.http_plan import JSON, Answer, JobPlan, Unfit, found
from hotplate.jobs.records import Job, NewJob, Refused, Submitted
from hotplate.jobs.webhooks import read_hooks
from hotplate.wire.frames import Meta, encode_meta

if TYPE_CHECKING:
    from hotplate.jobs.http import Web

FULL_RETRY_S = 5.0


def submit(web: Web, head: RequestHead, meta: Meta, most_bytes: int) -> JobPlan:
    """Keep a call of a route and answer 202; or, after a wait, with its result."""
    method, path = head.method, head.path

    async def work(exchange: Exchange) -> Answer:
        head = exchange.head
        wish = read_wish(head)
        await web.jobs.open()
        made = await keep(web, exchange, meta, wish, method, path)
        place = f"{head.prefix}/jobs/{made.id}"
        where = (("location", place), ("preference-applied", "respond-async"))
        if made.created and not wish.wait_s:
            job = Job(
                id=made.id,
                endpoint=web.jobs.name,
                method=method,
                path=path,
                state="queued",
                priority=wish.priority,
                created_at=made.created_at,
            )
        else:
            job = found(await web.jobs.wait(made.id, wish.wait_s))
        if wish.wait_s and job.ended and job.state != "cancelled":
            status, body, headers = await web.answer_of(job)
            return status, body, (*headers, where[0], ("preference-applied", "wait"))
        return 202, encode_json(document(job, head.prefix)), (*JSON, *where, ("retry-after", "1"))

    return web.plan(work, most_bytes, shows=False)


async def keep(
    web: Web,
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
    hooks = read_hooks(exchange.head, web.jobs.settings)
    kept = encode_meta(msgspec.structs.replace(meta, request_id=job_id))
    looked = await web.jobs.look(method, path, kept, body)
    if isinstance(looked, tuple):
        raise Unfit(looked)
    if origin == "deepaas":
        # While no replica runs, nobody knows more of the arguments than what was written.
        note = looked.decode() if looked else encode_json(dict(parse_qsl(meta.query))).decode()
    if wish.key:
        said = "\n".join((method, path, meta.query, meta.content_type)).encode()
        digest = sha256(sha256(said).digest() + sha256(body).digest()).digest()
    if size > web.jobs.keeper.inline_bytes:
        blob = await asyncio.to_thread(_put, web, body)
        body = b""
    made = await web.jobs.submit(
        NewJob(
            id=job_id,
            endpoint=web.jobs.solo_name if origin == "deepaas" else web.jobs.name,
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
        raise JobQueueFull(f"{web.jobs.most} jobs wait already. Try again later.", retry_after_s=FULL_RETRY_S)
    return made


def _put(web: Web, body: bytes) -> str:
    try:
        return web.jobs.keeper.blobs.put(body)
    except OSError as error:
        raise StorageFull(f"Jobs cannot be kept: {error.strerror}.") from error


def new_id() -> str:
    """A job's id: nobody can guess another's."""
    return os.urandom(16).hex()
