"""The little that control says to the server, and asks it, over run/server.sock. The server may be away."""

from __future__ import annotations

import http.client
import socket
from pathlib import Path
from typing import Any

import msgspec

from hotplate.deployment.unix_address import unix_address

MAX_STATE_BYTES = 64 << 20
POKE_S = 2.0
STATE_S = 5.0


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: Path, timeout_s: float) -> None:
        super().__init__("localhost", timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        with unix_address(self._path) as address:
            self.sock.connect(address)


def poke(path: Path) -> bool:
    """Tell the server that there is a new snapshot. False: it is away; it reads the file when it is back."""
    return _ask(path, "POST", "/reload", POKE_S) is not None


def read_state(path: Path) -> dict[str, Any] | None:
    """The server's live state, or None while it is away."""
    body = _ask(path, "GET", "/state", STATE_S)
    if body is None:
        return None
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.DecodeError, msgspec.ValidationError):
        return None


def read_jobs(path: Path, asked: object) -> dict[str, Any] | None:
    """Jobs of all endpoints, as `server.all_jobs` gives them; None while the server is away, or cannot read them."""
    body = _ask(path, "POST", "/jobs", STATE_S, msgspec.json.encode(asked))
    return None if body is None else msgspec.json.decode(body, type=dict[str, Any])


def endpoint_states(state: dict[str, Any] | None) -> dict[str, dict[str, Any]]:
    """The endpoints of a state by name."""
    found: Any = (state or {}).get("endpoints", {})
    if isinstance(found, list):
        listed: list[Any] = found  # pyright: ignore[reportUnknownVariableType]
        return {str(each.get("name", "")): each for each in listed if isinstance(each, dict)}  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
    return found if isinstance(found, dict) else {}  # pyright: ignore[reportUnknownVariableType]


def _ask(path: Path, method: str, target: str, timeout_s: float, given: bytes = b"") -> bytes | None:
    connection = _Connection(path, timeout_s)
    try:
        connection.request(method, target, body=given if method == "POST" else None)
        answer = connection.getresponse()
        body = answer.read(MAX_STATE_BYTES)
        return body if answer.status < 300 else None
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
