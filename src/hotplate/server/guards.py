"""Plans around plans: what is looked at with every call before another plan has it."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from hotplate.edge.exchange import Exchange, Extent, Refusal
from hotplate.edge.head import RequestHead
from hotplate.edge.response import fields

if TYPE_CHECKING:
    from hotplate.server.callers import Caller
    from hotplate.server.plans import Plan

CONTENT_TYPE = b"content-type: application/json\r\n"


class _Around:
    """A plan that hands over to another. The edge goes on with that one; only the end is told here too."""

    __slots__ = ("_inner", "deadline_ns", "error_key", "named_id", "patience_ns")

    def __init__(self, inner: Plan | SplitPlan) -> None:
        self._inner = inner
        self.deadline_ns = inner.deadline_ns
        self.error_key: str = inner.error_key
        self.named_id: bytes = inner.named_id
        self.patience_ns: int | None = inner.patience_ns

    def max_bytes(self, head: RequestHead) -> int:
        """As the other says."""
        return self._inner.max_bytes(head)

    def allocate(self, length: int) -> Extent:
        """Where the other wants it."""
        return self._inner.allocate(length)

    def cancel(self, exchange: Exchange) -> None:
        """It was answered here, so nothing runs."""

    def expire(self, exchange: Exchange) -> None:
        """It was answered here, so nothing runs."""

    def consumed(self, exchange: Exchange, size: int) -> None:
        """It was answered here, so nothing is streamed."""


class GuardedPlan(_Around):
    """Look at a token whose expiry, rate or concurrency may refuse a call, and note that it was used."""

    __slots__ = ("_caller",)

    def __init__(self, inner: Plan | SplitPlan, caller: Caller) -> None:
        super().__init__(inner)
        self._caller = caller

    def admit(self, head: RequestHead, length: int) -> Refusal | None:
        """Refuse before a body is read; it is not counted yet."""
        return self._caller.refusal(None) or self._inner.admit(head, length)

    def handle(self, exchange: Exchange) -> None:
        """Count the call and hand it over, or refuse it."""
        refusal = self._caller.refusal(exchange)
        if refusal is not None:
            exchange.free()
            exchange.connection.answer(exchange, refusal.status, refusal.body, CONTENT_TYPE + fields(refusal.headers))
            return
        exchange.plan = self._inner
        self._inner.handle(exchange)

    def observe(self, exchange: Exchange, status: int, now_ns: int) -> None:
        """The call is over."""
        self._caller.running.discard(exchange)
        self._caller.used_ns = now_ns
        self._inner.observe(exchange, status, now_ns)


class SplitPlan(_Around):
    """Give each call to one of several revisions, by their shares."""

    __slots__ = ("_plans", "_shares", "shows")

    def __init__(self, shares: list[float], plans: list[Plan]) -> None:
        super().__init__(plans[-1])
        self.shows = all(plan.shows for plan in plans)
        self._shares = shares
        self._plans = plans

    def admit(self, head: RequestHead, length: int) -> Refusal | None:
        """The choice is made when the body is there."""
        return None

    def handle(self, exchange: Exchange) -> None:
        """Choose."""
        plan = random.choices(self._plans, self._shares)[0]  # noqa: S311 - traffic, not a secret
        exchange.plan = plan
        plan.handle(exchange)

    def observe(self, exchange: Exchange, status: int, now_ns: int) -> None:
        """Count the answer for the revision that gave it."""
        plan = self._inner if exchange.plan is self else exchange.plan
        plan.observe(exchange, status, now_ns)
