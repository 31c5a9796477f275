"""The server's live state, as it tells it at run/server.sock."""

from __future__ import annotations

import http.client
import socket
from typing import Any

import msgspec

from hotplate.deployment.home import Home

PATIENCE_S = 5.0


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=PATIENCE_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def read_state(home: Home) -> dict[str, Any]:
    """What the server says; nothing while it is away."""
    connection = _Connection(str(home.server_socket))
    try:
        connection.request("GET", "/state")
        return msgspec.json.decode(connection.getresponse().read(), type=dict[str, Any])
    except (OSError, http.client.HTTPException, msgspec.DecodeError):
        return {}
    finally:
        connection.close()
