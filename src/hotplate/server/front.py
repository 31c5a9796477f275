"""The pages of a server of many endpoints that belong to none of them: alive, ready, metrics."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple

from hotplate.deployment.records import Scope
from hotplate.edge.head import RequestHead
from hotplate.edge.response import encode_json
from hotplate.server.metrics import CONTENT_TYPE, family
from hotplate.server.metrics_page import endpoint_lines
from hotplate.server.plans import Page
from hotplate.server.system import server_lines

if TYPE_CHECKING:
    from hotplate.server.fleet import Fleet


class FrontPage(NamedTuple):
    """A page, and the scope that it needs; None: none."""

    show: Callable[[RequestHead], Page]
    scope: Scope | None = None


class Front:
    """What is served at the server's own paths. None of it names an endpoint without a token."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self.draining = False
        self._begun = monotonic()
        self._pages = {
            "/": FrontPage(_fixed(b'{"hotplate":"up"}')),
            "/livez": FrontPage(_fixed(b'{"status":"alive"}')),
            "/readyz": FrontPage(self._ready),
            "/metrics": FrontPage(self._metrics, "read"),
        }
        self.paths = frozenset(self._pages)

    def page(self, head: RequestHead) -> FrontPage | None:
        """Find the page that a request asks for."""
        return self._pages.get(head.path) if head.method in ("GET", "HEAD") else None

    def _metrics(self, _: RequestHead) -> Page:
        fleet = self._fleet
        subjects = [served.subject({"endpoint": name}) for name, served in sorted(fleet.served.items())]
        lines = endpoint_lines(subjects) + server_lines(fleet.edge, fleet.budget.held, self._begun)
        lines += family(
            "hotplate_log_lines_dropped_total",
            "counter",
            "Lines of replicas that the disk was too slow for.",
            [({}, fleet.capture.dropped)],
        )
        return Page(200, ("\n".join(lines) + "\n").encode(), CONTENT_TYPE)

    def _ready(self, _: RequestHead) -> Page:
        if self.draining:
            return Page(503, encode_json({"status": "draining"}))
        if self._fleet.number < 0:
            return Page(503, encode_json({"status": "not ready"}))
        return Page(200, b'{"status":"ready"}')


def _fixed(body: bytes) -> Callable[[RequestHead], Page]:
    page = Page(200, body)
    return lambda _: page
