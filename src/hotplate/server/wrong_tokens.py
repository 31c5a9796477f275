"""Wrong tokens, counted by address. Past a limit they are answered `429`; a right one is let in all the same.

So nobody can lock out others who share an address, as everybody does behind a proxy on this machine.
"""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

from hotplate.edge.exchange import Exchange, Refusal
from hotplate.edge.response import fields
from hotplate.server.callers import too_many
from hotplate.server.plans import RefusalPlan

if TYPE_CHECKING:
    from hotplate.server.access import AccessLog

LIMIT = 10
WINDOW_S = 60.0
MAX_ADDRESSES = 10_000
CONTENT_TYPE = b"content-type: application/json\r\n"


class WrongTokens:
    """How many each address has sent lately. Bounded: with too many addresses the counting begins anew."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[float, int]] = {}

    def refusal(self, address: str) -> Refusal | None:
        """Count one, and give the answer where it is one too many."""
        now = monotonic()
        begin, number = self._seen.get(address, (now, 0))
        if now - begin >= WINDOW_S:
            begin, number = now, 0
        if len(self._seen) >= MAX_ADDRESSES and address not in self._seen:
            self._seen.clear()
        self._seen[address] = (begin, number + 1)
        if number < LIMIT:
            return None
        return too_many("Too many wrong tokens came from this address.", LIMIT, begin + WINDOW_S - now)


class WrongTokenPlan(RefusalPlan):
    """Refuse a request with a wrong token, and count it for its address."""

    __slots__ = ("_wrong",)

    def __init__(self, access: AccessLog, refusal: Refusal, wrong: WrongTokens) -> None:
        super().__init__(access, refusal)
        self._wrong = wrong

    def handle(self, exchange: Exchange) -> None:
        """Answer at once."""
        refusal = self._wrong.refusal(exchange.connection.peer.rpartition(":")[0])
        if refusal is None:
            super().handle(exchange)
            return
        exchange.free()
        extra = CONTENT_TYPE + fields(refusal.headers)
        exchange.connection.answer(exchange, refusal.status, refusal.body, extra)
