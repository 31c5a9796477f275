"""A replica's process is killed with many calls on it: those that no worker had run in another one, and none twice."""

from __future__ import annotations

import os
import re
import signal
import threading
import time
from collections import Counter
from pathlib import Path

import pytest
from serving import write_project

from tests.fleet import Fleet, endpoint, revision_of, scaling, serve_fleet

pytestmark = pytest.mark.timeout(180)

MODEL = {
    "model.py": """
import os, time

FD = os.open(os.environ.get("JOURNAL", os.devnull), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

def work(number: int, ms: float) -> int:
    if number >= 0:
        os.write(FD, f"{number}\\n".encode())
    time.sleep(ms / 1000)
    return number
""",
    "hotplate.yaml": "functions: [model.py:work]\n",
}
QUICK, SLOW = 200, 24


def sent(fleet: Fleet) -> int:
    """How many calls are with the replica, once no more are sent."""
    before = fleet.of("model")["in_flight"]
    time.sleep(0.1)
    return before if before >= 4 and before == fleet.of("model")["in_flight"] else 0


def test_calls_that_were_sent_ahead_are_not_lost_with_their_replica(tmp_path: Path) -> None:
    made = revision_of(write_project(tmp_path / "model", MODEL), "model", env={"JOURNAL": str(tmp_path / "journal")})
    with serve_fleet(tmp_path / "home") as fleet:
        one = scaling(min_replicas=1, max_replicas=1)
        fleet.publish(endpoint("model", made, public=True, scaling=one, target="loopback"))
        for number in range(QUICK):  # so short that many are sent ahead of their slot
            assert fleet.post("/model/work", {"number": -1 - number, "ms": 0.2}).status == 200
        answers: dict[int, int] = {}

        def call(number: int) -> None:
            answers[number] = fleet.post("/model/work", {"number": number, "ms": 400}).status

        threads = [threading.Thread(target=call, args=(number,)) for number in range(SLOW)]
        for thread in threads:
            thread.start()
        ahead = fleet.wait_for(lambda: sent(fleet), "calls that are sent ahead")
        (replica,) = fleet.replicas("model")
        os.kill(int(re.fullmatch(r"process (\d+)", replica["where"])[1]), signal.SIGKILL)
        for thread in threads:
            thread.join(120)
    begun = Counter(int(line) for line in (tmp_path / "journal").read_text().split())
    assert set(answers.values()) <= {200, 502}, answers
    assert max(begun.values()) == 1, "a call was run twice"
    lost = [number for number, status in answers.items() if status == 502]
    assert lost, "the kill hit no call: the test shows nothing"
    assert len(lost) < ahead, f"{len(lost)} calls were lost, of {ahead} that were there"
    assert all(begun[number] == 1 for number, status in answers.items() if status == 200)
