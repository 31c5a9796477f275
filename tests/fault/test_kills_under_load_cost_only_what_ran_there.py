"""kill -9 of workers, of the server and of control while calls come at a constant rate, by a seed that is printed.

Each call has a number; the model notes in a file, with its own pid, when it begins one and when it ends. A call that
failed must have been running on a worker that was killed, or have been with the server that was killed. No call is
run twice.
"""

from __future__ import annotations

import json
import os
import random
import signal
import threading
import time
from pathlib import Path
from typing import Any

from serving import write_project

from tests.behaviour.up.test_the_supervisor_keeps_things_running import deploy, running, up
from tests.fleet import Fleet

SEED = int(os.environ.get("HOTPLATE_FAULT_SEED", "20"))
SECONDS = 12.0
RATE = 40.0
MODEL = """
import os, time

journal = os.open(JOURNAL, os.O_WRONLY | os.O_CREAT | os.O_APPEND)


def predict(number: int, seconds: float) -> int:
    os.write(journal, f"begin {number} {os.getpid()}\\n".encode())
    time.sleep(seconds)
    os.write(journal, f"end {number} {os.getpid()}\\n".encode())
    return number
"""


class Calls:
    """An open loop: calls go out at their time, however long the others take."""

    def __init__(self, fleet: Fleet, chance: random.Random) -> None:
        self.outcome: dict[int, str] = {}
        self.spans: dict[int, tuple[float, float]] = {}
        self._fleet, self._chance = fleet, chance
        self._threads: list[threading.Thread] = []

    def run(self, until: float) -> None:
        begun, number = time.monotonic(), 0
        while time.monotonic() < until:
            number += 1
            seconds = self._chance.choices((0.005, 0.05, 0.3), (70, 25, 5))[0]
            thread = threading.Thread(target=self._call, args=(number, seconds))
            thread.start()
            self._threads.append(thread)
            time.sleep(max(0.0, begun + number / RATE - time.monotonic()))
        for thread in self._threads:
            thread.join(60)

    def _call(self, number: int, seconds: float) -> None:
        begun = time.monotonic()
        try:
            answer = self._fleet.post("/busy/predict", {"number": number, "seconds": seconds}, timeout_s=60)
            right = answer.status == 200 and answer.json()["output"] == number
            self.outcome[number] = "ok" if right else f"{answer.status} {answer.body.decode()[:200]}"
        except ConnectionRefusedError:
            self.outcome[number] = "refused"
        except OSError as error:
            self.outcome[number] = f"cut: {error!r}"
        except Exception as error:  # noqa: BLE001 - an answer that was cut off
            self.outcome[number] = f"cut: {error!r}"
        self.spans[number] = (begun, time.monotonic())


def kill_now_and_then(fleet: Fleet, root: Path, chance: random.Random, until: float, kills: list[Any]) -> None:
    while (pause := chance.expovariate(1 / 1.5)) and time.monotonic() + pause < until:
        time.sleep(pause)
        victim = chance.choices(("worker", "server", "control"), (60, 20, 20))[0]
        try:
            if victim == "worker":
                pid = chance.choice([each["pid"] for each in fleet.replicas("busy")])
            else:
                pid = running(root)["children"][victim]
            os.kill(pid, signal.SIGKILL)
        except (OSError, IndexError, TypeError, AssertionError):  # it is away just now
            continue
        kills.append((victim, pid, time.monotonic()))


def test_kills_under_load(tmp_path: Path) -> None:
    root, journal = tmp_path / "home", tmp_path / "journal"
    model = MODEL.replace("JOURNAL", json.dumps(str(journal)))
    folder = write_project(tmp_path / "model", {"model.py": model, "hotplate.yaml": "functions: [model.py:predict]\n"})
    kills: list[Any] = []
    with up(root) as fleet:
        deploy(root, folder, "busy", "--min-replicas", "2", "--max-replicas", "2")
        fleet.wait_for(lambda: len(fleet.replicas("busy")) == 2, "two replicas")
        until = time.monotonic() + SECONDS
        calls = Calls(fleet, random.Random(SEED))  # noqa: S311
        killer = threading.Thread(target=kill_now_and_then, args=(fleet, root, random.Random(SEED), until, kills))
        killer.start()
        calls.run(until)
        killer.join()
        fleet.wait_for(lambda: fleet.post("/busy/predict", {"number": 0, "seconds": 0}).status == 200, "a last call")
    check(calls, kills, journal)


def check(calls: Calls, kills: list[Any], journal: Path) -> None:
    told = f"seed {SEED}, kills {kills}"
    begun: dict[int, list[int]] = {}
    for line in journal.read_text().splitlines():
        word, number, pid = line.split()
        if word == "begin":
            begun.setdefault(int(number), []).append(int(pid))
    twice = {number: pids for number, pids in begun.items() if len(pids) > 1 and number}
    assert not twice, f"run twice: {twice}; {told}"
    killed = {pid for victim, pid, _ in kills if victim == "worker"}
    at = [when for victim, _, when in kills if victim == "server"]
    wrong: dict[int, str] = {}
    for number, outcome in calls.outcome.items():
        if outcome == "ok":
            continue
        first, last = calls.spans[number]
        with_server = any(first <= when <= last for when in at) and outcome.startswith("cut")
        on_victim = begun.get(number, [0])[0] in killed and "worker_lost" in outcome
        if not (with_server or on_victim):
            wrong[number] = outcome
    assert not wrong, f"{wrong}; {told}"
    assert len([outcome for outcome in calls.outcome.values() if outcome == "ok"]) > RATE * SECONDS * 0.5, told
    assert kills, told
