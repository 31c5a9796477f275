"""The server's end of one worker's socket: sends calls, turns answer frames into HTTP answers.

The reader loop is the server's hottest code, together with `edge/connection.py`.
"""

from __future__ import annotations

import asyncio
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol

from hotplate.edge.exchange import Exchange
from hotplate.edge.response import fields
from hotplate.server.memory import Place, SpillPlace
from hotplate.wire import frames
from hotplate.wire.frames import (
    ARENA,
    BATCH,
    CANCEL,
    CHUNK,
    END,
    HEADER_BYTES,
    OPEN,
    PROGRESS,
    RELEASE,
    REQUEST,
    RESPONSE,
    SPILL,
    TRACED,
    WINDOW,
    Meta,
    decode_meta,
    decode_progress,
    decode_reply,
    decode_traced,
    encode_meta,
)
from hotplate.wire.layout import HEADER, PLACE

if TYPE_CHECKING:
    from hotplate.server.output import Output
    from hotplate.server.plans import CallPlan
    from hotplate.server.process import Process

AHEAD_CALLS = 64
"""Calls sent ahead of a free slot, at most."""
AHEAD_ALONE_NS = 20_000_000
AHEAD_SHARED_NS = 2_000_000
"""Work sent ahead of a free slot, at most: with one worker nobody else could take it; with several, little."""
NAMED = 256
USUAL_META_BYTES = 64
"""What says no more than a content type is usual: few are met, again and again."""
ASSUMED_NS = 10_000_000
"""How long a call is taken to last before any has been measured."""

_receive = bytearray(256 * 1024)
_received = memoryview(_receive)


class Owner(Protocol):
    """Who is told what a worker says besides answers."""

    def freed(self, link: Link) -> None:
        """The worker has room for more calls."""
        ...

    def told(self, link: Link, kind: int, code: int, meta: bytes, body: bytes) -> None:
        """HELLO, CONTRACT, STATE or FAILED came."""
        ...

    def batched(self, link: Link, route: int, items: int) -> None:
        """A batched function was called with so many items."""
        ...

    def given_up(self, link: Link, exchange: Exchange) -> None:
        """Nobody waits any more for a call that the worker has."""
        ...

    def lost(self, link: Link) -> None:
        """The socket closed."""
        ...


