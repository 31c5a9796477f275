"""One attempt on its way through the endpoint's queue, with the job runner where an HTTP client would be."""

from __future__ import annotations

from collections.abc import Callable
from itertools import takewhile
from time import monotonic_ns
from typing import TYPE_CHECKING, Any, Protocol

from hotplate.edge.exchange import Exchange, Extent
from hotplate.edge.head import RequestHead
from hotplate.jobs.records import Cause, Lease
from hotplate.jobs.verdict import Attempt

if TYPE_CHECKING:
    import asyncio

CONSUMED_BYTES = 32 * 1024
CAUSES: dict[str, Cause] = {
    "overloaded": "release",
    "not_ready": "release",
    "unavailable": "release",
}
"""What the server's own answers say of a job. After a release it goes back and waits; anything else is a failure."""
LOST: dict[Cause, str] = {
    "crash": "The worker process died while it ran this job.",
    "loss": "The replica was lost with its machine, or out of reach, while it ran this job.",
}
_OURS = (b"x-request-id", b"cache-control", b"x-accel-buffering", b"retry-after", b"octoai_replica_name")


class Caller(Protocol):
    """What the runner is told of a call."""

    def ended(self, call: JobCall, attempt: Attempt) -> None:
        """The attempt is over."""
        ...

    def moved(self, call: JobCall, fraction: float | None, text: str) -> None:
        """The attempt has got further."""
        ...


class RunPlan:
    """What a link needs to know of a call. `found` is the mount in the revision that takes the call; `place` is that
    revision's queue, once it has been given to one. `handle` gives it to another, should that one go out of service."""

    __slots__ = ("error_key", "handle", "index", "meta", "named_id", "place")
    patience_ns: int | None = None

    def __init__(
        self, found: tuple[int, str], meta: bytes, named_id: bytes, handle: Callable[[Exchange], None]
    ) -> None:
        self.index, self.error_key = found
        self.meta = meta
        self.named_id = named_id
        self.handle = handle
        self.place: Any = None

    def observe(self, exchange: Exchange, status: int, now_ns: int) -> None:
        """Nothing: a job's times are counted by the runner."""


class Nobody:
    """In the place of a call that is over: what still comes for it is not wanted."""

    def answer(self, *_: Any, **__: Any) -> None:
        """Whatever comes: nothing."""

    refused = open_stream = write_piece = close_stream = progress = answer


NOBODY: Any = Nobody()


