"""What an endpoint's jobs are given to: the revisions that take its calls now, by their shares."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from hotplate.edge.exchange import Exchange

if TYPE_CHECKING:
    from hotplate.server.deployed import Deployed
    from hotplate.server.links import AnyLink

Shares = Sequence[tuple[float, "Deployed"]]


class JobTraffic:
    """See `hotplate.jobs.rules.Endpoint`. `shares()` gives the revisions, the newest last."""

    def __init__(self, shares: Callable[[], Shares], mask: Callable[[str], str]) -> None:
        self._shares = shares
        self.mask = mask

    @property
    def parts(self) -> list[Deployed]:
        """The revisions that know what they offer."""
        return [deployed for _, deployed in self._shares() if deployed.endpoint.contract is not None]

    @property
    def links(self) -> list[AnyLink]:
        """All their workers."""
        return [link for deployed in self.parts for link in deployed.endpoint.links]

    def find(self, method: str, path: str) -> tuple[int, str] | None:
        """The route of the newest revision that has it."""
        for deployed in reversed(self.parts):
            if (found := deployed.find(method, path)) is not None:
                return found
        return None

    def submit(self, exchange: Exchange) -> None:
        """Give a call to one of those that have its route."""
        head, plan = exchange.head, exchange.plan
        able: list[tuple[float, Deployed, tuple[int, str]]] = []
        for share, deployed in self._shares():
            if (found := deployed.find(head.method, head.path)) is not None:
                able.append((share, deployed, found))
        if not able:  # between two revisions, or paused: the job goes back and waits
            exchange.free()
            exchange.connection.refused(exchange, "unavailable", 503, b"", b"", "")
            return
        deployed, (plan.index, plan.error_key) = random.choices(  # noqa: S311 - traffic, not a secret
            [one[1:] for one in able], [one[0] for one in able]
        )[0]
        plan.place = deployed.endpoint
        deployed.endpoint.submit(exchange)

    def cancel(self, exchange: Exchange) -> None:
        """Give up on a call, wherever it waits or runs."""
        if exchange.plan.place is None:
            exchange.abandoned = True
            exchange.free()
        else:
            exchange.plan.place.cancel(exchange)

    def expect(self, jobs: int) -> None:
        """Tell the autoscalers what waits in the store."""
        for share, deployed in self._shares():
            deployed.endpoint.backlog = round(jobs * share / 100)
