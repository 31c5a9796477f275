"""What a job printed, on HTTP: `/jobs/ID/log`, and with `?follow=1` as server-sent events to its end."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from hotplate.edge.exchange import Exchange
from hotplate.edge.response import encode_json, fields
from hotplate.errors import JobError
from hotplate.jobs.documents import event
from hotplate.jobs.http_events import KEEP_ALIVE_S, NOTHING_NEW, STREAM
from hotplate.jobs.http_plan import JSON, Answer, found
from hotplate.jobs.logs import FLUSH_S
from hotplate.jobs.records import Job

if TYPE_CHECKING:
    from hotplate.jobs.http import Web

LOOK_S = 0.5


async def show_log(web: Web, exchange: Exchange, job_id: str) -> Answer | None:
    """Answer with the lines, or follow them."""
    follow = False
    for name, value in parse_qsl(exchange.head.query, keep_blank_values=True):
        if name != "follow" or value not in ("0", "1"):
            raise JobError("A log takes `?follow=1` and nothing else.")
        follow = value == "1"
    await web.jobs.open()
    job = found(await web.jobs.find(job_id))
    if follow:
        await _follow(web, exchange, job)
        return None
    lines, _ = await asyncio.to_thread(web.jobs.keeper.logs.read, job.endpoint, job.id)
    return 200, encode_json({"lines": lines}), JSON


async def _follow(web: Web, exchange: Exchange, job: Job) -> None:
    logs, connection = web.jobs.keeper.logs, exchange.connection
    connection.open_stream(exchange, 200, fields(STREAM))
    offset = 0
    silent = 0.0
    last = False
    with web.jobs.news.listen(job.id) as listener:
        while not exchange.abandoned:
            lines, offset = await asyncio.to_thread(logs.read, job.endpoint, job.id, offset)
            if exchange.abandoned:
                return
            if lines:
                silent = 0.0
                connection.write_piece(exchange, b"".join(event("line", line) for line in lines))
            elif last:
                break
            elif silent >= KEEP_ALIVE_S:
                silent = 0.0
                connection.write_piece(exchange, NOTHING_NEW)
            last = job.ended or listener.closing
            if last:
                await asyncio.sleep(3 * FLUSH_S)  # the last lines are on their way
            else:
                await listener.wait(LOOK_S)
                silent += LOOK_S
                job = await web.jobs.find(job.id) or job
    if not exchange.abandoned:
        connection.close_stream(exchange, 200)
