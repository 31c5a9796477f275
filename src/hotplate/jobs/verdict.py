"""What becomes of a job when an attempt of it has ended. Pure: counts and an answer in, an Outcome or a Setback out."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from hotplate.jobs.records import Cause, Lease, Outcome, Setback

BACKOFF_FIRST_S = 1.0
BACKOFF_MOST_S = 300.0
RETURN_S = 0.5
"""How long a job waits that the endpoint could not take: its model is starting, or draining."""
MOST_LOSSES = 10
"""A job whose servers die again and again may be what kills them."""
PASSING = frozenset((408, 425, 429))
"""Answers of the 4xx that another attempt may change."""
ERROR_BYTES = 4096


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """How one attempt ended. `cause` is empty for an answer of the project's own, good or bad."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    code: str = ""
    error: str = ""
    last_output: str = ""
    cause: Cause | None = None


class Tries(msgspec.Struct, frozen=True, kw_only=True):
    """How many failures and crashes a job may have."""

    failures: int = 4
    crashes: int = 3


def judge(lease: Lease, attempt: Attempt, tries: Tries, pick: Callable[[float, float], float]) -> Outcome | Setback:
    """Decide. `pick(low, high)` is a random number between the two (random.uniform)."""
    cause = attempt.cause
    if attempt.status >= 400 and not attempt.code:
        text = f"The call answered {attempt.status}."
        attempt = msgspec.structs.replace(attempt, code="call_failed", error=text)
    if cause is None and attempt.status >= 400:
        cause = "failure" if (attempt.status >= 500 and attempt.status != 501) or attempt.status in PASSING else None
        if cause is None:
            return _outcome("failed", attempt, None)
    if cause is None:
        return _outcome("completed", attempt, None)
    if cause == "failure" and lease.failures + 1 >= tries.failures:
        # Where a job has one try, its failure is simply its answer.
        return _outcome("dead" if tries.failures > 1 else "failed", attempt, cause)
    if cause == "crash" and lease.crashes + 1 >= tries.crashes:
        return _outcome("dead", attempt, cause)
    if cause == "loss" and lease.losses + 1 >= MOST_LOSSES:
        return _outcome("dead", attempt, cause)
    ended = lease.failures + lease.crashes
    delay = RETURN_S if cause in ("release", "loss") else pick(0.0, backoff_s(ended))
    return Setback(
        cause=cause,
        delay_s=delay,
        code=attempt.code,
        error=attempt.error,
        last_output=attempt.last_output[-ERROR_BYTES:],
    )


def backoff_s(ended: int) -> float:
    """The longest pause after so many attempts: doubled each time. The pause is anything below (full jitter)."""
    return min(BACKOFF_MOST_S, BACKOFF_FIRST_S * 2.0 ** min(ended, 30))


def _outcome(state: str, attempt: Attempt, cause: Cause | None) -> Outcome:
    return Outcome(
        state=state,  # pyright: ignore[reportArgumentType] - one of three literals, above
        status=attempt.status,
        headers=attempt.headers,
        body=attempt.body,
        code=attempt.code,
        error=attempt.error[:ERROR_BYTES],
        last_output=attempt.last_output[-ERROR_BYTES:] if state != "completed" else "",
        cause=cause,
    )
