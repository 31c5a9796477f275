"""`http://api-NAME:8888`, Cortex's address of another API: made to work inside a worker, without a name server.

The variable HOTPLATE_SIBLINGS says where the others are: `{"NAME": "http://127.0.0.1:8081"}`, or one address for all,
of a server that tells them apart by the Host that they are called with. Such a name is resolved to a loopback address
of its own, at which nobody listens; a connection to that address and port 8888 goes to the real place instead. That
is done where every client comes by: in `socket`, and in uvloop, which has its own. Nothing else is changed.
"""

from __future__ import annotations

import json
import os
import re
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from hotplate.errors import ProjectError

if TYPE_CHECKING:
    from hotplate.compat.sibling_relay import Relay

VARIABLE = "HOTPLATE_SIBLINGS"
TOKEN_VARIABLE = "HOTPLATE_SIBLING_TOKEN"  # noqa: S105 - the name of a variable
PORT = 8888

Place = tuple[str, int]

_HOST = re.compile(r"api-([a-z0-9][a-z0-9-]*)\.?")
_FORMS = 'give {"NAME": "http://127.0.0.1:8081"}, or one address: http://127.0.0.1:8080'


class Siblings:
    """Where each sibling is. `anybody` is the one place for all names, where there is one."""

    def __init__(
        self, places: Mapping[str, Place], anybody: Place | None, start_relay: Callable[[], Relay] | None = None
    ) -> None:
        self._anybody = anybody
        self._markers = {name: f"127.88.{number >> 8}.{number & 255}" for number, name in enumerate(places, 1)}
        self._places = {self._markers[name]: place for name, place in places.items()}
        if anybody is not None:
            self._places["127.88.0.0"] = anybody
        self._start_relay = start_relay
        self._relay: Relay | None = None
        self._lock = Lock()
        if start_relay is not None:
            os.register_at_fork(after_in_child=self._begin_again)

    def _begin_again(self) -> None:
        """In a fork: the relay's thread is the parent's, which lets in none but its own."""
        self._lock = Lock()
        if self._relay is not None:
            self._relay.leave()
            self._relay = None

    @property
    def relay(self) -> Relay | None:
        """What stands between, where something has to. It starts when it is first needed: a thread forbids forks."""
        if self._start_relay is None:
            return None
        with self._lock:
            if self._relay is None:
                self._relay = self._start_relay()
            return self._relay

    def marker(self, host: Any) -> str | None:
        """Give the address that stands for a host's name; None for a host that is no sibling."""
        text = host.decode("ascii", "replace") if isinstance(host, bytes) else host
        found = _HOST.fullmatch(text.lower()) if isinstance(text, str) else None
        if found is None:
            return None
        return "127.88.0.0" if self._anybody is not None else self._markers.get(found[1])

    def place(self, address: Any) -> Place | None:
        """Give where a connection to an address really goes; None where it is no sibling's."""
        if not isinstance(address, tuple) or len(cast("tuple[Any, ...]", address)) != 2:
            return None
        host, port = cast("tuple[Any, Any]", address)
        if port not in (PORT, str(PORT)):
            return None
        found = self._places.get(self.marker(host) or str(host))
        if found is None:
            return None
        relay = self.relay
        return found if relay is None else relay.place


def install(text: str, token: str = "") -> None:
    """Let siblings be reached from this process. Raises ProjectError for a variable that cannot be read."""
    places, anybody = read(text)
    start_relay: Callable[[], Relay] | None = None
    if token and anybody is not None:
        from hotplate.compat.sibling_relay import Relay

        start_relay = partial(Relay, anybody, token)
    siblings = Siblings(places, anybody, start_relay)
    _patch_socket(siblings)
    try:
        import uvloop
    except ImportError:
        return
    _patch_loop(uvloop.Loop, siblings)


def read(text: str) -> tuple[dict[str, Place], Place | None]:
    """Read the variable: the places by name, or the one for all."""
    if not text.lstrip().startswith("{"):
        return {}, _place(text, VARIABLE)
    try:
        found: Any = json.loads(text)
    except ValueError as error:
        raise ProjectError(f"{VARIABLE} is no JSON: {error}", hint=_FORMS) from None
    return {name: _place(url, f"{VARIABLE}: {name}") for name, url in found.items()}, None


def _place(url: Any, what: str) -> Place:
    try:
        parts = urlsplit(url if isinstance(url, str) else "")
        place = parts.hostname or "", parts.port or 80
    except ValueError:
        raise ProjectError(f"{what} is no address: {url}", hint=_FORMS) from None
    if parts.scheme != "http" or not place[0] or parts.path not in ("", "/") or parts.query or ":" in place[0]:
        text = f"{what} must be http://HOST:PORT with an IPv4 address or a name, and without a path, not {url!r}"
        raise ProjectError(text, hint=_FORMS)
    return place


def _patch_socket(siblings: Siblings) -> None:
    information: Any = socket.getaddrinfo
    connection: Any = socket.socket.connect
    connection_ex: Any = socket.socket.connect_ex

    def getaddrinfo(host: Any, port: Any, *more: Any, **named: Any) -> Any:
        return information(siblings.marker(host) or host, port, *more, **named)

    def connected(method: Any, self: socket.socket, address: Any) -> Any:
        place = siblings.place(address)
        if place is None:
            return method(self, address)
        try:
            return method(self, place)
        finally:
            if siblings.relay is not None:
                with suppress(OSError):
                    siblings.relay.expect(self.getsockname()[1])

    def connect(self: socket.socket, address: Any) -> Any:
        return connected(connection, self, address)

    def connect_ex(self: socket.socket, address: Any) -> Any:
        return connected(connection_ex, self, address)

    socket.getaddrinfo = getaddrinfo
    socket.socket.connect = connect
    socket.socket.connect_ex = connect_ex


def _patch_loop(loop: Any, siblings: Siblings) -> None:
    information = loop.getaddrinfo
    connection = loop.create_connection

    async def getaddrinfo(self: Any, host: Any, port: Any, **named: Any) -> Any:
        return await information(self, siblings.marker(host) or host, port, **named)

    async def create_connection(self: Any, factory: Any, host: Any = None, port: Any = None, **named: Any) -> Any:
        place = siblings.place((host, port))
        if place is None:
            return await connection(self, factory, host, port, **named)
        transport, protocol = await connection(self, factory, *place, **named)
        if siblings.relay is not None:
            siblings.relay.expect(transport.get_extra_info("sockname")[1])
        return transport, protocol

    loop.getaddrinfo = getaddrinfo
    loop.create_connection = create_connection
