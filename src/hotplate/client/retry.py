"""When to try again, and after how long. Pure: the clock and the dice are given.

An inference is a POST that may cost minutes of a GPU and may have effects, so a call is sent again only when the
first one provably did not reach the model:

- no connection was made, so nothing was sent;
- 429, and 503 with Retry-After: the server says that it did not take the request (RFC 9110 section 15.6.4, RFC 6585).

502, 504, a 503 without Retry-After and a connection that breaks half-way say nothing of the kind: a proxy answers
them too when the model is in the middle of the work. They are tried again for GET, and for a call that its author
marks `idempotent`.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from hotplate.client.exchange import Answer, Failure

PASSING = (502, 503, 504)


@dataclass(frozen=True, slots=True, kw_only=True)
class Retries:
    """How often and how patiently. Waits are drawn from 0 to `first_s` * 2^n, at most `longest_s` (full jitter)."""

    count: int = 4
    first_s: float = 0.5
    longest_s: float = 8.0

    def wait_s(self, tried: int, retry_after_s: float | None, dice: random.Random) -> float:
        """Seconds to wait after the `tried`-th try. The draw also spreads those who were told the same Retry-After."""
        drawn = dice.uniform(0, min(self.longest_s, self.first_s * 2 ** (tried - 1)))
        return drawn + (retry_after_s or 0.0)


def may_retry(outcome: Answer | Failure, *, idempotent: bool) -> bool:
    """Say whether sending the same request again is safe and may help."""
    if isinstance(outcome, Failure):
        return outcome.kind == "not_sent" or (outcome.kind == "lost" and idempotent)
    if outcome.status == 429 or (outcome.status == 503 and retry_after_s(outcome) is not None):
        return True
    return idempotent and outcome.status in PASSING


def retry_after_s(answer: Answer, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> float | None:
    """Read Retry-After, seconds or an HTTP date (RFC 9110 section 10.2.3). None where there is none, or nonsense.

    A date is compared with the answer's own Date, so the two clocks need not agree.
    """
    text = answer.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    when = _http_date(text)
    return (
        None
        if when is None
        else max(0.0, (when - (_http_date(answer.headers.get("date", "")) or now())).total_seconds())
    )


def _http_date(text: str) -> datetime | None:
    try:
        when = parsedate_to_datetime(text)
    except ValueError:
        return None
    return when if when.tzinfo else when.replace(tzinfo=UTC)  # asctime dates are UTC too
