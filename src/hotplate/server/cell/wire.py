"""The replica's end of the connection that carries many small calls at once: frames in, frames out.

A call that comes here was never an HTTP request: it goes into the queue with this connection in a client's place.
"""

from __future__ import annotations

import asyncio
from time import monotonic_ns
from typing import TYPE_CHECKING, Any

from hotplate.edge.exchange import Exchange
from hotplate.edge.head import RequestHead
from hotplate.wire import frames
from hotplate.wire.frames import (
    CANCEL,
    CHUNK,
    END,
    HEADER_BYTES,
    OPEN,
    PROGRESS,
    REQUEST,
    RESPONSE,
    WINDOW,
    Progress,
    decode_meta,
    encode_meta,
)
from hotplate.wire.layout import HEADER
from hotplate.wire.remote import CUT, REFUSAL, UNTIMED, Refused, encode_refused

if TYPE_CHECKING:
    from hotplate.server.endpoint import Endpoint

TICK_S = 1.0
PLANS = 1024
MAX_FRAME_BYTES = 1024 * 1024
"""Larger bodies come by HTTP."""

_HEAD = RequestHead("POST", "/", "", {}, 0, keep_alive=True, http_11=True)
"""There is none: the meta of the frame has all that the worker is told."""

_receive = bytearray(256 * 1024)
_received = memoryview(_receive)


class FarExchange(Exchange):
    """A call of the server's. `far_id` is the server's number of it."""

    __slots__ = ("deadline_ns", "far_id")


class FarPlan:
    """What the worker's link needs to know of a call."""

    __slots__ = ("error_key", "index", "meta", "named_id")
    patience_ns: int | None = None

    def __init__(self, index: int, meta: bytes, error_key: str) -> None:
        self.index = index
        self.meta = meta
        self.error_key = error_key
        self.named_id = decode_meta(meta).request_id.encode() if meta else b""

    def traced(self, begun_ns: int, what: Any) -> None:
        """The server measures by itself."""


