"""What a training left in its output folder, on HTTP: `/jobs/ID/artifacts`, and below it each file.

A file is sent as fast as the client takes it, and is never in memory as a whole.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, BinaryIO

from hotplate.edge.exchange import Exchange
from hotplate.edge.response import encode_json, fields
from hotplate.errors import JobNotFound
from hotplate.jobs.http_plan import JSON, Answer, found
from hotplate.jobs.records import Job

if TYPE_CHECKING:
    from hotplate.jobs.http import Web

PIECE_BYTES = 256 * 1024
AHEAD_BYTES = 1024 * 1024
"""So much may be on its way to a client that has not taken it yet."""
FILE = (
    ("content-type", "application/octet-stream"),
    ("content-disposition", "attachment"),
    ("x-content-type-options", "nosniff"),
)


class Flow:
    """How much of a file is on its way."""

    def __init__(self) -> None:
        self.owed = 0
        self.room = asyncio.Event()
        self.room.set()

    def sent(self, size: int) -> None:
        """A piece was handed over."""
        self.owed += size
        if self.owed >= AHEAD_BYTES:
            self.room.clear()

    def consumed(self, size: int) -> None:
        """The client has taken some."""
        self.owed -= size
        if self.owed < AHEAD_BYTES:
            self.room.set()


async def show_artifacts(web: Web, exchange: Exchange, job_id: str, name: str) -> Answer | None:
    """Answer with the list, or send the file of a name."""
    await web.jobs.open()
    job = found(await web.jobs.find(job_id))
    artifacts = web.jobs.keeper.artifacts
    if not name:
        listed = await asyncio.to_thread(artifacts.list, job.endpoint, job.id)
        return 200, encode_json({"artifacts": listed}), JSON
    try:
        file = await asyncio.to_thread(artifacts.open, job.endpoint, job.id, name)
    except FileNotFoundError:
        raise JobNotFound(f"The job has no artifact {name[:200]!r}.") from None
    try:
        await _send(web, exchange, file, job)
    finally:
        await asyncio.to_thread(file.close)
    return None


async def _send(web: Web, exchange: Exchange, file: BinaryIO, job: Job) -> None:
    flow = web.flows[exchange] = Flow()
    connection = exchange.connection
    try:
        connection.open_stream(exchange, 200, fields((*FILE, ("x-request-id", job.id))))
        while not exchange.abandoned:
            piece = await asyncio.to_thread(file.read, PIECE_BYTES)
            if not piece or exchange.abandoned:
                break
            flow.sent(len(piece))
            connection.write_piece(exchange, piece)
            await flow.room.wait()
        if not exchange.abandoned:
            connection.close_stream(exchange, 200)
    finally:
        del web.flows[exchange]
