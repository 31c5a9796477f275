"""Ends a worker whose call was given up and still runs: a plain function cannot be stopped from outside."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from hotplate.edge.exchange import Exchange
from hotplate.jobs.rules import Link

KILL_AFTER_S = 5.0
"""How long a call that was given up may go on before its worker is ended."""


def end_later(link: Link, exchange: Exchange, say: Callable[[str], None]) -> None:
    """End the worker in a while, if the call still runs then and nobody else's does beside it: its slot would be gone
    for good otherwise. `say` writes a line of the log."""

    def look() -> None:
        if link.pending.get(exchange.call_id) is not exchange:
            return
        if all(other.abandoned or other is exchange for other in link.pending.values()):
            say(f"a job that was given up still runs: its worker {link.process.pid} is ended")
            link.process.kill()
        else:
            asyncio.get_running_loop().call_later(KILL_AFTER_S, look)

    asyncio.get_running_loop().call_later(KILL_AFTER_S, look)
