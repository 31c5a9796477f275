"""Who may call a route: the bearer token, its scopes, the endpoints that it is for, and how often one may be wrong."""

from __future__ import annotations

import time
from collections.abc import Mapping
from threading import Lock

from hotplate.control.api.route import Route
from hotplate.control.database import Database
from hotplate.control.plane import Caller
from hotplate.control.tokens import authenticate
from hotplate.errors import Forbidden, TooManyCalls, Unauthorized

FAILURES = 10
WINDOW_S = 60.0
MAX_ADDRESSES = 10_000
ENDPOINT_PARAMETER = "name"
ENDPOINT_TAGS = ("endpoints", "logs", "events")


class Failures:
    """Counts wrong tokens by address. Past the limit they are answered 429; a right token is always let through, so
    that nobody can lock out others who share an address, as everybody on loopback does."""

    def __init__(self, limit: int = FAILURES, window_s: float = WINDOW_S) -> None:
        self._limit = limit
        self._window_s = window_s
        self._seen: dict[str, tuple[float, int]] = {}
        self._lock = Lock()

    def count(self, address: str, now: float | None = None) -> float | None:
        """Count one and give the seconds to wait, if it is one too many."""
        at = time.monotonic() if now is None else now
        with self._lock:
            begin, number = self._seen.get(address, (at, 0))
            if at - begin >= self._window_s:
                begin, number = at, 0
            if len(self._seen) >= MAX_ADDRESSES and address not in self._seen:
                self._seen.clear()
            self._seen[address] = (begin, number + 1)
            return None if number < self._limit else begin + self._window_s - at


def identify(database: Database, failures: Failures, authorization: str | None, address: str) -> Caller:
    """The caller behind an Authorization header. Raises Unauthorized or TooManyCalls."""
    kind, _, text = (authorization or "").partition(" ")
    if not authorization:
        raise Unauthorized()
    try:
        if kind.lower() != "bearer":
            raise Unauthorized("Only `Authorization: Bearer TOKEN` is understood.")
        return authenticate(database, text.strip())
    except Unauthorized:
        wait_s = failures.count(address)
        if wait_s is not None:
            raise TooManyCalls("Too many wrong tokens from this address.", retry_after_s=wait_s) from None
        raise


def check_access(route: Route, caller: Caller, path: Mapping[str, str]) -> None:
    """Raise Forbidden unless the token covers the route and the endpoint in its path."""
    if route.scope is not None and not caller.may(route.scope):
        raise Forbidden(f"This needs a token with the scope {route.scope}; this one has {', '.join(caller.scopes)}.")
    if not caller.endpoints or route.shared or route.scope is None:
        return
    if route.tag not in ENDPOINT_TAGS or ENDPOINT_PARAMETER not in path:
        raise Forbidden(f"This token is for {', '.join(caller.endpoints)} alone.")
    check_endpoint_access(caller, path[ENDPOINT_PARAMETER])


def check_endpoint_access(caller: Caller, name: str) -> None:
    """Raise Forbidden unless the token is for this endpoint."""
    if not caller.reaches(name):
        raise Forbidden(f"This token is for {', '.join(caller.endpoints)} alone, not for {name[:70]}.")
