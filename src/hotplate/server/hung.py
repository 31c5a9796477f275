"""Ends a worker that does not come back from calls for which nobody waits any more.

A plain function cannot be stopped from outside. One that loops for ever, or waits for a lock that nobody gives back,
keeps its slot; with all slots gone the endpoint would answer each call with 504 for good.
"""

from __future__ import annotations

import asyncio
from time import monotonic_ns
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hotplate.edge.exchange import Exchange
    from hotplate.server.link import Link
    from hotplate.server.pool import Pool

HUNG_S = 60.0
"""How long after its deadline a call may go on: it may be slow and no more, and its worker has the model loaded."""


def watch(pool: Pool, link: Link, exchange: Exchange) -> None:
    """A call was given up: look at its worker once it ought to have ended, unless somebody does already."""
    if not link.watched:
        link.watched = True
        _look_at(pool, link, exchange.received_ns + _patience_ns(pool))


def _patience_ns(pool: Pool) -> int:
    return pool.endpoint.deadline_ns + int(HUNG_S * 1e9)


def _look_at(pool: Pool, link: Link, at_ns: int) -> None:
    wait_s = max((at_ns - monotonic_ns()) / 1e9, HUNG_S / 8)
    asyncio.get_running_loop().call_later(wait_s, _look, pool, link)


def _look(pool: Pool, link: Link) -> None:
    if link.closed:
        return
    started = [exchange for exchange in link.pending.values() if not link.never_started(exchange)]
    left = [exchange for exchange in started if exchange.abandoned]
    if not left:
        link.watched = False
        return
    due_ns = min(exchange.received_ns for exchange in left) + _patience_ns(pool)
    if due_ns > monotonic_ns() or len(left) < len(started):  # others run beside: their worker is not taken from them
        _look_at(pool, link, due_ns)
        return
    ids = ", ".join(link.request_id(exchange).decode() for exchange in left[:5])
    pool.log.error(
        f"worker {link.number} is ended: {HUNG_S:g} s past the deadline nothing has come of {len(left)} "
        f"call{'s' * (len(left) > 1)} ({ids}). A function that may take longer needs a longer timeout.",
        worker=link.number,
    )
    link.process.kill()  # what was sent ahead and has not begun goes to another one
