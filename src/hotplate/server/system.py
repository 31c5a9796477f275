"""The pages that every server has besides its project's routes: links, documents, health, metrics."""

from __future__ import annotations

import os
from time import monotonic

from hotplate.edge.edge import Edge
from hotplate.edge.head import RequestHead
from hotplate.edge.response import encode_json, problem
from hotplate.server import pages
from hotplate.server.endpoint import Endpoint
from hotplate.server.job_door import JobDoor
from hotplate.server.memory import Memory
from hotplate.server.metrics import CONTENT_TYPE, family, histogram
from hotplate.server.router import Page, SystemPage


class System:
    """The server's own pages. `ready` says whether calls are accepted now."""

    def __init__(self, endpoint: Endpoint, memory: Memory, version: str) -> None:
        self.endpoint = endpoint
        self._memory = memory
        self.edge: Edge | None = None
        self.jobs: JobDoor | None = None
        self.draining = False
        self._version = version
        self._openapi: bytes | None = None
        self._begun = monotonic()

    @property
    def ready(self) -> bool:
        """Whether a call that comes now is run."""
        return not self.draining and any(link.ready for link in self.endpoint.links)

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
        self._openapi = None

    def links(self, _: RequestHead) -> Page:
        """OctoAI's `/`: where the documents are."""
        return Page(200, b'{"docs":"/docs","openapi":"/openapi.json"}')

    def openapi(self, _: RequestHead) -> Page:
        """The OpenAPI 3.1 document of the contract."""
        contract = self.endpoint.contract
        if contract is None:
            return Page(503, problem("The project is still loading", status=self.endpoint.state))
        if self._openapi is None:
            from hotplate.contract.openapi import document

            title = contract.name or contract.entry
            self._openapi = encode_json(document(contract, title=title, version=self._version))
        return Page(200, self._openapi)

    def docs(self, head: RequestHead) -> Page:
        """The page that reads the document, and its parts."""
        found = pages.get(head.path)
        if found is None:
            return Page(404, b'{"detail":"Not Found"}')
        return Page(200, *found, pages.HEADERS)

    def healthcheck(self, _: RequestHead) -> Page:
        """OctoAI's health: 200 when RUNNING, 503 with the state before, while draining, and when crash-looping."""
        state = "SHUTTING_DOWN" if self.draining else self.endpoint.state
        body = {"status": state, "async_enable": True}
        if self.endpoint.trouble:
            body["detail"] = self.endpoint.trouble
        return Page(200 if self.ready else 503, encode_json(body))

    def readyz(self, _: RequestHead) -> Page:
        """Whether to send calls here."""
        if self.ready:
            return Page(200, b'{"status":"ready"}')
        return Page(503, encode_json({"status": "draining" if self.draining else "not ready"}))

    def metrics(self, _: RequestHead) -> Page:
        """Everything counted, in Prometheus' text format."""
        endpoint = self.endpoint
        routes = endpoint.routes
        lines = family(
            "hotplate_requests_total",
            "counter",
            "Answers by route and status code.",
            [
                ({"route": route.path, "code": code}, count)
                for route in routes
                for code, count in sorted(route.codes.items())
            ],
        )
        lines += histogram(
            "hotplate_request_duration_seconds",
            "From the last byte of a request to its answer.",
            [({"route": route.path}, route.duration) for route in routes],
        )
        lines += histogram(
            "hotplate_batch_size",
            "Items per call of a batched function.",
            [({"route": route.path}, route.batch_size) for route in routes if route.batch_size is not None],
        )
        lines += histogram(
            "hotplate_queue_wait_seconds", "Time in the queue, of requests that waited.", [({}, endpoint.queue_wait)]
        )
        edge = self.edge
        for name, kind, text, value in (
            ("hotplate_requests_in_progress", "gauge", "Calls that are with a worker.", endpoint.in_progress),
            ("hotplate_queue_depth", "gauge", "Requests that wait for a slot.", endpoint.waiting),
            (
                "hotplate_requests_refused_total",
                "counter",
                "Requests refused because the queue was full.",
                endpoint.refused,
            ),
            ("hotplate_workers_ready", "gauge", "Workers that take calls.", sum(link.ready for link in endpoint.links)),
            (
                "hotplate_worker_restarts_total",
                "counter",
                "Workers started to replace one that died.",
                endpoint.restarts,
            ),
            ("hotplate_calls_lost_total", "counter", "Calls that ran in a worker that died.", endpoint.lost_calls),
            (
                "hotplate_body_memory_bytes",
                "gauge",
                "Memory that large request bodies take, from their first byte to their answer.",
                self._memory.held,
            ),
            ("hotplate_connections", "gauge", "Open client connections.", len(edge.connections) if edge else 0),
            (
                "hotplate_malformed_requests_total",
                "counter",
                "Requests refused as malformed.",
                edge.rejected if edge else 0,
            ),
            (
                "hotplate_uptime_seconds",
                "gauge",
                "Seconds since the server started.",
                round(monotonic() - self._begun, 3),
            ),
        ):
            lines += family(name, kind, text, [({}, value)])
        lines += endpoint.counted.lines()
        lines += self.jobs.metrics() if self.jobs is not None else []
        return Page(200, ("\n".join(lines) + "\n").encode(), CONTENT_TYPE)


def replica_header() -> bytes:
    """OctoAI's `octoai_replica_name` header, where its environment variable is set (specification §2.2)."""
    name = os.environ.get("OCTOAI_REPLICA_NAME")
    if name is None:
        return b""
    clean = "".join(c for c in name if c.isascii() and c.isprintable())
    return b"octoai_replica_name: %b\r\n" % clean.encode()
