"""All client connections of a listener: shared limits, the cache of heads, deadlines by one tick."""

from __future__ import annotations

import asyncio
import os
import re
import socket
from time import monotonic_ns
from typing import TYPE_CHECKING

from hotplate.edge.body import SECOND
from hotplate.edge.connection import Connection
from hotplate.edge.exchange import EdgeLimits, Handler
from hotplate.edge.head import Rejection, RequestHead
from hotplate.edge.response import Clock

if TYPE_CHECKING:
    import ssl

TICK_S = 0.25
CACHED_HEADS = 1024
CACHED_HEAD_BYTES = 2048
_REQUEST_ID = re.compile(rb"[A-Za-z0-9_-]{1,64}\Z")


class Edge:
    """Makes connections and watches their time.

    `heads` caches parsed heads by their bytes: clients send the same head again and again. It is bounded, its
    values are pure functions of their keys, and it is dropped when the routes change.
    """

    make: type[Connection] = Connection

    def __init__(self, handler: Handler, limits: EdgeLimits, loop: asyncio.AbstractEventLoop) -> None:
        self.handler = handler
        self.limits = limits
        self.loop = loop
        self.clock = Clock(limits.headers)
        self.connections: set[Connection] = set()
        self.heads: dict[bytes, RequestHead] = {}
        self.keep_alive_ns = int(limits.keep_alive_s * SECOND)
        self.draining = False
        self.rejected = 0
        self._per_ip: dict[str, int] = {}
        self._id_prefix = os.urandom(4).hex()
        self._ids = 0
        self._server: asyncio.Server | None = None
        self._ticker: asyncio.TimerHandle | None = None

    async def listen(self, sock: socket.socket, tls: ssl.SSLContext | None = None) -> None:
        """Accept connections on a bound socket, of the internet or of this machine alone."""
        make = self.loop.create_unix_server if sock.family == socket.AF_UNIX else self.loop.create_server
        self._server = await make(lambda: self.make(self), sock=sock, backlog=2048, ssl=tls)
        self._tick()

    def opened(self, connection: Connection) -> None:
        """A client came. Past the limits it is told so and closed."""
        peer: tuple[str, int] | None = connection.transport.get_extra_info("peername")
        name = peer[0] if peer else ""
        connection.peer = f"{name}:{peer[1]}" if peer else ""
        self.connections.add(connection)
        count = self._per_ip.get(name, 0) + 1
        self._per_ip[name] = count
        loopback = name.startswith("127.") or name in ("::1", "")
        if len(self.connections) > self.limits.max_connections or (
            not loopback and count > self.limits.max_connections_per_ip
        ):
            connection.turn_away(Rejection(503, "Too many connections"))

    def closed(self, connection: Connection) -> None:
        """A client left."""
        self.connections.discard(connection)
        name = connection.peer.rpartition(":")[0]
        left = self._per_ip.get(name, 1) - 1
        if left:
            self._per_ip[name] = left
        else:
            self._per_ip.pop(name, None)

    def remember(self, raw: bytes, head: RequestHead) -> None:
        """Cache a parsed head, unless it says that it is like no other."""
        if len(raw) <= CACHED_HEAD_BYTES and b"idempotency-key" not in head.headers:
            if len(self.heads) >= CACHED_HEADS:
                self.heads.clear()
            self.heads[raw] = head

    def request_id(self, head: RequestHead) -> str:
        """The id of a request that never got to a worker: the caller's, if it is a clean one, or a new one."""
        named = named_id(head)
        if named:
            return named
        self._ids += 1
        return f"{self._id_prefix}-{self._ids:x}"

    def _tick(self) -> None:
        self._ticker = self.loop.call_later(TICK_S, self._tick)
        self.clock.tick()
        now = monotonic_ns()
        for connection in tuple(self.connections):
            try:
                connection.check(now)
            except Exception as error:  # noqa: BLE001 - or every connection after it would live without limits
                self.loop.call_exception_handler({"message": "A connection could not be checked", "exception": error})
                connection.transport.abort()

    @property
    def owes(self) -> bool:
        """Whether an answer is still owed. A client that has not sent its whole request is owed none."""
        return any(connection.exchange is not None for connection in self.connections)

    def drain(self) -> None:
        """Stop accepting; close idle connections; the others close after their answer."""
        self.draining = True
        if self._server is not None:
            self._server.close()
        for connection in tuple(self.connections):
            connection.shut()

    def close(self) -> None:
        """Cut what is left."""
        if self._ticker is not None:
            self._ticker.cancel()
        if self._server is not None:
            self._server.close()
        for connection in tuple(self.connections):
            connection.transport.abort()


def named_id(head: RequestHead) -> str:
    """The request id that the caller gave, if it has the only form that is passed on; else nothing."""
    value = head.headers.get(b"x-request-id")
    return value.decode("ascii") if value is not None and _REQUEST_ID.match(value) else ""
