"""Asks a worker whether an input fits its route, before the job is kept: a wrong one is refused like any wrong call.

Workers connect to a socket in a private folder as soon as they are told that jobs are in use (`wire.frames.CHECKS`)
and look at their socket. A worker that does not answer in time (it holds the interpreter, or has just started) refuses
nothing: the job is kept, and fails if it must.
"""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from time import monotonic_ns

from hotplate.wire import frames
from hotplate.wire.frames import ARENA, HEADER_BYTES, MAX_FRAME_BYTES, decode_reply
from hotplate.wire.layout import HEADER

ANSWER_S = 5.0
MOST_ASKED = 64
"""A worker that owes so many answers is asked no more: what is asked waits in memory."""
LATE_S = 0.05
"""How long to wait for a worker, and for one that was too late the last time: submits must not stand in line for it."""
MOST_BYTES = 1024 * 1024
"""Larger inputs are not checked: they are media, and looking at them costs as much as using them."""

Refusal = tuple[int, bytes, tuple[tuple[str, str], ...]]
Looked = Refusal | bytes | None


class Checks:
    """The server's end."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = self.folder / "s"
        self._server: asyncio.Server | None = None
        self._workers: list[_Worker] = []
        self._came = asyncio.Event()

    async def open(self) -> None:
        """Listen for workers."""
        self.folder.mkdir(mode=0o700)
        self._server = await asyncio.get_running_loop().create_unix_server(lambda: _Worker(self), str(self.path))

    def close(self) -> None:
        """Let the workers go."""
        if self._server is not None:
            self._server.close()
        for worker in list(self._workers):
            worker.transport.abort()
        shutil.rmtree(self.folder, ignore_errors=True)

    def joined(self, worker: _Worker) -> None:
        """A worker can be asked."""
        self._workers.append(worker)
        self._came.set()

    def left(self, worker: _Worker) -> None:
        """A worker is gone."""
        self._workers.remove(worker)
        if not self._workers:
            self._came.clear()

    async def look(self, index: int, meta: bytes, body: bytes, *, patient: bool) -> Looked:
        """What is wrong with an input, or what the face shows of a good one; None when nobody can say.

        `patient`: wait for a first worker.
        """
        if len(body) > MOST_BYTES:
            return None
        if not self._workers and patient:
            try:
                await asyncio.wait_for(self._came.wait(), ANSWER_S)
            except TimeoutError:
                return None
        if not self._workers:
            return None
        worker = min(self._workers, key=lambda each: (each.late, len(each.asked)))
        if len(worker.asked) >= MOST_ASKED:
            return None
        answer = worker.ask(index, meta, body)
        try:
            return await asyncio.wait_for(answer, LATE_S if worker.late else ANSWER_S)
        except TimeoutError:
            worker.late = True
            return None


class _Worker(asyncio.Protocol):
    """One worker's connection."""

    transport: asyncio.Transport

    def __init__(self, checks: Checks) -> None:
        self._checks = checks
        self.late = False
        self.asked: dict[int, asyncio.Future[Looked]] = {}
        self._last = 0
        self._rest = b""

    def ask(self, index: int, meta: bytes, body: bytes) -> asyncio.Future[Looked]:
        call_id = self._last = (self._last + 1) & 0xFFFFFFFF
        future: asyncio.Future[Looked] = asyncio.get_running_loop().create_future()
        self.asked[call_id] = future
        head = HEADER.pack(len(meta) + len(body), call_id, frames.REQUEST, 0, index, len(meta), monotonic_ns())
        self.transport.write(head + meta + body)
        return future

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # pyright: ignore[reportAttributeAccessIssue]
        self._checks.joined(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._checks.left(self)
        for future in self.asked.values():
            if not future.done():
                future.set_result(None)

    def data_received(self, data: bytes) -> None:
        data = self._rest + data
        while len(data) >= HEADER_BYTES:
            size, call_id, _, flags, status, meta, _ = HEADER.unpack_from(data)
            if size > MAX_FRAME_BYTES:
                return self.transport.abort()
            after = HEADER_BYTES + size
            if len(data) < after:
                break
            future = self.asked.pop(call_id, None)
            self.late = False
            if future is not None and not future.done():
                reply = decode_reply(data[HEADER_BYTES : HEADER_BYTES + meta]) if meta else frames.Reply()
                body = data[HEADER_BYTES + meta : after] if not flags & ARENA else b""
                headers = (("content-type", reply.content_type), *reply.headers)
                future.set_result(body if status < 400 else (status, body, headers))
            data = data[after:]
        self._rest = data
