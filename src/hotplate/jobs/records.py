"""What a store keeps and gives: jobs, leases, outcomes. Frozen records, and the table of states that all obey."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

State = Literal["queued", "retrying", "running", "completed", "failed", "dead", "cancelled"]
"""`retrying` waits for its next attempt. `failed` got an answer that another attempt would not change; `dead` used up
its attempts."""

TERMINAL: Final = frozenset(("completed", "failed", "dead", "cancelled"))

TRANSITIONS: Final[dict[str, frozenset[str]]] = {
    "queued": frozenset(("running", "cancelled", "failed")),
    "retrying": frozenset(("queued", "cancelled", "failed")),
    "running": frozenset(("completed", "failed", "dead", "cancelled", "queued", "retrying")),
    "completed": frozenset(),
    "failed": frozenset(("queued",)),
    "dead": frozenset(("queued",)),
    "cancelled": frozenset(),
}
"""From each state, where a job may go. A terminal one is left only by an operator's `retry`."""

PRIORITIES: Final = range(8)
"""Those of RFC 9218: 0 is run first."""

Cause = Literal["failure", "crash", "loss", "release"]
"""Why an attempt ended without an answer that counts: the call failed; its worker died; its lease was lost with the
server that held it; the server gave it back. Each but the last has its own count and limit."""


class NewJob(msgspec.Struct, frozen=True, kw_only=True):
    """A call to keep. `meta` is what the worker gets besides the body (an encoded `wire.frames.Meta`).

    `key` is the caller's Idempotency-Key and `digest` what it stands for. `priority`: 0 is run first, 7 last.
    `deadline_s` counts from now. `body` is empty where `blob` names it.
    """

    id: str
    endpoint: str
    method: str
    path: str
    meta: bytes = b""
    body: bytes = b""
    blob: str = ""
    body_bytes: int = 0
    key: str = ""
    digest: bytes = b""
    priority: int = 3
    deadline_s: float | None = None
    origin: str = "http"
    note: str = ""
    """The face's own words about the job, as JSON."""
    caller: str = ""
    """The id of the token that it came with."""
    hooks: str = ""
    """Who is told of it: `jobs.webhooks.Hook`s, as JSON."""


class Fence(msgspec.Struct, frozen=True):
    """The right to write about one attempt of one job. Every write names it; a stale one changes nothing."""

    seq: int
    attempt: int
    token: int


class Lease(msgspec.Struct, frozen=True, kw_only=True):
    """A job to run now."""

    fence: Fence
    id: str
    method: str
    path: str
    meta: bytes
    body: bytes
    blob: str
    body_bytes: int
    failures: int
    crashes: int
    losses: int
    deadline_at: int | None
    origin: str


class Held(msgspec.Struct, frozen=True):
    """A lease as others see it: whoever holds it adds one to `beat` as long as it lives."""

    fence: Fence
    beat: int
    owner: str
    endpoint: str = ""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """How a job ended. `status`, `headers` and the body are the answer as an HTTP caller would have had it."""

    state: Literal["completed", "failed", "dead"]
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    blob: str = ""
    body_bytes: int = 0
    code: str = ""
    error: str = ""
    last_output: str = ""
    cause: Cause | None = None


class Setback(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt that ended without the job's end. `delay_s` is the pause before the next."""

    cause: Cause
    delay_s: float = 0.0
    code: str = ""
    error: str = ""
    last_output: str = ""


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """A job as its callers see it, without bodies. Times are seconds since 1970."""

    id: str
    endpoint: str
    method: str
    path: str
    state: State
    priority: int = 3
    attempt: int = 0
    failures: int = 0
    crashes: int = 0
    losses: int = 0
    progress: float | None = None
    progress_text: str = ""
    code: str = ""
    error: str = ""
    last_output: str = ""
    status: int | None = None
    created_at: float = 0.0
    started_at: float | None = None
    finished_at: float | None = None
    has_result: bool = False
    origin: str = "http"
    note: str = ""
    caller: str = ""
    seq: int = 0

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.state in TERMINAL


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """A kept answer."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    blob: str
    body_bytes: int


class Submitted(msgspec.Struct, frozen=True):
    """A job that is kept. `created` is false for one that an earlier submit with the same key made."""

    id: str
    created: bool
    state: State
    created_at: float = 0.0


class Refused(msgspec.Struct, frozen=True):
    """A submit that made no job: the queue is full, or the key stands for another body."""

    code: Literal["job_queue_full", "idempotency_conflict"]


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """Which jobs to list, the newest first; `before` is the `seq` of the last one seen. `others` are more endpoints."""

    endpoint: str
    others: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    origin: str = ""
    path: str = ""
    before: int = 0
    limit: int = 50


class Depth(msgspec.Struct, frozen=True):
    """What waits, what runs, since when the oldest waits (seconds since 1970), the dead, and what of the waiting is due
    now."""

    waiting: int
    running: int
    oldest: float | None
    dead: int
    queued: int = 0


Event = Literal["started", "retrying", "completed", "failed", "dead", "cancelled"]
"""What a webhook can be told of: a job came to be so."""
EVENTS: Final = ("started", "retrying", "completed", "failed", "dead", "cancelled")


class Hook(msgspec.Struct, frozen=True):
    """Where to tell of which events."""

    url: str
    events: tuple[Event, ...] = ("completed", "failed", "dead", "cancelled")


DeliveryState = Literal["waiting", "delivered", "failed"]


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """A webhook's message, once for each event, whatever number of attempts it takes. Times as in a Job."""

    id: str
    endpoint: str
    job: str
    event: Event
    url: str
    payload: str
    state: DeliveryState = "waiting"
    attempt: int = 0
    status: int | None = None
    error: str = ""
    created_at: float = 0.0
    ended_at: float | None = None
    seq: int = 0
