"""Tells the server what happens in a replica, as it happens; keeps a little while nobody listens."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from time import monotonic
from typing import TYPE_CHECKING

from hotplate.edge.exchange import Exchange
from hotplate.edge.stall import unsent_bytes
from hotplate.wire.remote import BEAT_S, Batch, Beat, Dropped, Failed, Line, Metric, News, State, Told, encode_news

if TYPE_CHECKING:
    from hotplate.server.cell.edge import CellEdge

LOOK_S = 0.05
KEPT = 2000
"""Lines and values that are kept while nobody listens; the oldest go first, and are counted."""
BEHIND_BYTES = 1024 * 1024
"""How far a listener may be behind before lines are left out."""
HEAD = b"content-type: application/x-ndjson\r\ncache-control: no-store\r\n"


class Newsroom:
    """`beat()` gives what is told several times a second. The latest listener is the one that counts."""

    def __init__(self, edge: CellEdge, beat: Callable[[], Beat]) -> None:
        self.heard_at = monotonic()
        self._edge = edge
        self._beat = beat
        self._last: dict[type[News], News] = {}
        self._kept: deque[bytes] = deque()
        self._dropped = 0
        self._out: list[bytes] = []
        self._told: Beat | None = None
        self._told_at = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()

    @property
    def listened(self) -> bool:
        """Whether somebody listens."""
        return self._edge.news is not None

    def tell(self, news: News) -> None:
        """Tell one thing, soon."""
        if isinstance(news, State | Told | Failed):
            self._last[type(news)] = news
            if self.listened:
                self._put(encode_news(news))
        elif isinstance(news, Beat):
            self._put(encode_news(news))
        elif not self.listened:
            self._keep(encode_news(news))
        elif isinstance(news, Line | Metric | Batch) and self._behind:
            self._dropped += 1
        else:
            self._put(encode_news(news))

    def listen(self, exchange: Exchange) -> None:
        """Somebody listens from now on: how things are, then what was missed."""
        before, self._edge.news = self._edge.news, None
        if before is not None:
            before.connection.close_stream(before, 200, whole=False)
        exchange.free()
        self._edge.news = exchange
        exchange.connection.open_stream(exchange, 200, HEAD)
        self._out = [encode_news(self._last[kind]) for kind in (Told, State, Failed) if kind in self._last]
        self._out += self._kept
        self._kept.clear()
        self._told = None
        self._flush()
        self._look()

    def leave(self, exchange: Exchange) -> None:
        """A listener has gone."""
        if exchange is self._edge.news:
            self._edge.news = None
            self.heard_at = monotonic()

    def close(self) -> None:
        """Tell what is left, and no more."""
        self._flush()
        if self._timer is not None:
            self._timer.cancel()
        exchange, self._edge.news = self._edge.news, None
        if exchange is not None:
            exchange.connection.close_stream(exchange, 200)

    @property
    def _behind(self) -> bool:
        exchange = self._edge.news
        return exchange is not None and unsent_bytes(exchange.connection.transport) > BEHIND_BYTES

    def _keep(self, data: bytes) -> None:
        if len(self._kept) >= KEPT:
            self._kept.popleft()
            self._dropped += 1
        self._kept.append(data)

    def _put(self, data: bytes) -> None:
        if not self._out:
            self._loop.call_soon(self._flush)
        self._out.append(data)

    def _flush(self) -> None:
        exchange, out = self._edge.news, self._out
        self._out = []
        if exchange is not None and out:
            exchange.connection.write_piece(exchange, b"\n".join(out) + b"\n")

    def _look(self) -> None:
        """Tell at once that calls are taken, or none any more; and now and then that all is well."""
        if self._timer is not None:
            self._timer.cancel()
        if not self.listened:
            return
        self._timer = self._loop.call_later(LOOK_S, self._look)
        now, beat, told = monotonic(), self._beat(), self._told
        changed = told is None or (beat.ready, beat.abandoned) != (told.ready, told.abandoned)
        if self._behind or not (changed or now - self._told_at >= BEAT_S):
            return
        self._told, self._told_at = beat, now
        self.tell(beat)
        if self._dropped:
            self.tell(Dropped(self._dropped))
            self._dropped = 0
