"""`run/server.sock`: where control, the CLI and a person ask for the server's state, and tell it to read the snapshot.

HTTP on a Unix socket of mode 0600 in a folder of mode 0700, by the same edge as everything else.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from hotplate.deployment.unix_address import unix_address
from hotplate.edge.edge import Edge
from hotplate.edge.exchange import EdgeLimits, Plan, Refusal
from hotplate.edge.head import RequestHead
from hotplate.edge.response import encode_json, problem
from hotplate.server.access import AccessLog
from hotplate.server.all_jobs import AllJobsPlan
from hotplate.server.job_keeping import JobKeeping
from hotplate.server.log import Log
from hotplate.server.plans import Page, PagePlan, RefusalPlan

if TYPE_CHECKING:
    from hotplate.scaling.replay import Trace

TRACES = "/traces/"


class StateDoor:
    """Answers `GET /state`, `GET /traces/NAME`, `POST /jobs` and `POST /reload`.

    `reload` gives the number of the snapshot that is served then; `trace` what an autoscaler saw, or None; `jobs` are
    those of all endpoints.
    """

    def __init__(
        self,
        path: Path,
        reload: Callable[[], int],
        state: Callable[[], dict[str, Any]],
        trace: Callable[[str], Trace | None],
        jobs: JobKeeping,
    ) -> None:
        self._path = path
        self._trace = trace
        self._jobs = jobs
        self._reload = reload
        self._state = state
        self._access = AccessLog(Log(), "off")
        self._edge: Edge | None = None

    async def open(self) -> None:
        """Accept connections. Whatever an earlier server left at the path is replaced. Raises OSError."""
        beside = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        beside.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        mask = os.umask(0o177)
        try:
            with unix_address(beside) as address:
                listener.bind(address)
            beside.replace(self._path)
        except OSError:
            listener.close()
            raise
        finally:
            os.umask(mask)
        listener.setblocking(False)
        self._edge = Edge(self, EdgeLimits(), asyncio.get_running_loop())
        await self._edge.listen(listener)

    @property
    def is_open(self) -> bool:
        """Whether it could be opened."""
        return self._edge is not None

    def close(self) -> None:
        """Accept no more. The path is left: a newer server may have put its own there."""
        if self._edge is not None:
            self._edge.close()

    def plan(self, head: RequestHead) -> Plan:
        """Find what is asked for (the edge's Handler)."""
        if (head.method, head.path) == ("GET", "/state"):
            return PagePlan(self._access, lambda _: Page(200, encode_json(self._state())))
        if (head.method, head.path) == ("POST", "/reload"):
            return PagePlan(self._access, lambda _: Page(200, encode_json({"snapshot": self._reload()})))
        if (head.method, head.path) == ("POST", "/jobs"):
            return AllJobsPlan(self._access, self._jobs)
        if head.method == "GET" and head.path.startswith(TRACES):
            return PagePlan(self._access, lambda head: self._traced(head.path.removeprefix(TRACES)))
        return RefusalPlan(
            self._access, Refusal(404, problem("There are GET /state, GET /traces/NAME, POST /jobs and POST /reload."))
        )

    def _traced(self, name: str) -> Page:
        trace = self._trace(name)
        if trace is None:
            return Page(404, problem("No endpoint of this name has an autoscaler now."))
        return Page(200, msgspec.json.encode(trace))
