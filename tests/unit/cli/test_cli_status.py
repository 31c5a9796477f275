"""What `hotplate status` says of an endpoint."""

from __future__ import annotations

from typing import Any

import pytest

from hotplate.cli.status import _endpoint


def state(*replicas: str, paused: bool = False, wait: int = 0) -> dict[str, Any]:
    return {
        "paused": paused,
        "rollout": {"state": "stable", "text": ""},
        "queue_depth": wait,
        "revisions": [{"replicas": [{"state": each} for each in replicas]}],
    }


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (state(), "stable   asleep, starts on a call, no calls wait"),
        (state(paused=True), "paused   no replica runs, no calls wait"),
        (state("running"), "stable   1 of 1 replica runs, no calls wait"),
        (state("running", "starting", wait=1), "stable   1 of 2 replicas run, 1 call waits"),
        (state("starting", wait=3), "stable   0 of 1 replica runs, 3 calls wait"),
    ],
)
def test_it_is_said_in_words(found: dict[str, Any], said: str) -> None:
    assert _endpoint(found) == said
