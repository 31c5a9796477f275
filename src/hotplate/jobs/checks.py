"""Asks a worker whether an input fits its route, before the job is kept: a wrong one is refused like any wrong call.

Workers connect to a socket in a private folder as soon as they are told that jobs are in use (`wire.frames.CHECKS`)
and look at their socket. A worker that does not answer in time (it holds the interpreter, or has just started) refuses
nothing: the job is kept, and fails if it must.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from time import monotonic_ns
from typing import Final, Literal

from hotplate.deployment.unix_address import unix_address
from hotplate.wire import frames
from hotplate.wire.frames import ARENA, HEADER_BYTES, MAX_FRAME_BYTES, decode_reply
from hotplate.wire.layout import HEADER

ANSWER_S = 5.0
MOST_ASKED = 64
"""A worker that owes so many answers is asked no more: what is asked waits in memory."""
LATE_S = 0.05
"""How long to wait for a worker, and for one that was too late the last time: submits must not stand in line for it.
The shorter one is also how often it is looked at, so that it may be twice as long."""
LEFT: Final = "left"
"""What is said instead of an answer of a worker that ended meanwhile: another one is asked."""
TRIES = 3
MOST_BYTES = 1024 * 1024
"""Larger inputs are not checked: they are media, and looking at them costs as much as using them."""

Refusal = tuple[int, bytes, tuple[tuple[str, str], ...]]
Looked = Refusal | bytes | None


class Checks:
    """The server's end."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._server: asyncio.Server | None = None
        self._workers: list[_Worker] = []
        self._came = asyncio.Event()

    async def open(self) -> None:
        """Listen for workers."""
        loop = asyncio.get_running_loop()
        with unix_address(self.path) as address:
            self._server = await loop.create_unix_server(lambda: _Worker(self), address)
        self.path.chmod(0o666)  # workers in containers are of another user; nobody else can enter the folder

    def close(self) -> None:
        """Let the workers go."""
        if self._server is not None:
            self._server.close()
        for worker in list(self._workers):
            worker.transport.abort()
        self.path.unlink(missing_ok=True)

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
        for _ in range(TRIES):
            looked = await self._ask_one(index, meta, body)
            if not isinstance(looked, str):
                return looked
        return None

    async def _ask_one(self, index: int, meta: bytes, body: bytes) -> Looked | Literal["left"]:
        if not self._workers:
            return None
        worker = min(self._workers, key=lambda each: (each.late, len(each.asked)))
        if len(worker.asked) >= MOST_ASKED:
            return None
        return await worker.ask(index, meta, body)


class _Worker(asyncio.Protocol):
    """One worker's connection. What is asked in one turn of the loop goes out together, and one timer is for all."""

    transport: asyncio.Transport

    def __init__(self, checks: Checks) -> None:
        self._checks = checks
        self._loop = asyncio.get_running_loop()
        self.late = False
        self.asked: dict[int, tuple[float, asyncio.Future[Looked | Literal["left"]]]] = {}
        """Until when an answer is waited for, and by whom. One that comes later is still counted as owed."""
        self._last = 0
        self._out: list[bytes] = []
        self._rest = b""
        self._timer: asyncio.TimerHandle | None = None

    def ask(self, index: int, meta: bytes, body: bytes) -> asyncio.Future[Looked | Literal["left"]]:
        call_id = self._last = (self._last + 1) & 0xFFFFFFFF
        future: asyncio.Future[Looked | Literal["left"]] = self._loop.create_future()
        self.asked[call_id] = (self._loop.time() + (LATE_S if self.late else ANSWER_S), future)
        head = HEADER.pack(len(meta) + len(body), call_id, frames.REQUEST, 0, index, len(meta), monotonic_ns())
        if not self._out:
            self._loop.call_soon(self._flush)
        self._out += (head, meta, body)
        if self._timer is None:
            self._timer = self._loop.call_later(LATE_S, self._look)
        return future

    def _flush(self) -> None:
        self.transport.write(b"".join(self._out))
        self._out.clear()

    def _look(self) -> None:
        """Wait no longer than is said for any answer."""
        now = self._loop.time()
        waiting = False
        for until, future in self.asked.values():
            if not future.done():
                if until <= now:
                    self.late = True
                    future.set_result(None)
                else:
                    waiting = True
        self._timer = self._loop.call_later(LATE_S, self._look) if waiting else None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # pyright: ignore[reportAttributeAccessIssue]
        self._checks.joined(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._checks.left(self)
        if self._timer is not None:
            self._timer.cancel()
        for _, future in self.asked.values():
            if not future.done():
                future.set_result(LEFT)

    def data_received(self, data: bytes) -> None:
        data = self._rest + data
        while len(data) >= HEADER_BYTES:
            size, call_id, _, flags, status, meta, _ = HEADER.unpack_from(data)
            if size > MAX_FRAME_BYTES:
                return self.transport.abort()
            after = HEADER_BYTES + size
            if len(data) < after:
                break
            _, future = self.asked.pop(call_id, (0.0, None))
            self.late = False
            if future is not None and not future.done():
                reply = decode_reply(data[HEADER_BYTES : HEADER_BYTES + meta]) if meta else frames.Reply()
                body = data[HEADER_BYTES + meta : after] if not flags & ARENA else b""
                headers = (("content-type", reply.content_type), *reply.headers)
                future.set_result(body if status < 400 else (status, body, headers))
            data = data[after:]
        self._rest = data
