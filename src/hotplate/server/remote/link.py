"""Calls in flight on one replica of another machine: `server/link.py`'s counterpart, for the endpoint and the pool.

Small calls share one connection (`wire.py`), large ones and all others where that is not to be had each have one, which
is kept and used again, the latest first. A call is sent again only where nothing of it was sent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import monotonic, monotonic_ns
from typing import TYPE_CHECKING

from hotplate.edge.exchange import Exchange
from hotplate.server.link import AHEAD_CALLS, AHEAD_SHARED_NS, ASSUMED_NS
from hotplate.server.remote.connection import RemoteConnection
from hotplate.server.remote.doubt import Doubtful
from hotplate.server.remote.request import deadline, request_head, waited
from hotplate.server.remote.wire import Wire
from hotplate.wire.remote import REFUSED

if TYPE_CHECKING:
    from hotplate.server.output import Output
    from hotplate.server.pool import Pool
    from hotplate.server.remote.answer import Answer
    from hotplate.server.remote.process import RemoteProcess
    from hotplate.wire.remote import Beat

AHEAD_ALONE_NS = 4_000_000
"""Work sent ahead of a free slot where there is one replica: enough for the way there and back. What is sent and not
begun when the replica's machine goes cannot be told from what was begun, and is lost with it."""
INLINE_BYTES = 64 * 1024
"""Larger bodies have a connection to themselves, so that no other call waits behind one."""
CONNECT_S = 5.0
IDLE_S = 4.0
"""How long a connection is kept that nothing is sent on: much shorter than a replica keeps it (`keep_alive`)."""
TICK_S = 0.5
HEADS = 1024
SETTLED_NS = 200_000_000
"""After this long a replica knows of a call that was broken off."""
NOT_BEGUN = frozenset(("overloaded", "not_ready", "unavailable"))
"""What a replica's own server says of a call that it gave to no worker."""


