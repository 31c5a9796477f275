"""The server's live state, as it tells it at run/server.sock."""

from __future__ import annotations

import http.client
import socket
from pathlib import Path
from typing import Any

import msgspec

from hotplate.deployment.home import Home
from hotplate.deployment.names import check_endpoint
from hotplate.deployment.unix_address import unix_address
from hotplate.errors import NotFound

PATIENCE_S = 5.0


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=PATIENCE_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        with unix_address(self._path) as address:
            self.sock.connect(address)


def read_state(home: Home) -> dict[str, Any]:
    """What the server says; nothing while it is away."""
    try:
        return msgspec.json.decode(_get(home, "/state")[1], type=dict[str, Any])
    except (OSError, http.client.HTTPException, msgspec.DecodeError):
        return {}


def read_trace(home: Home, name: str) -> bytes:
    """What the autoscaler of an endpoint has seen, as JSON.

    Raises:
        NotFound: there is no such endpoint, or the server is away.
    """
    try:
        status, body = _get(home, f"/traces/{check_endpoint(name)}")
    except (OSError, http.client.HTTPException):
        raise NotFound(f"No server runs in {home.root}, and it keeps traces only while it runs.") from None
    if status != 200:
        raise NotFound(f"No endpoint called {name} has an autoscaler now. Is it deployed, and not paused?")
    return body


def _get(home: Home, path: str) -> tuple[int, bytes]:
    connection = _Connection(home.server_socket)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()
