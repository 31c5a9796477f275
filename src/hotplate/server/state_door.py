"""`run/server.sock`: where control, the CLI and a person ask for the server's state, and tell it to read the snapshot.

HTTP on a Unix socket of mode 0600 in a folder of mode 0700, by the same edge as everything else.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hotplate.edge.edge import Edge
from hotplate.edge.exchange import EdgeLimits, Plan, Refusal
from hotplate.edge.head import RequestHead
from hotplate.edge.response import encode_json, problem
from hotplate.server.access import AccessLog
from hotplate.server.log import Log
from hotplate.server.plans import Page, PagePlan, RefusalPlan


class StateDoor:
    """Answers `GET /state` and `POST /reload`. `reload` gives the number of the snapshot that is served then."""

    def __init__(self, path: Path, reload: Callable[[], int], state: Callable[[], dict[str, Any]]) -> None:
        self._path = path
        self._reload = reload
        self._state = state
        self._access = AccessLog(Log(), "off")
        self._edge: Edge | None = None

    async def open(self) -> None:
        """Accept connections. Whatever an earlier server left at the path is replaced."""
        beside = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        beside.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        mask = os.umask(0o177)
        try:
            listener.bind(str(beside))
        finally:
            os.umask(mask)
        listener.setblocking(False)
        self._edge = Edge(self, EdgeLimits(), asyncio.get_running_loop())
        await self._edge.listen(listener)
        beside.replace(self._path)

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
        return RefusalPlan(self._access, Refusal(404, problem("There are GET /state and POST /reload.")))