class RemoteLink:
    """`pending` maps call ids to exchanges. One that was abandoned stays until the replica has let go of its slot."""

    def __init__(
        self,
        owner: Pool,
        process: RemoteProcess,
        number: int,
        *,
        id_prefix: str,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self.owner = owner
        self.process = process
        self.number = number
        self.id_prefix = id_prefix
        self.pending: dict[int, Exchange] = {}
        self.ready = False
        self.closed = False
        self.capacity = 1
        self.window = 1
        self.alone = True
        self.call_ns = ASSUMED_NS
        self.running_ns = 0  # since when it takes calls
        self.output: Output | None = None
        self.printing = ""
        self.wire: Wire | None = None  # carries small calls, where the replica agreed to that
        self.doubtful = Doubtful(loop, self._lose_doubtful)
        self.ask_end: Callable[[], None] = lambda: None
        self._last_id = 0
        self._carried: dict[int, RemoteConnection] = {}
        self._idle: list[RemoteConnection] = []
        self._heads: dict[tuple[int, bytes], tuple[bytes, bool]] = {}
        self._contract: object = None
        self._left: dict[int, int] = {}  # abandoned calls by the time when they were broken off
        self._opening: set[asyncio.Task[None]] = set()
        self._losing = False
        self._loop = loop
        self._now = monotonic()
        self._timer = loop.call_later(TICK_S, self._tick)

    @property
    def away(self) -> bool:
        """Whether calls that end now are lost with the replica's place or the way there, not by a worker's death."""
        return self._losing or self.process.lost

    # -- sending

    def send(self, exchange: Exchange) -> None:
        """Give a call to the replica."""
        call_id = self._last_id = self._last_id + 1
        exchange.call_id = call_id
        exchange.link = self
        self.pending[call_id] = exchange
        wire = self.wire
        if wire is not None and exchange.extent is None and len(exchange.body) <= INLINE_BYTES:
            wire.send(exchange)
            return
        idle = self._idle
        while idle:
            connection = idle.pop()
            if connection.idle_since < self._now and connection.stale():
                connection.abort()
                continue
            self._carry(connection, exchange)
            return
        task = self._loop.create_task(self._open(exchange))
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)

    def _carry(self, connection: RemoteConnection, exchange: Exchange) -> None:
        self._carried[exchange.call_id] = connection
        connection.send(exchange, self._head(exchange))

    def _head(self, exchange: Exchange) -> bytes:
        plan = exchange.plan
        key = (plan.index, plan.meta)
        found = self._heads.get(key)
        if found is None or self._contract is not self.owner.endpoint.contract:
            found = self._make_head(key)
        head, has_body = found
        extent = exchange.extent
        size = len(exchange.body) if extent is None else len(extent.view)
        if size or has_body:
            head += b"content-length: %d\r\n" % size
        if plan.patience_ns is None:  # else its time begins only now
            head += waited(monotonic_ns() - exchange.received_ns)
        given = getattr(plan, "deadline_ns", 0)  # a job has none: its runner keeps the time
        if given != self.owner.endpoint.deadline_ns:
            head += deadline(given)
        return head

    def _make_head(self, key: tuple[int, bytes]) -> tuple[bytes, bool]:
        contract = self.owner.endpoint.contract
        assert contract is not None
        if contract is not self._contract or len(self._heads) >= HEADS:
            self._contract = contract
            self._heads.clear()
        found = self._heads[key] = request_head(contract, *key, self.process.reach)
        return found

    async def _open(self, exchange: Exchange) -> None:
        """Make a connection, and use it for a call."""
        reach = self.process.reach
        try:
            async with asyncio.timeout(CONNECT_S):
                _, connection = await self._loop.create_connection(
                    lambda: RemoteConnection(self), reach.host, reach.port, ssl=reach.tls
                )
        except (OSError, TimeoutError) as error:
            why = f"no connection within {CONNECT_S:g} s" if isinstance(error, TimeoutError) else str(error.strerror)
            self._not_sent(exchange, why)
            return
        if self.pending.get(exchange.call_id) is exchange:
            self._carry(connection, exchange)
        else:  # it was given up, or the replica
            self._keep(connection)
            if not self.closed:
                self.owner.freed(self)

    def _not_sent(self, exchange: Exchange, why: str) -> None:
        """Nothing of a call went out: it goes back to the head of the queue."""
        if self.pending.pop(exchange.call_id, None) is None:
            return
        self.process.doubted(why)
        self.owner.endpoint.requeue([exchange])

    def cancel(self, exchange: Exchange) -> None:
        """Nobody waits for a call: break off, by which the replica knows."""
        call_id, wire = exchange.call_id, self.wire
        connection = self._carried.pop(call_id, None)
        if connection is not None:
            connection.abort()
            self._left[call_id] = monotonic_ns()
        elif wire is not None and call_id in wire.calls:
            wire.cancel(call_id)
            self._left[call_id] = monotonic_ns()
        else:  # it was not sent, or nothing more is heard of it
            self.pending.pop(call_id, None)
            self.doubtful.drop(call_id)
        exchange.free()

    def consumed(self, exchange: Exchange, size: int) -> None:
        """A stream's bytes have left."""
        connection = self._carried.get(exchange.call_id)
        if connection is not None:
            connection.consumed(size)
        elif self.wire is not None and exchange.call_id in self.wire.calls:
            self.wire.consumed(exchange.call_id, size)

    def open_checks(self, path: str) -> None:
        """Inputs of jobs are checked by the replica when they run: a socket of this machine does not reach it."""

    def shut_down(self) -> None:
        """Ask the replica to end when its calls have ended."""
        self.ready = False
        self.ask_end()

    # -- what connections tell

    def answered(
        self, connection: RemoteConnection, exchange: Exchange, status: int, body: bytes, extra: bytes, *, keep: bool
    ) -> None:
        """A whole answer came."""
        call_id = exchange.call_id
        del self.pending[call_id], self._carried[call_id]
        if keep:
            connection.idle_since = self._now
            self._idle.append(connection)
        else:
            connection.abort()
        exchange.connection.answer(exchange, status, body, extra)
        if exchange.extent is not None:
            exchange.extent.free()
        self.room()

    def streamed(self, connection: RemoteConnection, exchange: Exchange, *, keep: bool) -> None:
        """A stream has ended as it should."""
        self._settle(connection, exchange, keep=keep)
        exchange.connection.close_stream(exchange, 200)
        self.room()

    def refused_by_http(
        self, connection: RemoteConnection, exchange: Exchange, answer: Answer, body: bytes, *, keep: bool
    ) -> None:
        """The replica's own server answered, not its worker."""
        del self.pending[exchange.call_id], self._carried[exchange.call_id]
        if keep:
            self._keep(connection)
        else:
            connection.abort()
        code = answer.ours[REFUSED].decode("latin-1")
        self.refused(exchange, code, answer.status, body, answer.extra, answer.last_output)

    def refused(self, exchange: Exchange, code: str, status: int, body: bytes, extra: bytes, last_output: str) -> None:
        """The replica's own server answered, not its worker. What was not begun is begun elsewhere."""
        if code in NOT_BEGUN:
            self.process.doubted(f"it refused a call ({code})")
            self.owner.endpoint.requeue([exchange])
            return
        if exchange.extent is not None:
            exchange.extent.free()
        if code == "worker_lost":
            self.owner.endpoint.lost_calls += 1
        exchange.connection.refused(exchange, code, status, body, extra, last_output)
        self.room()

    def stream_ended(self, exchange: Exchange, status: int, *, whole: bool) -> None:
        """A stream is over: it was whole, or its worker died, or its time was up."""
        if not whole and status == 502:
            self.owner.endpoint.lost_calls += 1
        exchange.connection.close_stream(exchange, 200 if whole else status, whole=whole)

    def wire_lost(self, wire: Wire, calls: dict[int, Exchange], unsent: set[int], why: str) -> None:
        """The connection of many calls was lost."""
        if self.wire is wire:
            self.wire = None
        if self.closed:
            return
        self.process.way_lost(why)
        again: list[Exchange] = []
        for call_id, exchange in calls.items():
            if call_id not in unsent and self.process.leaves_marks and not exchange.streaming:
                self.doubtful.add(exchange, why)
                continue
            self.pending.pop(call_id, None)
            if call_id in unsent:
                again.append(exchange)
            else:
                self._lose(exchange, why)
        self.owner.endpoint.requeue(again)

    def _lose_doubtful(self, exchange: Exchange, why: str) -> None:
        if self.pending.pop(exchange.call_id, None) is not None:
            self._lose(exchange, why)

    def gone(self, connection: RemoteConnection, exchange: Exchange | None, why: str) -> None:
        """A connection was lost, perhaps with a call on it."""
        if connection in self._idle:
            self._idle.remove(connection)
        if exchange is None or self.pending.get(exchange.call_id) is not exchange or self.closed:
            return
        self._settle(connection, exchange, keep=False)
        self._lose(exchange, why)
        self.room()

    def _lose(self, exchange: Exchange, why: str) -> None:
        endpoint = self.owner.endpoint
        endpoint.lost_calls += 1
        self.process.broke(why)
        self._losing = True
        if exchange.streaming:
            exchange.connection.close_stream(exchange, 502, whole=False)
        else:
            endpoint.refuse(exchange, "worker_lost", f"The replica was lost while it ran this call: {why}. Try again.")
        self._losing = False

    def _settle(self, connection: RemoteConnection, exchange: Exchange, *, keep: bool) -> None:
        del self.pending[exchange.call_id], self._carried[exchange.call_id]
        if keep:
            self._keep(connection)
        else:
            connection.abort()
        if exchange.extent is not None:
            exchange.extent.free()

    def _keep(self, connection: RemoteConnection) -> None:
        if self.closed or connection.closed:
            connection.abort()
        else:
            connection.idle_since = self._now
            self._idle.append(connection)

    def room(self) -> None:
        """There may be room for more calls."""
        ahead = (AHEAD_ALONE_NS if self.alone else AHEAD_SHARED_NS) // (self.call_ns + 1)
        self.window = self.capacity + min(ahead, AHEAD_CALLS)
        self.owner.freed(self)

    # -- what the replica tells

    def beat(self, beat: Beat) -> None:
        """The replica is well. Calls that were broken off and have ended there give their slots back."""
        self.call_ns = beat.call_ns or ASSUMED_NS
        settled = monotonic_ns() - SETTLED_NS
        old = [call_id for call_id, at_ns in self._left.items() if at_ns < settled]
        for call_id in old[: max(0, len(self._left) - beat.abandoned)]:
            del self._left[call_id]
            self.pending.pop(call_id, None)
        self.room()

    def request_id(self, exchange: Exchange) -> bytes:
        """The id of a call: the caller's, or one of ours; an answer of the replica's has one of the replica's."""
        return exchange.plan.named_id or b"%b%x" % (self.id_prefix.encode(), exchange.call_id)

    def running_id(self) -> str:
        """The id of the call that printed the line that is being told."""
        return self.printing

    # -- time

    def _tick(self) -> None:
        self._timer = self._loop.call_later(TICK_S, self._tick)
        now = self._now = monotonic()
        while self._idle and self._idle[0].idle_since < now - IDLE_S:
            self._idle.pop(0).abort()

    # -- after a loss

    def never_started(self, exchange: Exchange) -> bool:
        """Whether nothing of a call was sent, or its replica's marks say that it did not begin."""
        call_id = exchange.call_id
        if call_id in self._carried:
            return False
        if call_id not in self.doubtful and (self.wire is None or self.wire.never_sent(call_id)):
            return True
        return not self.doubtful.may_have_begun(call_id)

    def forget(self) -> None:
        """Let go of all connections."""
        self.closed = True
        self._timer.cancel()
        self.doubtful.close()
        for task in self._opening:
            task.cancel()
        for connection in (*self._idle, *self._carried.values(), *([self.wire] if self.wire is not None else [])):
            connection.abort()
        self._idle.clear()
        self._carried.clear()
