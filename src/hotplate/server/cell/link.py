"""The link to the worker of a replica for a remote server: it marks which calls the worker gets (`wire/marks.py`)."""

from __future__ import annotations

from typing import Any

from hotplate.edge.exchange import Exchange
from hotplate.server.cell.wire import FarExchange
from hotplate.server.link import Link
from hotplate.wire.marks import Marks

AHEAD_NS = 1_000_000
"""Work given to the worker ahead of a free slot, at most: what waits here instead can be run elsewhere if this process
is lost."""


class MarkedLink(Link):
    """See above."""

    ahead_ns = (AHEAD_NS, AHEAD_NS)

    def __init__(self, marks: Marks, *parts: Any, **more: Any) -> None:
        super().__init__(*parts, **more)
        self._marks = marks

    def send(self, exchange: Exchange) -> None:
        """Mark it, then give it to the worker."""
        if isinstance(exchange, FarExchange):
            self._marks.given(exchange.far_id)
        super().send(exchange)
