"""The server's end of the connection to a replica that carries many small calls at once (`wire/remote.py`).

Its loops are to replicas on other machines what those of `server/link.py` are to workers: the hot path.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import monotonic_ns
from typing import TYPE_CHECKING

from hotplate.edge.exchange import Exchange
from hotplate.wire.frames import (
    CANCEL,
    CHUNK,
    END,
    HEADER_BYTES,
    MAX_FRAME_BYTES,
    OPEN,
    PROGRESS,
    REQUEST,
    RESPONSE,
    WINDOW,
    decode_progress,
)
from hotplate.wire.layout import HEADER
from hotplate.wire.remote import CUT, LINK, PROTOCOL, REFUSAL, TOKEN, UNTIMED, decode_refused

if TYPE_CHECKING:
    from hotplate.server.remote.link import RemoteLink
    from hotplate.server.remote.reach import Reach

LARGE_BYTES = 64 * 1024
MAX_HEAD = 16 * 1024

_receive = bytearray(256 * 1024)
_received = memoryview(_receive)


class Wire(asyncio.BufferedProtocol):
    """`opened` tells whether the replica agreed to it; False: only HTTP is spoken there."""

    transport: asyncio.Transport

    def __init__(self, link: RemoteLink, reach: Reach) -> None:
        self.link = link
        self.open = False
        self.lost = asyncio.Event()
        self.opened: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self.calls: dict[int, Exchange] = {}
        self._reach = reach
        self._out: list[bytes] = []
        self._unsent: list[int] = []
        self._soon: Callable[[Callable[[], None]], object] = asyncio.get_running_loop().call_soon
        self._rest = b""
        self._sink: bytearray | None = None
        self._got = 0

    # -- sending

    def send(self, exchange: Exchange) -> None:
        """Carry a call."""
        plan = exchange.plan
        meta, body, call_id = plan.meta, exchange.body, exchange.call_id
        self.calls[call_id] = exchange
        out = self._out
        if not out:
            self._soon(self._flush)
        waited_ns = monotonic_ns() - exchange.received_ns if plan.patience_ns is None else 0
        flags = 0 if getattr(plan, "deadline_ns", 0) else UNTIMED  # a job's runner keeps the time
        n = len(meta)
        out.append(HEADER.pack(n + len(body), call_id, REQUEST, flags, plan.index, n, waited_ns))
        out.append(meta)
        out.append(body)
        self._unsent.append(call_id)

    def cancel(self, call_id: int) -> None:
        """Nobody waits for a call."""
        self.calls.pop(call_id, None)
        self._put(HEADER.pack(0, call_id, CANCEL, 0, 0, 0, 0))

    def consumed(self, call_id: int, size: int) -> None:
        """A stream's bytes have left."""
        self._put(HEADER.pack(0, call_id, WINDOW, 0, 0, 0, size))

    def _put(self, frame: bytes) -> None:
        if not self._out:
            self._soon(self._flush)
        self._out.append(frame)

    def _flush(self) -> None:
        """Send all frames of this turn of the loop in one piece."""
        out, self._out = self._out, []
        if out and self.open:
            self._unsent.clear()
            self.transport.write(b"".join(out))

    def never_sent(self, call_id: int) -> bool:
        """Whether a call was not sent, or is none of this connection's."""
        return call_id not in self.calls or call_id in self._unsent

    def abort(self) -> None:
        """Break off."""
        self.transport.abort()

    # -- receiving

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # pyright: ignore[reportAttributeAccessIssue]
        self.transport.write(
            f"GET {LINK} HTTP/1.1\r\nhost: {self._reach.authority}\r\n{TOKEN}: {self._reach.token}\r\n"
            f"connection: upgrade\r\nupgrade: {PROTOCOL}\r\n\r\n".encode()
        )

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        was_open, self.open = self.open, False
        self.lost.set()
        if not self.opened.done():
            self.opened.set_result(False)
        if was_open:
            unsent = set(self._unsent)
            calls, self.calls = self.calls, {}
            why = "it closed the connection" if exc is None else "the connection broke off"
            self.link.wire_lost(self, calls, unsent, why)

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
        if not self.open:
            data = self._begin(data)
            if not self.open:
                self._rest = data
                return
        unpack = HEADER.unpack_from
        calls, link = self.calls, self.link
        at, end = 0, len(data)
        while end - at >= HEADER_BYTES:
            size, call_id, kind, _, code, meta, _ = unpack(data, at)
            start = at + HEADER_BYTES
            after = start + size
            if size > MAX_FRAME_BYTES or meta > size:
                return self.abort()
            if after > end:
                if size > LARGE_BYTES:  # receive the rest of it in place
                    self._sink = bytearray(HEADER_BYTES + size)
                    self._got = end - at
                    self._sink[: self._got] = data[at:]
                    at = end
                break
            exchange = calls.get(call_id)
            if exchange is None:
                pass  # it was given up meanwhile
            elif kind == RESPONSE:
                del calls[call_id], link.pending[call_id]
                body = start + meta
                exchange.connection.answer(exchange, code, data[body:after], data[start:body])
            elif kind == CHUNK:
                exchange.connection.write_piece(exchange, data[start:after], last=bool(code))
            else:
                self._other(exchange, kind, code, data[start : start + meta], data[start + meta : after])
            at = after
        self._rest = data[at:]
        link.room()

    def _begin(self, data: bytes) -> bytes:
        """Read the answer to the request for the upgrade."""
        head, found, rest = data.partition(b"\r\n\r\n")
        if not found:
            if len(data) > MAX_HEAD:
                self.abort()
            return data
        if head.startswith(b"HTTP/1.1 101 ") and PROTOCOL.encode() in head:
            self.open = True
        else:
            self.abort()
            rest = b""
        if not self.opened.done():
            self.opened.set_result(self.open)
        return rest

    def _other(self, exchange: Exchange, kind: int, code: int, meta: bytes, body: bytes) -> None:
        call_id = exchange.call_id
        if kind == OPEN:
            exchange.connection.open_stream(exchange, code, meta)
        elif kind == PROGRESS:
            step = decode_progress(meta)
            exchange.connection.progress(exchange, step.fraction, step.text)
        elif kind in (END, CUT):
            del self.calls[call_id], self.link.pending[call_id]
            self.link.stream_ended(exchange, code, whole=kind == END)
        elif kind == REFUSAL:
            del self.calls[call_id], self.link.pending[call_id]
            told = decode_refused(meta)
            self.link.refused(exchange, told.code, code, body, told.extra, told.last_output)
