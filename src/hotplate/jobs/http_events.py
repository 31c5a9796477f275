"""A job's news as server-sent events: `/jobs/ID/events`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hotplate.edge.exchange import Exchange
from hotplate.edge.response import fields
from hotplate.jobs.documents import document, event
from hotplate.jobs.http_plan import found

if TYPE_CHECKING:
    from hotplate.jobs.http import Web

STREAM = (("content-type", "text/event-stream"), ("cache-control", "no-cache"), ("x-accel-buffering", "no"))
KEEP_ALIVE_S = 15.0
"""How often a silent event stream sends a comment, so that nothing between takes it for dead."""
NOTHING_NEW = b": nothing new\n\n"


async def show_events(web: Web, exchange: Exchange, job_id: str) -> None:
    """Send a job's news until it has ended or the client has gone."""
    await web.jobs.open()
    job = found(await web.jobs.find(job_id))
    connection = exchange.connection
    connection.open_stream(exchange, 200, fields(STREAM))
    shown: tuple[Any, ...] = ()
    silent = 0.0
    with web.jobs.news.listen(job_id) as listener:
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
                connection.write_piece(exchange, NOTHING_NEW)
            job = await web.jobs.find(job_id) or job
    if not exchange.abandoned:
        connection.close_stream(exchange, 200)
