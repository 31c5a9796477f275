"""One kept-alive connection to a replica: one call at a time, both ways as it comes.

What is usual (a short answer that came whole) is taken in one look; it is the server's hot path for replicas on other
machines. Everything else is parsed by `answer.py`.
"""

from __future__ import annotations

import asyncio
import re
import select
from typing import TYPE_CHECKING

from hotplate.edge.exchange import Exchange
from hotplate.server.remote.answer import Answer, Malformed
from hotplate.wire import remote

if TYPE_CHECKING:
    from hotplate.server.remote.link import RemoteLink

PIECE_BYTES = 128 * 1024
HIGH_BYTES = 256 * 1024
"""How much of a body may lie between us and the system."""
UNREAD_BYTES = 1024 * 1024
"""How far a caller may be behind the replica's stream before no more of it is read."""
SINK_BYTES = 64 * 1024
"""Answers of at least this size are received in place."""

_receive = bytearray(256 * 1024)
_received = memoryview(_receive)
_usual = re.compile(
    rb"HTTP/1\.1 200 OK\r\ndate: [^\r\n]{1,40}\r\n"
    rb"((?:(?:content-type|x-request-id|octoai_replica_name): [\x20-\x7e]{1,200}\r\n){0,4})"
    rb"content-length: ([0-9]{1,9})\r\n\r\n"
).match


class RemoteConnection(asyncio.BufferedProtocol):
    """`exchange` is the call that it carries; None: it waits for one."""

    __slots__ = (
        "_answer",
        "_body",
        "_got",
        "_paused",
        "_pieces",
        "_sent",
        "_sink",
        "closed",
        "exchange",
        "idle_since",
        "link",
        "reading_paused",
        "transport",
        "unread",
    )

    transport: asyncio.Transport

    def __init__(self, link: RemoteLink) -> None:
        self.link = link
        self.exchange: Exchange | None = None
        self.closed = False
        self.idle_since = 0.0
        self.unread = 0
        self.reading_paused = False
        self._paused = False
        self._answer: Answer | None = None
        self._body: memoryview | None = None
        self._sent = 0
        self._sink: bytearray | None = None
        self._got = 0
        self._pieces: list[bytes] = []

    # -- sending

    def send(self, exchange: Exchange, head: bytes) -> None:
        """Carry a call. `head` is all of it but the end."""
        self.exchange = exchange
        extent = exchange.extent
        if extent is None:
            self.transport.write(head + b"\r\n" + exchange.body)
            return
        self.transport.write(head + b"\r\n")
        self._body, self._sent = extent.view, 0
        self._pump()

    def _pump(self) -> None:
        """Give the system as much of a large body as it takes. Pieces are copied: the body's room may be given back."""
        body = self._body
        while body is not None and not self._paused and not self.closed:
            piece = bytes(body[self._sent : self._sent + PIECE_BYTES])
            self._sent += len(piece)
            if self._sent == len(body):
                body = self._body = None
            self.transport.write(piece)

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        self._pump()

    def consumed(self, size: int) -> None:
        """The caller has taken so much of a stream."""
        self.unread -= size
        if self.reading_paused and self.unread < UNREAD_BYTES // 2 and not self.closed:
            self.reading_paused = False
            self.transport.resume_reading()

    def stale(self) -> bool:
        """Whether the replica has closed this connection, or said something unasked. To be asked before a call."""
        poll = select.poll()
        poll.register(self.transport.get_extra_info("socket").fileno(), select.POLLIN)
        return bool(poll.poll(0))

    def abort(self) -> None:
        """Break off: nobody waits for the answer, or it cannot be understood."""
        self.closed = True
        self.exchange = None
        self._body = None
        self.transport.abort()

    # -- receiving

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # pyright: ignore[reportAttributeAccessIssue]
        self.transport.set_write_buffer_limits(HIGH_BYTES)

    def eof_received(self) -> bool:
        return False  # half a connection is of no use: whatever it carried is lost

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = True
        self._body = None
        exchange, self.exchange = self.exchange, None
        self.link.gone(self, exchange, "it closed the connection" if exc is None else "the connection broke off")

    def get_buffer(self, sizehint: int) -> memoryview:
        sink = self._sink
        return _received if sink is None else memoryview(sink)[self._got :]

    def buffer_updated(self, nbytes: int) -> None:
        exchange = self.exchange
        if exchange is None:
            self.abort()
            self.link.gone(self, None, "")
            return
        if self._sink is not None:
            self._got += nbytes
            if self._got == len(self._sink):
                self._whole(bytes(self._sink))
            return
        data = bytes(_received[:nbytes])
        if self._answer is None:
            usual = _usual(data)
            if usual is not None and nbytes - usual.end() == int(usual[2]):
                self.exchange = None
                self.link.answered(self, exchange, 200, data[usual.end() :], usual[1], keep=self._body is None)
                return
            self._answer = Answer(self)
        answer = self._answer
        try:
            answer.feed(data)
        except Malformed as error:
            if not answer.complete:
                return self._give_up(str(error))
            answer.keep = False  # what came after it is nobody's
        if answer.complete:
            self._finish(answer)
        elif answer.begun and answer.length is not None and answer.length >= SINK_BYTES:
            self._receive_in_place(answer.length)

    def _receive_in_place(self, length: int) -> None:
        """The rest of a large answer need not go through the parser."""
        sink = self._sink = bytearray(length)
        have = b"".join(self._pieces)
        self._pieces = []
        self._got = len(have)
        sink[: self._got] = have

    def _give_up(self, why: str) -> None:
        exchange, self.exchange = self.exchange, None
        self.abort()
        self.link.gone(self, exchange, why)

    # -- what an Answer tells

    def interim(self, progress: tuple[float | None, str] | None) -> None:
        """Something was said before the answer."""
        exchange = self.exchange
        if progress is not None and exchange is not None:
            exchange.connection.progress(exchange, *progress)

    def begun(self, answer: Answer) -> None:
        """The answer's head is there."""
        exchange = self.exchange
        if answer.length is None and exchange is not None:
            self.unread = 0
            exchange.connection.open_stream(exchange, answer.status, answer.extra)

    def piece(self, data: bytes) -> None:
        """A piece of the answer."""
        exchange, answer = self.exchange, self._answer
        if exchange is None or answer is None:
            return
        if answer.length is not None:
            self._pieces.append(data)
            return
        self.unread += len(data)
        exchange.connection.write_piece(exchange, data)
        if self.unread > UNREAD_BYTES and not self.reading_paused and not self.closed:
            self.reading_paused = True
            self.transport.pause_reading()

    # -- the end of an answer

    def _finish(self, answer: Answer) -> None:
        body = b"".join(self._pieces)
        self._pieces = []
        if answer.length is not None:
            return self._whole(body)
        exchange, self.exchange, self._answer = self.exchange, None, None
        if exchange is not None:
            self.link.streamed(self, exchange, keep=answer.keep and self._body is None)

    def _whole(self, body: bytes) -> None:
        answer, exchange = self._answer, self.exchange
        self._answer = self.exchange = self._sink = None
        if answer is None or exchange is None:
            return
        keep = answer.keep and self._body is None
        if remote.REFUSED in answer.ours:
            self.link.refused_by_http(self, exchange, answer, body, keep=keep)
        else:
            self.link.answered(self, exchange, answer.status, body, answer.extra, keep=keep)