class Link(asyncio.BufferedProtocol):
    """Calls in flight on one worker.

    `pending` maps call ids to exchanges; an abandoned exchange stays until the worker lets go of its slot.
    `window` is how many calls may be with the worker: its capacity, and what is sent ahead of it.
    """

    transport: asyncio.Transport
    ahead_ns = (AHEAD_SHARED_NS, AHEAD_ALONE_NS)
    away = False
    """A worker of this machine is never out of reach: a call that it loses was lost by its death."""

    def __init__(
        self,
        owner: Owner,
        process: Process,
        number: int,
        *,
        id_prefix: str,
        replica_header: bytes,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self.owner = owner
        self.process = process
        self.number = number
        self.id_prefix = id_prefix.encode()
        self.pending: dict[int, Exchange] = {}
        self.ready = False
        self.closed = False
        self.capacity = 1
        self.window = 1
        self.alone = True
        self.call_ns = ASSUMED_NS
        self.running_ns = 0  # since when it takes calls
        self.watched = False  # whether somebody is to see if calls that were given up end (`hung.py`)
        self.output: Output | None = None
        self.json_extra = b"content-type: application/json\r\n%bx-request-id: " % replica_header
        self.replica_header = replica_header
        self._last_id = 0
        self._named: dict[int, bytes] = {}  # recent calls whose callers named them
        self._out: list[bytes] = []
        self._soon = loop.call_soon
        self._rest: bytes = b""
        self._sink: bytearray | None = None
        self._got = 0
        self._started = process.answers.view[:4].cast("I")

    # -- sending

    def send(self, exchange: Exchange) -> None:
        """Give a call to the worker."""
        call_id = self._last_id = (self._last_id + 1) & 0xFFFFFFFF
        exchange.call_id = call_id
        exchange.link = self
        self.pending[call_id] = exchange
        plan: CallPlan = exchange.plan
        meta = plan.meta
        if plan.named_id:
            if len(self._named) >= NAMED:
                self._named.clear()
            self._named[call_id] = plan.named_id
        extent = exchange.extent
        out = self._out
        if not out:
            self._soon(self._flush)
        if extent is None:
            body = exchange.body
            n = len(meta)
            out.append(HEADER.pack(n + len(body), call_id, REQUEST, 0, plan.index, n, exchange.received_ns))
            if n:
                out.append(meta)
            out.append(body)
            return
        if isinstance(extent, Place):
            flags, body = ARENA, extent.place
        else:
            assert isinstance(extent, SpillPlace)
            flags, body = SPILL, b""
            record = decode_meta(meta) if meta else Meta()
            meta = encode_meta(
                Meta(record.content_type, record.query, record.headers, extent.path, record.request_id, record.trace),
            )
        size = len(meta) + len(body)
        out.append(HEADER.pack(size, call_id, REQUEST, flags, plan.index, len(meta), exchange.received_ns))
        out.append(meta)
        out.append(body)
        if len(self.pending) == 1 and len(out) == 3:
            self._send_now()

    def _send_now(self) -> None:
        """Send past the loop's turn: reading a large body has left the caches cold, and the turn would cost more than
        the call. The worker has nothing else to do, so nothing is lost by not gathering."""
        out = self._out
        if self.closed or self.transport.get_write_buffer_size():
            return
        data = b"".join(out)
        try:
            sent = self.process.socket.send(data)
        except OSError:  # full; or broken, which the transport will find out
            return
        out.clear()
        if sent < len(data):
            out.append(data[sent:])

    def _flush(self) -> None:
        """Send all frames of this turn of the loop in one piece."""
        out = self._out
        if out and not self.closed:
            self.transport.write(b"".join(out))
        out.clear()

    def _put(self, frame: bytes) -> None:
        if not self._out:
            self._soon(self._flush)
        self._out.append(frame)

    def cancel(self, exchange: Exchange) -> None:
        """Tell the worker that nobody waits for a call."""
        self._put(HEADER.pack(0, exchange.call_id, CANCEL, 0, 0, 0, 0))
        self.owner.given_up(self, exchange)

    def consumed(self, exchange: Exchange, size: int) -> None:
        """Tell the worker that a stream's bytes have left."""
        self._put(HEADER.pack(0, exchange.call_id, WINDOW, 0, 0, 0, size))

    def open_checks(self, path: str) -> None:
        """Tell the worker that jobs are in use, and where to check their inputs."""
        self._put(frames.frame(frames.CHECKS, body=path.encode()))

    def shut_down(self) -> None:
        """Ask the worker to end when its calls have ended."""
        self.ready = False
        self._put(frames.frame(frames.SHUTDOWN))

    # -- receiving

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # pyright: ignore[reportAttributeAccessIssue]

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = True
        self.ready = False
        self.owner.lost(self)

    def get_buffer(self, sizehint: int) -> memoryview:
        sink = self._sink
        return _received if sink is None else memoryview(sink)[self._got :]

    def buffer_updated(self, nbytes: int) -> None:
        if self._sink is not None:
            self._got += nbytes
            if self._got < len(self._sink):
                return
            data = bytes(self._sink)
            self._sink = None
        else:
            data = bytes(_received[:nbytes])
            if self._rest:
                data = self._rest + data
        unpack = HEADER.unpack_from
        pop = self.pending.pop
        at, end = 0, len(data)
        call_ns = self.call_ns
        json_extra = self.json_extra
        while end - at >= HEADER_BYTES:
            size, call_id, kind, flags, code, meta, stamp = unpack(data, at)
            start = at + HEADER_BYTES
            after = start + size
            if after > end:
                if size > 65536:  # a large frame: receive the rest of it in place
                    self._sink = bytearray(HEADER_BYTES + size)
                    self._got = end - at
                    self._sink[: self._got] = data[at:]
                    at = end
                break
            if kind == RESPONSE:
                exchange = pop(call_id)
                call_ns += (stamp - call_ns) >> 3
                if flags or meta or code != 200:
                    self._answer(exchange, flags, code, data[start : start + meta], data[start + meta : after])
                elif not exchange.abandoned:
                    exchange.connection.answer(
                        exchange,
                        200,
                        data[start:after],
                        b"%b%b\r\n" % (json_extra, exchange.plan.named_id or b"%b%x" % (self.id_prefix, call_id)),
                    )
                if exchange.extent is not None:
                    exchange.extent.free()
            elif kind == CHUNK:
                exchange = self.pending.get(call_id)
                if exchange is not None and not exchange.abandoned:
                    exchange.connection.write_piece(exchange, data[start:after])
            else:
                self._other(kind, call_id, code, stamp, data[start : start + meta], data[start + meta : after])
            at = after
        self._rest = data[at:]
        self.call_ns = call_ns
        ahead = self.ahead_ns[self.alone] // (call_ns + 1)
        self.window = self.capacity + (ahead if ahead < AHEAD_CALLS else AHEAD_CALLS)
        self.owner.freed(self)

    def _answer(self, exchange: Exchange, flags: int, status: int, meta: bytes, body: bytes) -> None:
        if flags & ARENA:
            offset, length = PLACE.unpack(body)
            body = bytes(self.process.answers.view[offset : offset + length])
            self._put(frames.frame(RELEASE, body=PLACE.pack(offset, length)))
        if exchange.abandoned:
            return
        if exchange.streaming:
            exchange.connection.close_stream(exchange, status, whole=False)
            return
        exchange.connection.answer(exchange, status, body, self._extra(exchange, status, meta))

    def _extra(self, exchange: Exchange, status: int, meta: bytes) -> bytes:
        return b"%bx-request-id: %b\r\n%b" % (
            _usual_lines(meta) if len(meta) <= USUAL_META_BYTES else _lines(meta),
            self.request_id(exchange),
            self.replica_header if status == 200 else b"",
        )

    def request_id(self, exchange: Exchange) -> bytes:
        """The id of a call: the caller's, or the one that the worker derives in the same way."""
        return exchange.plan.named_id or b"%b%x" % (self.id_prefix, exchange.call_id)

    def running_id(self) -> str:
        """The id of the call that runs, or ran last, where calls run one at a time; else nothing."""
        call_id = self._started[0]
        if self.capacity != 1 or not call_id:
            return ""
        return (self._named.get(call_id) or b"%b%x" % (self.id_prefix, call_id)).decode()

    def _other(self, kind: int, call_id: int, code: int, stamp: int, meta: bytes, body: bytes) -> None:
        if kind == OPEN:
            exchange = self.pending.get(call_id)
            if exchange is not None and not exchange.abandoned:
                extra = self._extra(exchange, code, meta) + b"cache-control: no-cache\r\nx-accel-buffering: no\r\n"
                exchange.connection.open_stream(exchange, code, extra)
        elif kind == END:
            exchange = self.pending.pop(call_id)
            if not exchange.abandoned:
                exchange.connection.write_piece(exchange, body, last=True)
                exchange.connection.close_stream(exchange, 200)
            if exchange.extent is not None:
                exchange.extent.free()
        elif kind == PROGRESS:
            exchange = self.pending.get(call_id)
            if exchange is not None and not exchange.abandoned:
                step = decode_progress(meta)
                exchange.connection.progress(exchange, step.fraction, step.text)
        elif kind == TRACED:
            exchange = self.pending.get(call_id)
            if exchange is not None:
                exchange.plan.traced(stamp, decode_traced(meta))
        elif kind == BATCH:
            self.owner.batched(self, call_id, code)
        else:
            self.owner.told(self, kind, code, meta, body)

    # -- after a loss

    def never_started(self, exchange: Exchange) -> bool:
        """Whether a call had not left the worker's queue. Read after the worker is gone."""
        return 0 < (exchange.call_id - self._started[0]) & 0xFFFFFFFF < 0x80000000

    def forget(self) -> None:
        """Let go of the worker's memory, which would otherwise stay mapped until this object is collected."""
        self.closed = True
        self.transport.abort()
        self._started.release()


def _lines(meta: bytes) -> bytes:
    """The header lines that an answer's record asks for."""
    reply = decode_reply(meta) if meta else frames.Reply()
    content_type = b"content-type: %b\r\n" % reply.content_type.encode("latin-1") if reply.content_type else b""
    return content_type + fields(reply.headers) if reply.headers else content_type


_usual_lines = lru_cache(maxsize=64)(_lines)
