"""What a server of `hotplate up` says of itself, on its Unix socket."""

from __future__ import annotations

import http.client
import json
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.records import BenchError
from bench.servers import Server

PATIENCE_S = 120.0
POLL_S = 0.01


class _Unix(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=10)
        self._path = str(path)

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(10)
        self.sock.connect(self._path)


def revision(server: Server, endpoint: str) -> dict[str, Any]:
    """The one revision of an endpoint, with its replicas and its template."""
    connection = _Unix(server.scratch / "home" / "run" / "server.sock")
    try:
        connection.request("GET", "/state")
        state = json.loads(connection.getresponse().read())
    finally:
        connection.close()
    found: list[dict[str, Any]] = state["endpoints"][endpoint]["revisions"]
    return found[0]


def wait_until(server: Server, endpoint: str, what: str, found: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """Wait until a revision is as it should be. Gives it."""
    deadline = time.perf_counter() + PATIENCE_S
    while time.perf_counter() < deadline:
        try:
            now = revision(server, endpoint)
            if found(now):
                return now
        except (OSError, LookupError):
            pass
        time.sleep(POLL_S)
    raise BenchError(f"{endpoint} did not come to have {what}:\n{server.log()}")
