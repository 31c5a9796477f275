"""Calls whose connection to a replica was lost: whether they began is not known until it is told that the replica's
process has ended, and what it marked (`wire/marks.py`). Nobody waits long for that word."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from hotplate.edge.exchange import Exchange
from hotplate.wire.marks import may_have_begun

WORD_S = 1.0


class Doubtful:
    """`lose(exchange, why)` is called for what nothing was told of in time."""

    def __init__(self, loop: asyncio.AbstractEventLoop, lose: Callable[[Exchange, str], None]) -> None:
        self.marks = b""
        self._loop = loop
        self._lose = lose
        self._calls: dict[int, Exchange] = {}
        self._timer: asyncio.TimerHandle | None = None

    def __contains__(self, call_id: int) -> bool:
        return call_id in self._calls

    def add(self, exchange: Exchange, why: str) -> None:
        """Wait for the word about a call."""
        self._calls[exchange.call_id] = exchange
        if self._timer is None:
            self._timer = self._loop.call_later(WORD_S, self.give_up, why)

    def drop(self, call_id: int) -> None:
        """Nobody waits for it any more."""
        self._calls.pop(call_id, None)

    def give_up(self, why: str) -> None:
        """No word will come: they count as begun, and lost."""
        self.close()
        calls, self._calls = self._calls, {}
        for exchange in calls.values():
            self._lose(exchange, why)

    def may_have_begun(self, call_id: int) -> bool:
        """Whether the replica's worker may have had a call, by what was told."""
        return may_have_begun(self.marks, call_id)

    def close(self) -> None:
        """Wait no longer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
