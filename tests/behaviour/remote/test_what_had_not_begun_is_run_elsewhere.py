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

def work(number: int, until: str) -> int:
    if not until:
        time.sleep(0.0001)
        return number
    os.write(FD, f"{number}\\n".encode())
    while not os.path.exists(until):
        time.sleep(0.005)
    return number
""",
    "hotplate.yaml": "functions: [model.py:work]\n",
}
QUICK, HELD = 200, 24
AHEAD = 10
"""More than a replica gives its worker ahead of its slot, which would be lost with it, of calls of a tenth of a
millisecond."""
TRIES = 20
LOOK_S = 3.0
"""Longer than it takes until the replica tells how long its calls were."""


class Held:
    """Calls that run until `let_go()`. `answers` has the status of each by its number."""

    def __init__(self, fleet: Fleet, numbers: range, gate: Path) -> None:
        self.answers: dict[int, int] = {}
        self._fleet, self._gate = fleet, gate
        self._threads = [threading.Thread(target=self._call, args=(number,)) for number in numbers]
        for thread in self._threads:
            thread.start()

    def _call(self, number: int) -> None:
        sent = {"number": number, "until": str(self._gate)}
        self.answers[number] = self._fleet.post("/model/work", sent, timeout_s=100).status

    def let_go(self) -> None:
        self._gate.touch()
        for thread in self._threads:
            thread.join(120)


def sent(fleet: Fleet) -> int:
    """How many calls are with the replica, once that are as many as the test needs, or after a while."""
    until = time.monotonic() + LOOK_S
    while (found := fleet.of("model")["in_flight"]) < AHEAD and time.monotonic() < until:
        time.sleep(0.02)
    return found


def test_calls_that_were_sent_ahead_are_not_lost_with_their_replica(tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    made = revision_of(write_project(tmp_path / "model", MODEL), "model", env={"JOURNAL": str(journal)})

    def begun() -> Counter[int]:
        return Counter(int(line) for line in journal.read_text().split())

    with serve_fleet(tmp_path / "home") as fleet:
        one = scaling(min_replicas=1, max_replicas=1)
        fleet.publish(endpoint("model", made, public=True, scaling=one, target="loopback"))
        for each in range(TRIES):
            for _ in range(QUICK):  # so short that many are sent ahead of their slot: on a busy machine, not each time
                assert fleet.post("/model/work", {"number": 0, "until": ""}).status == 200
            numbers = range(each * HELD, (each + 1) * HELD)
            held = Held(fleet, numbers, tmp_path / f"gate-{each}")
            fleet.wait_for(lambda numbers=numbers: begun().keys() & set(numbers), "a call that runs")
            if (ahead := sent(fleet)) >= AHEAD:
                break
            held.let_go()
        assert ahead >= AHEAD, "no calls were sent ahead: the test shows nothing"
        (replica,) = fleet.replicas("model")
        os.kill(int(re.fullmatch(r"process (\d+)", replica["where"])[1]), signal.SIGKILL)
        held.let_go()
    ran = begun()
    assert set(held.answers.values()) <= {200, 502}, held.answers
    assert max(ran.values()) == 1, "a call was run twice"
    lost = [number for number, status in held.answers.items() if status == 502]
    assert lost, "the kill hit no call: the test shows nothing"
    assert len(lost) < ahead, f"{len(lost)} calls were lost, of {ahead} that were there"
    assert all(ran[number] == 1 for number, status in held.answers.items() if status == 200)
