"""One client connection: HTTP/1.1 on uvloop, a state machine over one shared receive buffer.

A connection works on one request at a time; pipelined ones wait in its buffer. Small bodies are sliced from the
buffer, large ones are received straight into room that the server gives (shared memory), so that a body byte is
moved once.
"""

from __future__ import annotations

import asyncio
from time import monotonic_ns
from typing import TYPE_CHECKING

from hotplate.edge.body import SECOND, FixedBody, MalformedChunks, TooLarge, first, short
from hotplate.edge.chunked import ChunkedBody
from hotplate.edge.exchange import Exchange, Extent, Refusal
from hotplate.edge.head import Rejection, RequestHead, parse_head
from hotplate.edge.response import STATUS_LINES, fields, problem, rejection
from hotplate.edge.stall import unsent_bytes
from hotplate.edge.writer import BODY, BUSY, CLOSED, DISCARD, HEAD, Writer

if TYPE_CHECKING:
    from hotplate.edge.edge import Edge

PIPELINE_BYTES = 64 * 1024
"""How much of the next requests is kept while one is worked on; then reading pauses."""
DISCARD_S = 2.0
"""How long a refused body is read and thrown away, so that the client gets to read the refusal."""


class Connection(Writer):
    """The protocol object of one client."""

    __slots__ = ("_body", "_inbox", "peer", "reading_paused")

    def __init__(self, edge: Edge) -> None:
        self.edge = edge
        self.state = HEAD
        self.peer = ""
        self.exchange = None
        self.deadline_ns = 0
        self.reading_paused = False
        self._buffer = b""
        self._inbox = first
        self._body: FixedBody | ChunkedBody | None = None
        self._stall = None
        self._owed = 0

    # -- transport callbacks

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport) or hasattr(transport, "write")
        self.transport = transport  # pyright: ignore[reportAttributeAccessIssue]
        self.deadline_ns = monotonic_ns() + int(self.edge.limits.first_byte_timeout_s * SECOND)
        self.edge.opened(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self.state = CLOSED
        self.edge.closed(self)
        exchange = self.exchange
        if exchange is not None:
            self.exchange = None
            exchange.plan.cancel(exchange)
            exchange.head.plan.observe(exchange, 499, monotonic_ns())
        self._drop_body()
        self._buffer = b""

    def eof_received(self) -> bool:
        return False  # a client that closes its side has left: close, and cancel what runs for it

    def get_buffer(self, sizehint: int) -> memoryview:
        body = self._body
        return self._inbox if body is None else body.room()

    def buffer_updated(self, nbytes: int) -> None:
        if self._body is not None:
            self._body_updated(self._body, nbytes)
            return
        state = self.state
        if state in (HEAD, BUSY):
            data = bytes(first[:nbytes])
            if self._buffer:
                data = self._buffer + data
            if state == HEAD:
                self._process(data)
            else:
                self._buffer = data
                if len(data) > PIPELINE_BYTES:
                    self.reading_paused = True
                    self.transport.pause_reading()

    # -- reading requests

    def _process(self, data: bytes) -> None:
        """Take requests out of `data` until one is under way or more bytes are needed."""
        edge = self.edge
        while data:
            end = data.find(b"\r\n\r\n")
            if end < 0:
                if data.startswith(b"\r\n"):  # what some clients send after a body, and nothing else for a while
                    data = data.lstrip(b"\r\n")
                    continue
                if not self._await_head(data):
                    return
                break
            end += 4
            raw = data[:end]
            head = edge.heads.get(raw)
            if head is None:
                if len(raw) > edge.limits.max_header_bytes:
                    return self._reject(Rejection(431, "The request head is too large"))
                if raw.startswith(b"\r\n"):  # RFC 9112, 2.2: an empty line before a request is ignored
                    data = data.lstrip(b"\r\n")
                    continue
                try:
                    head = parse_head(raw, edge.limits.rules)
                except Rejection as error:
                    return self._reject(error)
                head.plan = edge.handler.plan(head)
                edge.remember(raw, head)
            length = head.length
            if length > 0:
                after = end + length
                if length <= edge.limits.inline_bytes and len(data) >= after:
                    body, data = data[end:after], data[after:]
                else:
                    return self._begin_body(head, data[end:])
            elif length == 0:
                body, data = b"", data[end:]
            else:
                return self._begin_body(head, data[end:])
            now = monotonic_ns()
            self.state = BUSY
            plan = head.plan
            self.deadline_ns = now + plan.deadline_ns
            exchange = Exchange(self, head, body, None, now)
            self.exchange = exchange
            self._buffer = data
            plan.handle(exchange)
            if self.state != HEAD:
                return
            data = self._buffer
        self._buffer = data

    def _await_head(self, data: bytes) -> bool:
        limits = self.edge.limits
        if len(data) > limits.max_header_bytes:
            self._reject(Rejection(431, "The request head is too large"))
            return False
        if not self._buffer:
            self.deadline_ns = monotonic_ns() + int(limits.header_timeout_s * SECOND)
        return True

    def _begin_body(self, head: RequestHead, have: bytes) -> None:
        """Receive a body that did not come whole with its head, unless the server refuses it."""
        length = head.length
        refusal = head.plan.admit(head, length)
        limit = head.plan.max_bytes(head)
        if refusal is None and length > limit:
            refusal = too_large(limit)
        extent: Extent | None = None
        if refusal is None and length > self.edge.limits.inline_bytes:
            extent = room(head, length)
            refusal = None if extent is not None else NO_ROOM
        self._inbox = first if extent is None else short
        if refusal is not None:
            return self._refuse(head, refusal)
        limits = self.edge.limits
        chunked = length < 0
        body = ChunkedBody(head, limits, limit, head.plan.allocate) if chunked else FixedBody(head, limits, extent)
        self._body = body
        self.state = BODY
        self._buffer = b""
        if head.expects_continue and not have:
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if have:
            self._feed(body, have)

    def _feed(self, body: FixedBody | ChunkedBody, data: bytes) -> None:
        """Give a body what came with its head."""
        try:
            body.feed(data)
        except (MalformedChunks, TooLarge, OSError) as error:
            return self._body_failed(body, error)
        if body.complete:
            self._body_complete(body)

    def _body_updated(self, body: FixedBody | ChunkedBody, nbytes: int) -> None:
        try:
            complete = body.advance(nbytes)
        except (MalformedChunks, TooLarge, OSError) as error:
            return self._body_failed(body, error)
        if complete:
            self._body_complete(body)

    def _body_failed(self, body: FixedBody | ChunkedBody, error: Exception) -> None:
        if isinstance(error, TooLarge):
            self._refuse(body.head, too_large(body.head.plan.max_bytes(body.head)))
        elif isinstance(error, OSError):
            self._refuse(body.head, NO_ROOM)
        else:
            self._reject(Rejection(400, "Malformed chunked body"))

    def _body_complete(self, body: FixedBody | ChunkedBody) -> None:
        head = body.head
        try:
            data, extent = body.take()
        except OSError as error:
            return self._body_failed(body, error)
        self._body = None
        self._buffer = body.rest
        now = monotonic_ns()
        self.state = BUSY
        self.deadline_ns = now + head.plan.deadline_ns
        exchange = Exchange(self, head, data, extent, now)
        self.exchange = exchange
        head.plan.handle(exchange)

    def hand_over(self, answer: bytes, protocol: asyncio.BufferedProtocol) -> bytes:
        """Answer with the last bytes of HTTP on this connection, and let another protocol have it from here on.

        Gives what came for that protocol already. To be called by a plan's `handle`.
        """
        transport, rest = self.transport, self._buffer
        self.exchange = None
        self.state = CLOSED
        self._buffer = b""
        self.edge.closed(self)
        transport.write(answer)
        transport.set_protocol(protocol)
        return rest

    # -- between requests

    def _continue(self) -> None:
        """Go on with what was received while the last request was worked on."""
        if self.state == HEAD:
            data, self._buffer = self._buffer, b""
            self._process(data)
            # Not before: what is kept would grow by a read with each of its requests.
            if self.reading_paused and (self.state != BUSY or len(self._buffer) <= PIPELINE_BYTES):
                self.reading_paused = False
                self.transport.resume_reading()

    # -- refusing

    def _refuse(self, head: RequestHead, refusal: Refusal) -> None:
        """Answer a request whose body will not be read."""
        self._drop_body()
        exchange = Exchange(self, head, b"", None, monotonic_ns())
        body = b"" if head.method == "HEAD" else refusal.body
        self.transport.write(
            STATUS_LINES[refusal.status]
            + self.edge.clock.header
            + b"content-type: application/json\r\nconnection: close\r\n"
            + fields((*refusal.headers, ("x-request-id", self.edge.request_id(head))))
            + b"content-length: %d\r\n\r\n" % len(refusal.body)
            + body
        )
        head.plan.observe(exchange, refusal.status, exchange.received_ns)
        self._discard()

    def _reject(self, error: Rejection) -> None:
        """Answer bytes that are no valid request."""
        self._drop_body()
        self.transport.write(rejection(error, self.edge.clock))
        self.edge.rejected += 1
        self._discard()

    def turn_away(self, error: Rejection) -> None:
        """Answer a connection that is one too many, before it has sent anything."""
        self.state = DISCARD
        self.transport.write(rejection(error, self.edge.clock))
        self.transport.close()

    def _discard(self) -> None:
        """Close for writing; read and drop what still comes for a moment, so that no reset eats the answer."""
        self.state = DISCARD
        self._buffer = b""
        self.deadline_ns = monotonic_ns() + int(DISCARD_S * SECOND)
        if self.transport.can_write_eof():
            self.transport.write_eof()
        else:
            self.transport.close()

    def _drop_body(self) -> None:
        body, self._body = self._body, None
        if body is not None:
            body.drop()

    # -- time

    def check(self, now: int) -> None:
        """Called a few times a second: enforce whatever deadline this connection is under."""
        if self._stall is not None:
            limit = int(self.edge.limits.write_stall_timeout_s * SECOND)
            if self._stall.too_long(now, unsent_bytes(self.transport), limit):
                self.transport.abort()
                return
        if self._body is not None:
            if self._body.late(now, self.edge.limits):
                self._reject(Rejection(408, "The request body did not arrive in time"))
            return
        if not self.deadline_ns or now < self.deadline_ns:
            return
        if self.state == BUSY:
            self._expire()
        elif self.state == HEAD and self._buffer:
            self._reject(Rejection(408, "The request head did not arrive in time"))
        else:
            self.transport.abort() if self.state == DISCARD else self.transport.close()

    def _expire(self) -> None:
        """The deadline of what is under way has passed: of a call, or of the next piece of a stream."""
        exchange = self.exchange
        if exchange is None:
            return
        if not exchange.streaming:
            self.deadline_ns = 0
            exchange.plan.expire(exchange)
        elif self._stall is None:  # else it is the client that keeps the stream
            exchange.plan.cancel(exchange)
            self.close_stream(exchange, 504, whole=False)

    def shut(self) -> None:
        """The server drains: close now if nothing is under way, else after the answer."""
        if self.state == HEAD and not self._buffer:
            self.transport.close()


def room(head: RequestHead, length: int) -> Extent | None:
    """Room for a large body, if there is any."""
    try:
        return head.plan.allocate(length)
    except OSError:
        return None


def too_large(limit: int) -> Refusal:
    """The answer to a body over its limit."""
    return Refusal(413, problem(f"The body is larger than {limit} bytes", code="limit_exceeded"))


NO_ROOM = Refusal(503, problem("There is no room for the body now", code="unavailable"), (("retry-after", "1"),))
