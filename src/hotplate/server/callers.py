"""Who calls: tokens as the server uses them, with their expiry, rate and concurrency."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from time import monotonic_ns

from hotplate.deployment.records import Scope, TokenSpec
from hotplate.deployment.tokens import fits, split
from hotplate.edge.exchange import Exchange, Refusal
from hotplate.edge.response import problem

SECOND = 1_000_000_000
SCHEME = b"bearer "
CHALLENGE = ("www-authenticate", 'Bearer realm="hotplate"')
WITH: Mapping[Scope, frozenset[Scope]] = {
    "invoke": frozenset(("invoke", "admin")),
    "read": frozenset(("read", "deploy", "admin")),
    "deploy": frozenset(("deploy", "admin")),
    "admin": frozenset(("admin",)),
}
"""Scopes and those that have them."""
TOKEN_MARK = b"hp_"
"""How a token of ours begins. One that does never reaches user code, wherever it was sent."""


class Caller:
    """A token in use. What it has used up survives a new snapshot.

    `internal` is the token of a replica, good on this machine alone.
    """

    __slots__ = ("_allowance", "_since_ns", "internal", "running", "spec", "used_ns")

    def __init__(self, spec: TokenSpec, *, internal: bool = False) -> None:
        self.spec = spec
        self.internal = internal
        self.used_ns = 0
        self.running: set[Exchange] = set()
        self._allowance = 0.0
        self._since_ns = 0

    @property
    def free(self) -> bool:
        """Whether nothing has to be looked at when a call comes."""
        spec = self.spec
        return spec.expires_at is None and spec.rate_per_s is None and spec.concurrency is None and not self.internal

    def may(self, scope: Scope, endpoint: str) -> bool:
        """Whether the token allows something, at an endpoint (or "": at the server as a whole)."""
        spec = self.spec
        if WITH[scope].isdisjoint(spec.scopes):
            return False
        return not spec.endpoints or endpoint in spec.endpoints

    def scopes(self, endpoint: str) -> frozenset[str]:
        """What the token allows at an endpoint."""
        return frozenset(scope for scope in WITH if self.may(scope, endpoint))

    def refusal(self, exchange: Exchange | None) -> Refusal | None:
        """Say why a call may not run now. With an exchange it is counted as one that does."""
        spec = self.spec
        if spec.expires_at is not None and time.time() >= spec.expires_at:
            return unauthorized("The token has expired. Ask for a new one.")
        if self.internal and exchange is not None and not from_here(exchange):
            return unauthorized("This token is for replicas on this machine.")
        if spec.concurrency is not None and len(self.running) >= spec.concurrency:
            return too_many(f"This token may run {spec.concurrency} calls at the same time.", spec.concurrency, 1)
        if spec.rate_per_s is not None and (wait_s := self._wait_s(spec.rate_per_s, take=exchange is not None)):
            return too_many(f"This token may make {spec.rate_per_s:g} calls a second.", spec.rate_per_s, wait_s)
        if exchange is not None and spec.concurrency is not None:
            self.running.add(exchange)
        return None

    def _wait_s(self, rate: float, *, take: bool) -> float:
        """Take a call from the allowance, which holds a second's worth; or say how long until there is one."""
        now = monotonic_ns()
        most = max(1.0, rate)
        held = min(most, self._allowance + (now - self._since_ns) / SECOND * rate) if self._since_ns else most
        self._since_ns = now
        if held < 1.0:
            self._allowance = held
            return (1.0 - held) / rate
        self._allowance = held - take
        return 0.0


class Callers:
    """All tokens by their id."""

    def __init__(self) -> None:
        self._callers: dict[str, Caller] = {}
        self._internal: dict[str, Caller] = {}

    def replace(self, tokens: Iterable[TokenSpec]) -> None:
        """Take the tokens of a snapshot."""
        before, self._callers = self._callers, {}
        for spec in tokens:
            caller = before.get(spec.id) or Caller(spec)
            caller.spec = spec
            self._callers[spec.id] = caller

    def add_internal(self, spec: TokenSpec) -> None:
        """Take a token that lives as long as this process."""
        self._internal[spec.id] = Caller(spec, internal=True)

    def remove_internal(self, token_id: str) -> None:
        """Forget one."""
        self._internal.pop(token_id, None)

    def find(self, authorization: bytes | None) -> Caller | None:
        """Find who sent an Authorization header; None: nobody we know."""
        if authorization is None or authorization[: len(SCHEME)].lower() != SCHEME:
            return None
        parts = split(authorization[len(SCHEME) :].strip().decode("latin-1"))
        if parts is None:
            return None
        caller = self._callers.get(parts[0]) or self._internal.get(parts[0])
        return caller if caller is not None and fits(parts[1], caller.spec.hash) else None

    def take_used(self) -> list[tuple[str, float]]:
        """When tokens were last used (Unix time), of those used since this was asked."""
        shift = time.time() - monotonic_ns() / SECOND
        used: list[tuple[str, float]] = []
        for caller in self._callers.values():
            if caller.used_ns:
                used.append((caller.spec.id, caller.used_ns / SECOND + shift))
                caller.used_ns = 0
        return used


def from_here(exchange: Exchange) -> bool:
    """Whether a request was made on this machine, and not passed on by a proxy for somebody else."""
    headers = exchange.head.headers
    if b"x-forwarded-for" in headers or b"forwarded" in headers:
        return False
    return exchange.connection.peer.startswith(("127.", "::1"))


def is_token(authorization: bytes | None) -> bool:
    """Whether an Authorization header carries a token of ours, valid or not."""
    if authorization is None:
        return False
    return authorization[: len(SCHEME)].lower() == SCHEME and authorization[len(SCHEME) :].lstrip().startswith(
        TOKEN_MARK
    )


def unauthorized(detail: str, key: str = "detail") -> Refusal:
    """401, and how to do better."""
    return Refusal(401, problem(detail, key, code="unauthorized"), (CHALLENGE,))


def forbidden(detail: str, key: str = "detail") -> Refusal:
    """403."""
    return Refusal(403, problem(detail, key, code="forbidden"))


def too_many(detail: str, limit: float, wait_s: float) -> Refusal:
    """429, with how many there may be and how long to wait (the fields of draft-ietf-httpapi-ratelimit-headers)."""
    wait = max(1, -int(-wait_s // 1))
    headers = (
        ("retry-after", str(wait)),
        ("ratelimit-limit", f"{limit:g}"),
        ("ratelimit-remaining", "0"),
        ("ratelimit-reset", str(wait)),
    )
    return Refusal(429, problem(detail, code="too_many_calls"), headers)
