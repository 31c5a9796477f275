"""The pages that every server has besides its project's routes: links, documents, health, metrics."""

from __future__ import annotations

import os
from collections.abc import Callable
from time import monotonic

from hotplate.edge.edge import Edge
from hotplate.edge.head import RequestHead
from hotplate.edge.response import encode_json, problem
from hotplate.server import pages
from hotplate.server.endpoint import Endpoint
from hotplate.server.job_door import JobDoor
from hotplate.server.metrics import CONTENT_TYPE, family
from hotplate.server.metrics_page import Subject, endpoint_lines
from hotplate.server.plans import Page, SystemPage
from hotplate.server.totals import Totals


class System:
    """The server's own pages. `ready` says whether calls are accepted now, `private` that they need a token."""

    def __init__(self, endpoint: Endpoint, version: str) -> None:
        self.endpoint = endpoint
        self.edge: Edge | None = None
        self.jobs: JobDoor | None = None
        self.draining = False
        self._version = version
        self.private = False
        self.subject: Callable[[], Subject] | None = None
        self._openapi: dict[str, bytes] = {}
        self._begun = monotonic()

    @property
    def ready(self) -> bool:
        """Whether a call that comes now is run."""
        return not self.draining and self.endpoint.accepting

    def pages(self) -> dict[str, SystemPage]:
        """The table for the router."""
        table: dict[str, SystemPage] = {
            "/": self.links,
            "/openapi.json": self.openapi,
            "/healthcheck": self.healthcheck,
            "/livez": lambda _: Page(200, b'{"status":"alive"}'),
            "/readyz": self.readyz,
            "/ping": lambda _: Page(200, b'{"message":"pong"}'),
            "/metrics": self.metrics,
        }
        return table | dict.fromkeys(pages.PATHS, self.docs)

    def contract_changed(self) -> None:
        """Make the documents anew when they are next asked for."""
        self._openapi.clear()

    def links(self, head: RequestHead) -> Page:
        """OctoAI's `/`: where the documents are."""
        return Page(200, encode_json({"docs": f"{head.prefix}/docs", "openapi": f"{head.prefix}/openapi.json"}))

    def openapi(self, head: RequestHead) -> Page:
        """The OpenAPI 3.1 document of the contract."""
        contract = self.endpoint.contract
        if contract is None:
            return Page(503, problem("The project is still loading", status=self.endpoint.state))
        made = self._openapi.get(head.prefix)
        if made is None:
            from hotplate.contract.openapi import document

            title = contract.name or contract.entry
            written = document(contract, title=title, version=self._version, server_url=head.prefix or None)
            if self.private:
                written["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
                written["security"] = [{"token": []}]
            made = self._openapi[head.prefix] = encode_json(written)
        return Page(200, made)

    def docs(self, head: RequestHead) -> Page:
        """The page that reads the document, and its parts."""
        found = pages.get(head.path)
        if found is None:
            return Page(404, b'{"detail":"Not Found"}')
        return Page(200, *found, pages.HEADERS)

    def healthcheck(self, _: RequestHead) -> Page:
        """OctoAI's health: 200 when RUNNING, 503 with the state before, while draining, and when crash-looping."""
        endpoint = self.endpoint
        asleep = endpoint.on_held is not None and not endpoint.links and not endpoint.trouble
        state = "SHUTTING_DOWN" if self.draining else "SCALED_TO_ZERO" if asleep else endpoint.state
        body = {"status": state, "async_enable": self.jobs is not None}
        if endpoint.trouble:
            body["detail"] = endpoint.trouble
        return Page(200 if self.ready else 503, encode_json(body))

    def readyz(self, _: RequestHead) -> Page:
        """Whether to send calls here."""
        if self.ready:
            return Page(200, b'{"status":"ready"}')
        return Page(503, encode_json({"status": "draining" if self.draining else "not ready"}))

    def metrics(self, _: RequestHead) -> Page:
        """Everything counted, in Prometheus' text format. `subject` gives what an endpoint of many adds to it."""
        if self.subject is not None:
            return Page(200, ("\n".join(endpoint_lines([self.subject()])) + "\n").encode(), CONTENT_TYPE)
        endpoint = self.endpoint
        counts = self.jobs.counts if self.jobs is not None else None
        subject = Subject({}, Totals().with_live([endpoint]), [endpoint], jobs=counts)
        lines = endpoint_lines([subject]) + server_lines(self.edge, endpoint.memory.held, self._begun)
        return Page(200, ("\n".join(lines) + "\n").encode(), CONTENT_TYPE)


def server_lines(edge: Edge | None, held_bytes: int, begun: float) -> list[str]:
    """What is counted for the server as a whole."""
    lines: list[str] = []
    for name, kind, text, value in (
        (
            "hotplate_body_memory_bytes",
            "gauge",
            "Memory that large request bodies take, from their first byte to their answer.",
            held_bytes,
        ),
        ("hotplate_connections", "gauge", "Open client connections.", len(edge.connections) if edge else 0),
        (
            "hotplate_malformed_requests_total",
            "counter",
            "Requests refused as malformed.",
            edge.rejected if edge else 0,
        ),
        ("hotplate_uptime_seconds", "gauge", "Seconds since the server started.", round(monotonic() - begun, 3)),
    ):
        lines += family(name, kind, text, [({}, value)])
    return lines


def replica_header() -> bytes:
    """OctoAI's `octoai_replica_name` header, where its environment variable is set (specification §2.2)."""
    name = os.environ.get("OCTOAI_REPLICA_NAME")
    if name is None:
        return b""
    clean = "".join(c for c in name if c.isascii() and c.isprintable())
    return b"octoai_replica_name: %b\r\n" % clean.encode()
