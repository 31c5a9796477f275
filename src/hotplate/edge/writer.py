"""The writing half of a connection: whole answers, streams, and what comes after an answer."""

from __future__ import annotations

import asyncio
from time import monotonic_ns
from typing import TYPE_CHECKING

from hotplate.edge.exchange import Exchange
from hotplate.edge.response import CLOSE, KEEP, KEEP_10, LENGTHS, STATUS_LINES
from hotplate.edge.stall import Stall, unsent_bytes

if TYPE_CHECKING:
    from hotplate.edge.edge import Edge

HEAD, BODY, BUSY, DISCARD, CLOSED = range(5)
"""What a connection is about: it waits for a head, for a body, for an answer; throws away what comes; is gone."""

EMPTY = (204, 304)
"""Statuses that have no content and so no length (RFC 9110, 8.6)."""


class Writer(asyncio.BufferedProtocol):
    """What the server calls to answer an exchange. `Connection` is the other half: it reads requests."""

    __slots__ = ("_buffer", "_owed", "_stall", "deadline_ns", "edge", "exchange", "state", "transport")

    transport: asyncio.Transport
    edge: Edge
    state: int
    exchange: Exchange | None
    deadline_ns: int
    _buffer: bytes
    _stall: Stall | None
    _owed: int

    def pause_writing(self) -> None:
        self._stall = Stall(monotonic_ns(), unsent_bytes(self.transport))

    def resume_writing(self) -> None:
        self._stall = None
        if self.exchange is not None and self.exchange.streaming:
            self.deadline_ns = monotonic_ns() + self.exchange.plan.deadline_ns
        if self._owed and self.exchange is not None:
            owed, self._owed = self._owed, 0
            self.exchange.plan.consumed(self.exchange, owed)

    def answer(self, exchange: Exchange, status: int, body: bytes, extra: bytes) -> None:
        """Write a whole response. `extra` holds header lines, among them the content type and the request id."""
        head = exchange.head
        keep = head.keep_alive and not self.edge.draining
        size = len(body)
        parts = (
            STATUS_LINES.get(status) or b"HTTP/1.1 %d Unknown\r\n" % status,
            self.edge.clock.header,
            extra,
            (LENGTHS[size] if size < 2048 else b"content-length: %d\r\n" % size)
            if size or status not in EMPTY
            else b"",
            (KEEP if head.http_11 else KEEP_10) if keep else CLOSE,
        )
        if head.method == "HEAD":
            self.transport.write(b"".join(parts))
        elif size > 65536:
            self.transport.writelines((b"".join(parts), body))
        else:
            self.transport.write(b"".join((*parts, body)))
        self._answered(exchange, status, keep)

    def refused(
        self, exchange: Exchange, code: str, status: int, body: bytes, extra: bytes, last_output: str = ""
    ) -> None:
        """Write an answer of the server's own. Callers that are no clients look at `code` and a dead worker's words."""
        self.answer(exchange, status, body, extra)

    def progress(self, exchange: Exchange, fraction: float | None, text: str) -> None:
        """A client of a plain call is told nothing before its answer."""

    def open_stream(self, exchange: Exchange, status: int, extra: bytes) -> None:
        """Begin a response of unknown length."""
        head = exchange.head
        exchange.streaming = True
        self._owed = 0
        keep = head.keep_alive and head.http_11 and not self.edge.draining
        self.transport.write(
            b"%b%b%b%b%b\r\n"
            % (
                STATUS_LINES.get(status) or b"HTTP/1.1 %d Unknown\r\n" % status,
                self.edge.clock.header,
                extra,
                b"transfer-encoding: chunked\r\n" if head.http_11 else b"",
                b"" if keep else b"connection: close\r\n",
            )
        )

    def write_piece(self, exchange: Exchange, piece: bytes, *, last: bool = False) -> None:
        """Write a piece of a stream, or with `last` what closes it. What is not read yet counts against its window."""
        if piece:
            if exchange.head.http_11:
                self.transport.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            else:
                self.transport.write(piece)
        self.deadline_ns = monotonic_ns() + exchange.plan.deadline_ns
        self._owed += len(piece)
        if self._owed >= 32768 and self._stall is None:
            owed, self._owed = self._owed, 0
            exchange.plan.consumed(exchange, owed)

    def close_stream(self, exchange: Exchange, status: int, *, whole: bool = True) -> None:
        """End a stream; `whole` false cuts it, so that the client sees that it is not complete."""
        self._owed = 0
        if not whole:
            self.exchange = None
            exchange.head.plan.observe(exchange, status, monotonic_ns())
            self.transport.abort()
            return
        head = exchange.head
        keep = head.keep_alive and head.http_11 and not self.edge.draining
        if head.http_11:
            self.transport.write(b"0\r\n\r\n")
        self._answered(exchange, status, keep)

    def _answered(self, exchange: Exchange, status: int, keep: bool) -> None:
        self.exchange = None
        now = monotonic_ns()
        if keep:
            self.state = HEAD
            self.deadline_ns = now + self.edge.keep_alive_ns
            if self._buffer:
                self.edge.loop.call_soon(self._continue)
        else:
            self.state = DISCARD
            self.transport.close()
        exchange.head.plan.observe(exchange, status, now)

    if TYPE_CHECKING:

        def _continue(self) -> None:
            """Go on with what was received while the last request was worked on; the reading half has it."""
