"""The pages of a server of many endpoints that belong to none of them: alive, ready, metrics."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from hotplate.deployment.records import Scope
from hotplate.edge.head import RequestHead
from hotplate.edge.response import encode_json
from hotplate.server.plans import Page

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
        self._pages = {
            "/": FrontPage(_fixed(b'{"hotplate":"up"}')),
            "/livez": FrontPage(_fixed(b'{"status":"alive"}')),
            "/readyz": FrontPage(self._ready),
        }
        self.paths = frozenset(self._pages)

    def page(self, head: RequestHead) -> FrontPage | None:
        """Find the page that a request asks for."""
        return self._pages.get(head.path) if head.method in ("GET", "HEAD") else None

    def _ready(self, _: RequestHead) -> Page:
        if self.draining:
            return Page(503, encode_json({"status": "draining"}))
        if self._fleet.number < 0:
            return Page(503, encode_json({"status": "not ready"}))
        return Page(200, b'{"status":"ready"}')


def _fixed(body: bytes) -> Callable[[RequestHead], Page]:
    page = Page(200, body)
    return lambda _: page