class JobCall:
    """The caller's side of an exchange. Its answer, or what came instead of one, goes to `caller`."""

    def __init__(self, caller: Caller, lease: Lease, plan: RunPlan, most_bytes: int) -> None:
        self.caller = caller
        self.lease = lease
        self.over = False
        self.timer: asyncio.TimerHandle | None = None
        self.exchange: Exchange
        self._head = RequestHead(lease.method, lease.path, "", {}, 0, keep_alive=False, http_11=True)
        self._head.plan = plan
        self._most_bytes = most_bytes
        self._pieces: list[bytes] = []
        self._size = 0
        self._owed = 0
        self._count = 0
        self._opened: tuple[int, tuple[tuple[str, str], ...]] = (200, ())
        self._told = False

    def make_exchange(self, body: bytes, extent: Extent | None) -> Exchange:
        """The request, as the endpoint takes it."""
        caller: Any = self  # an Exchange's `connection` is whoever waits for the answer
        self.exchange = Exchange(caller, self._head, body, extent, monotonic_ns())
        return self.exchange

    @property
    def begun(self) -> bool:
        """Whether it has left the endpoint's queue, and then its worker's."""
        link = self.exchange.link
        return link is not None and not link.never_started(self.exchange)

    @property
    def behind(self) -> bool:
        """Whether it cannot begin before another one ends. What was given to a free slot begins at once."""
        link = self.exchange.link
        if self.over or self.begun:
            return False
        if link is None:
            return True
        before = takewhile(lambda each: each is not self.exchange, link.pending.values())
        return sum(1 for _ in before) >= link.capacity

    def end(self, attempt: Attempt) -> None:
        """Tell the runner, once."""
        if not self.over:
            self.drop()
            self.caller.ended(self, attempt)

    def drop(self) -> None:
        """Wait for nothing more. The exchange lets go of this call, so that neither is left to the garbage collector:
        a hundred jobs a second would leave it more than it clears away in a minute."""
        self.over = True
        if self.timer is not None:
            self.timer.cancel()
        self.exchange.connection = NOBODY

    # -- what the endpoint and its links call

    def answer(self, exchange: Exchange, status: int, body: bytes, extra: bytes) -> None:
        """The whole answer of the project."""
        if len(body) > self._most_bytes:
            self._too_large(exchange)
        else:
            self.end(Attempt(status=status, headers=read_fields(extra), body=body))

    def refused(
        self, exchange: Exchange, code: str, status: int, body: bytes, extra: bytes, last_output: str = ""
    ) -> None:
        """The server's own answer: no room, no worker, or the worker died."""
        cause = _lost(exchange) if code == "worker_lost" else CAUSES.get(code, "failure")
        self.end(
            Attempt(
                status=status,
                headers=read_fields(extra),
                body=body,
                code=code,
                error=LOST.get(cause, ""),
                last_output=last_output,
                cause=cause,
            )
        )

    def open_stream(self, exchange: Exchange, status: int, extra: bytes) -> None:
        """The project yields its answer: its pieces are kept together."""
        exchange.streaming = True
        self._opened = (status, read_fields(extra))

    def write_piece(self, exchange: Exchange, piece: bytes, *, last: bool = False) -> None:
        """One piece of it. Keeping it is as good as a client that reads it."""
        if self.over or not piece:
            return
        self._pieces.append(piece)
        self._size += len(piece)
        self._owed += len(piece)
        self._count += not last
        if self._size > self._most_bytes:
            return self._too_large(exchange)
        if self._owed >= CONSUMED_BYTES and exchange.link is not None:
            owed, self._owed = self._owed, 0
            exchange.link.consumed(exchange, owed)
        if not self._told and not last:
            self.caller.moved(self, None, f"{self._count} piece{'s' * (self._count > 1)}")

    def close_stream(self, exchange: Exchange, status: int, *, whole: bool = True) -> None:
        """The stream has ended, or broke off: 502 when the worker died."""
        opened, headers = self._opened
        body = b"".join(self._pieces)
        if whole:
            self.end(Attempt(status=opened, headers=headers, body=body))
        elif status == 502:
            cause = _lost(exchange)
            self.end(Attempt(status=502, code="worker_lost", error=LOST[cause], cause=cause))
        else:
            self.end(Attempt(status=status, headers=headers, body=body, code="error", cause="failure"))

    def progress(self, exchange: Exchange, fraction: float | None, text: str) -> None:
        """The project says how far it is."""
        if not self.over:
            self._told = True
            self.caller.moved(self, fraction, text)

    def _too_large(self, exchange: Exchange) -> None:
        text = f"The result is larger than {self._most_bytes} bytes (max_job_result_size)."
        body = b'{"detail":"%b","code":"limit_exceeded"}' % text.encode()
        headers = (("content-type", "application/json"),)
        self.end(Attempt(status=413, headers=headers, body=body, code="limit_exceeded", error=text))
        link = exchange.link
        if exchange.streaming and link is not None and not exchange.abandoned:
            exchange.abandoned = True
            link.cancel(exchange)


def _lost(exchange: Exchange) -> Cause:
    """A replica elsewhere may have gone with its machine: that is not the job's doing, as its worker's death may be."""
    return "loss" if getattr(exchange.link, "away", False) else "crash"


def read_fields(extra: bytes) -> tuple[tuple[str, str], ...]:
    """Header lines of an answer as pairs, without those that belong to the call and not to its result."""
    found: list[tuple[str, str]] = []
    for line in extra.split(b"\r\n"):
        name, colon, value = line.partition(b": ")
        if colon and name.lower() not in _OURS:
            found.append((name.decode("latin-1"), value.decode("latin-1")))
    return tuple(found)
