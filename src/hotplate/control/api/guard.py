"""What is refused before anything is looked at: names that are not this machine's, and requests from other sites.

A page that a browser has open elsewhere may send requests here, and may give its own name this machine's address (DNS
rebinding). On loopback only this machine's names are served; a change is never taken from another origin.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from hotplate.errors import Forbidden, InvalidInput

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

LOCAL = ("localhost", "127.0.0.1", "[::1]")
SAFE = ("GET", "HEAD")
MAX_HEADERS = 64
MAX_HEADER_BYTES = 32 * 1024

HEADERS = (
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
"""On every answer that has not its own."""


class Guard:
    """Stands before the app. `hosts` are the names to answer to; none: every name."""

    def __init__(self, app: ASGIApp, hosts: Sequence[str]) -> None:
        self._app = app
        self._hosts = frozenset(host.lower() for host in hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        from hotplate.control.api.problems import plain_problem, problem

        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}

        async def send_with_headers(message: object) -> None:
            if isinstance(message, dict) and message["type"] == "http.response.start":
                present: set[bytes] = {name for name, _ in message["headers"]}  # pyright: ignore[reportUnknownVariableType]
                message["headers"] = [*message["headers"], *(each for each in HEADERS if each[0] not in present)]
            await send(message)  # pyright: ignore[reportArgumentType]

        if len(scope["headers"]) > MAX_HEADERS or sum(map(_size, scope["headers"])) > MAX_HEADER_BYTES:
            too_large = plain_problem(431, "limit_exceeded", f"A request has up to {MAX_HEADERS} headers, of 32 KiB.")
            await too_large(scope, receive, send_with_headers)
            return
        try:
            check_host(headers, self._hosts)
            check_site(scope["method"], headers)
        except (Forbidden, InvalidInput) as error:
            await problem(error)(scope, receive, send_with_headers)
            return
        await self._app(scope, receive, send_with_headers)


def _size(header: tuple[bytes, bytes]) -> int:
    return len(header[0]) + len(header[1]) + 4


def check_host(headers: Mapping[str, str], hosts: frozenset[str]) -> None:
    """Raise Forbidden for a Host header that is none of ours."""
    host = headers.get("host", "")
    if hosts and without_port(host) not in hosts:
        raise Forbidden(
            f"This API does not answer to the name {host[:100]!r}."
            " Use localhost; from another machine, by a tunnel (ssh -L)."
        )


def check_site(method: str, headers: Mapping[str, str]) -> None:
    """Raise Forbidden for a change that a browser sends on behalf of another site."""
    if method in SAFE:
        return
    if headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
        raise Forbidden("A change is not taken from another site.")
    origin = headers.get("origin")
    host = headers.get("host", "")
    if origin is not None and origin.lower().partition("://")[2] != host.lower():
        raise Forbidden(
            f"A change is not taken from another origin: {origin[:100]!r} asked {host[:100]!r} for it."
            " Where a proxy is in between, let it pass on the Host header."
        )


def without_port(host: str) -> str:
    """The name of a Host header."""
    host = host.lower()
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.partition(":")[0]
