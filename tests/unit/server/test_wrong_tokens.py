"""Wrong tokens are counted by address, within a window, and the counting is bounded."""

from __future__ import annotations

import pytest

from hotplate.server import wrong_tokens
from hotplate.server.wrong_tokens import LIMIT, MAX_ADDRESSES, WINDOW_S, WrongTokens


def test_one_too_many_is_told_to_wait_until_the_window_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(wrong_tokens, "monotonic", lambda: now)
    wrong = WrongTokens()
    assert [wrong.refusal("1.2.3.4") for _ in range(LIMIT)] == [None] * LIMIT
    refusal = wrong.refusal("1.2.3.4")
    assert refusal is not None and refusal.status == 429
    assert dict(refusal.headers)["retry-after"] == f"{WINDOW_S:g}"
    assert wrong.refusal("1.2.3.5") is None
    now += WINDOW_S
    assert wrong.refusal("1.2.3.4") is None


def test_many_addresses_take_no_more_memory() -> None:
    wrong = WrongTokens()
    for number in range(MAX_ADDRESSES + 10):
        wrong.refusal(str(number))
    assert len(wrong._seen) <= MAX_ADDRESSES
