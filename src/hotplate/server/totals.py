"""What was counted for an endpoint, over all the revisions that it has and had."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from hotplate.server.counted import Counted
from hotplate.server.endpoint import Endpoint
from hotplate.server.metrics import SECONDS, Histogram, RouteMetrics


class Totals:
    """Sums. A revision that is gone stays in them, so that no counter ever falls."""

    def __init__(self) -> None:
        self.routes: dict[str, RouteMetrics] = {}
        self.queue_wait = Histogram(SECONDS)
        self.refused = self.lost_calls = self.restarts = self.losses = 0
        self.cold_starts: dict[tuple[str, str], Histogram] = {}
        self.counted = Counted()

    def add(self, endpoint: Endpoint) -> None:
        """Add what a revision's endpoint has counted so far."""
        self._add_routes(endpoint.routes)
        self.queue_wait.add(endpoint.queue_wait)
        self.refused += endpoint.refused
        self.lost_calls += endpoint.lost_calls
        self.restarts += endpoint.restarts
        self.losses += endpoint.losses
        self._add_starts(endpoint.cold_starts.times)
        self.counted.absorb(endpoint.counted)

    def _add_starts(self, times: Mapping[tuple[str, str], Histogram]) -> None:
        for key, part in times.items():
            self.cold_starts.setdefault(key, Histogram(SECONDS)).add(part)

    def _add_routes(self, routes: Iterable[RouteMetrics]) -> None:
        for route in routes:
            held = self.routes.get(route.path)
            if held is None:
                held = self.routes[route.path] = RouteMetrics(route.path)
            held.add(route)

    def with_live(self, endpoints: Iterable[Endpoint]) -> Totals:
        """A copy that has these added."""
        copy = Totals()
        copy._add_routes(self.routes.values())
        copy.queue_wait.add(self.queue_wait)
        copy.refused, copy.lost_calls = self.refused, self.lost_calls
        copy.restarts, copy.losses = self.restarts, self.losses
        copy._add_starts(self.cold_starts)
        copy.counted.absorb(self.counted)
        for endpoint in endpoints:
            copy.add(endpoint)
        return copy


def answers(routes: Iterable[RouteMetrics]) -> tuple[int, int]:
    """How many answers there were, and how many of them had a status of 500 or more."""
    counts = [(code, count) for route in routes for code, count in route.codes.items()]
    return sum(count for _, count in counts), sum(count for code, count in counts if code >= 500)
