"""When the client tries again, and after how long."""

from __future__ import annotations

import random
from datetime import UTC, datetime

import pytest

from hotplate.client.exchange import Answer, Failure
from hotplate.client.retry import Retries, may_retry, retry_after_s


def answer(status: int, **headers: str) -> Answer:
    return Answer(status=status, headers={name.replace("_", "-"): value for name, value in headers.items()})


@pytest.mark.parametrize(
    ("outcome", "post", "idempotent"),
    [
        (Failure(kind="not_sent", reason=""), True, True),
        (Failure(kind="hopeless", reason=""), False, False),
        (Failure(kind="lost", reason=""), False, True),
        (Failure(kind="timeout", reason=""), False, False),
        (answer(429), True, True),
        (answer(503, retry_after="1"), True, True),
        (answer(503), False, True),
        (answer(502), False, True),
        (answer(502, retry_after="1"), False, True),
        (answer(504, retry_after="1"), False, True),
        (answer(500, retry_after="1"), False, False),
        (answer(408), False, False),
        (answer(422), False, False),
        (answer(307), False, False),
    ],
)
def test_a_call_that_may_have_run_is_never_sent_again_unasked(
    outcome: Answer | Failure, post: bool, idempotent: bool
) -> None:
    assert may_retry(outcome, idempotent=False) is post
    assert may_retry(outcome, idempotent=True) is idempotent


def test_waits_are_full_jitter_under_a_doubling_ceiling() -> None:
    retries = Retries(first_s=0.5, longest_s=3.0)
    dice = random.Random(7)
    for tried, ceiling in enumerate([0.5, 1.0, 2.0, 3.0, 3.0], start=1):
        waits = [retries.wait_s(tried, None, dice) for _ in range(400)]
        assert 0 <= min(waits) < 0.1 * ceiling
        assert 0.9 * ceiling < max(waits) <= ceiling


def test_retry_after_is_the_least_wait_and_is_spread() -> None:
    waits = [Retries(first_s=0.5).wait_s(1, 7.0, random.Random(seed)) for seed in range(50)]
    assert min(waits) >= 7.0
    assert max(waits) <= 7.5
    assert len(set(waits)) > 40


NOW = datetime(2024, 5, 6, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "12"}, 12.0),
        ({"retry-after": " 0 "}, 0.0),
        ({"retry-after": "Mon, 06 May 2024 12:00:30 GMT"}, 30.0),
        ({"retry-after": "Mon May  6 12:00:30 2024"}, 30.0),
        ({"retry-after": "Mon, 06 May 2024 11:00:00 GMT"}, 0.0),
        # The server's clock is an hour behind ours; its two dates agree with each other.
        ({"retry-after": "Mon, 06 May 2024 11:00:05 GMT", "date": "Mon, 06 May 2024 11:00:00 GMT"}, 5.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-3"}, None),
        ({"retry-after": "1.5"}, None),
        ({"retry-after": "²"}, None),
        ({"retry-after": ""}, None),
        ({}, None),
    ],
)
def test_retry_after_is_seconds_or_a_date(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after_s(Answer(status=503, headers=headers), now=lambda: NOW) == seconds