class CellWire(asyncio.BufferedProtocol):
    """To the endpoint and its links it is the client of each of its calls."""

    deadline_ns = 0

    def __init__(self, endpoint: Endpoint, transport: asyncio.Transport) -> None:
        self._endpoint = endpoint
        self._transport = transport
        self._calls: dict[int, FarExchange] = {}
        self._plans: dict[tuple[int, bytes], FarPlan] = {}
        self._out: list[bytes] = []
        self._rest = b""
        self.closed = False
        self._loop = asyncio.get_running_loop()
        self._timer = self._loop.call_later(TICK_S, self._tick)

    @property
    def busy(self) -> bool:
        """Whether an answer is owed."""
        return bool(self._calls)

    def close(self) -> None:
        """Break off."""
        self._transport.abort()

    # -- receiving

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = True
        self._timer.cancel()
        calls, self._calls = self._calls, {}
        for exchange in calls.values():
            self._endpoint.cancel(exchange)

    def eof_received(self) -> bool:
        return False

    def get_buffer(self, sizehint: int) -> memoryview:
        return _received

    def buffer_updated(self, nbytes: int) -> None:
        self.feed(bytes(_received[:nbytes]))

    def feed(self, data: bytes) -> None:
        """Take what came."""
        if self._rest:
            data = self._rest + data
        at, end = 0, len(data)
        now = monotonic_ns()
        while end - at >= HEADER_BYTES:
            size, call_id, kind, flags, code, meta, stamp = HEADER.unpack_from(data, at)
            start = at + HEADER_BYTES
            after = start + size
            if size > MAX_FRAME_BYTES or meta > size:
                return self.close()
            if after > end:
                break
            if kind == REQUEST:
                self._begin(call_id, flags, code, data[start : start + meta], data[start + meta : after], now - stamp)
            elif kind == CANCEL:
                if (exchange := self._calls.pop(call_id, None)) is not None:
                    self._endpoint.cancel(exchange)
            elif kind == WINDOW:
                exchange = self._calls.get(call_id)
                if exchange is not None and exchange.link is not None:
                    exchange.link.consumed(exchange, stamp)
            at = after
        self._rest = data[at:]

    def _begin(self, far_id: int, flags: int, index: int, meta: bytes, body: bytes, received_ns: int) -> None:
        plan = self._plans.get((index, meta)) or self._make_plan(index, meta)
        if plan is None:
            return self._put(frames.frame(CUT, call_id=far_id, code=502))
        connection: Any = self
        exchange = FarExchange(connection, _HEAD, body, None, received_ns)
        exchange.plan = plan
        exchange.far_id = far_id
        exchange.deadline_ns = 0 if flags & UNTIMED else received_ns + self._endpoint.deadline_ns
        self._calls[far_id] = exchange
        self._endpoint.submit(exchange)

    def _make_plan(self, index: int, meta: bytes) -> FarPlan | None:
        contract = self._endpoint.contract
        if contract is None or index >= len(contract.mounts):
            return None
        if len(self._plans) >= PLANS:
            self._plans.clear()
        plan = self._plans[index, meta] = FarPlan(index, meta, contract.mounts[index].error_key)
        return plan

    def _tick(self) -> None:
        self._timer = self._loop.call_later(TICK_S, self._tick)
        now = monotonic_ns()
        late = [each for each in self._calls.values() if each.deadline_ns and each.deadline_ns < now]
        for exchange in late:
            if exchange.streaming:
                self._endpoint.cancel(exchange)
                self.close_stream(exchange, 504, whole=False)
            else:
                self._endpoint.expire(exchange)

    # -- what the endpoint and its links call

    def answer(self, exchange: FarExchange, status: int, body: bytes, extra: bytes) -> None:
        """A whole answer."""
        far_id = exchange.far_id
        if self._calls.pop(far_id, None) is None:
            return
        n = len(extra)
        out = self._out
        if not out:
            self._loop.call_soon(self._flush)
        out.append(HEADER.pack(n + len(body), far_id, RESPONSE, 0, status, n, 0))
        out.append(extra)
        out.append(body)

    def refused(
        self, exchange: FarExchange, code: str, status: int, body: bytes, extra: bytes, last_output: str = ""
    ) -> None:
        """An answer of this server's own."""
        if self._calls.pop(exchange.far_id, None) is not None:
            meta = encode_refused(Refused(code, last_output, extra))
            self._put(frames.frame(REFUSAL, call_id=exchange.far_id, code=status, meta=meta, body=body))

    def progress(self, exchange: FarExchange, fraction: float | None, text: str) -> None:
        """How far a call is."""
        meta = encode_meta(Progress(fraction, text))
        self._put(frames.frame(PROGRESS, call_id=exchange.far_id, meta=meta))

    def open_stream(self, exchange: FarExchange, status: int, extra: bytes) -> None:
        """A stream begins."""
        exchange.streaming = True
        self._put(frames.frame(OPEN, call_id=exchange.far_id, code=status, meta=extra))

    def write_piece(self, exchange: FarExchange, piece: bytes, *, last: bool = False) -> None:
        """A piece of it."""
        if exchange.deadline_ns:
            exchange.deadline_ns = monotonic_ns() + self._endpoint.deadline_ns
        if piece:
            self._put(HEADER.pack(len(piece), exchange.far_id, CHUNK, 0, int(last), 0, 0))
            self._out.append(piece)

    def close_stream(self, exchange: FarExchange, status: int, *, whole: bool = True) -> None:
        """Its end."""
        if self._calls.pop(exchange.far_id, None) is not None:
            self._put(frames.frame(END if whole else CUT, call_id=exchange.far_id, code=status))

    # -- sending

    def _put(self, frame: bytes) -> None:
        if not self._out:
            self._loop.call_soon(self._flush)
        self._out.append(frame)

    def _flush(self) -> None:
        """Send all frames of this turn of the loop in one piece."""
        out, self._out = self._out, []
        if out and not self.closed:
            self._transport.write(b"".join(out))
