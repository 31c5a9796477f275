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
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from open_loop import Calls
from serving import write_project

from tests.behaviour.up.test_the_supervisor_keeps_things_running import deploy, running, up
from tests.fleet import Fleet

SEED = int(os.environ.get("HOTPLATE_FAULT_SEED", "20"))
SHORT = (12.0, 40.0, (0.005, 0.05, 0.3), 2)
LONG = (120.0, 200.0, (0.001, 0.01, 0.1), 6)
"""Seconds, calls a second, how long they take (70, 25 and 5 percent), replicas."""
MODEL = """
import os, time

journal = os.open(JOURNAL, os.O_WRONLY | os.O_CREAT | os.O_APPEND)


def predict(number: int, seconds: float) -> int:
    os.write(journal, f"begin {number} {os.getpid()}\\n".encode())
    time.sleep(seconds)
    os.write(journal, f"end {number} {os.getpid()}\\n".encode())
    return number
"""


def kill_now_and_then(fleet: Fleet, root: Path, chance: random.Random, until: float, kills: list[Any]) -> None:
    while (pause := chance.expovariate(1 / 1.5)) and time.monotonic() + pause < until:
        time.sleep(pause)
        victim, before = chance.choices(("worker", "server", "control"), (60, 20, 20))[0], time.monotonic()
        try:
            if victim == "worker":
                pid = chance.choice([each["pid"] for each in fleet.replicas("busy")])
            else:
                pid = running(root)["children"][victim]
            os.kill(pid, signal.SIGKILL)
        except (OSError, IndexError, TypeError, AssertionError):  # it is away just now
            continue
        kills.append((victim, pid, (before, time.monotonic())))


@pytest.mark.parametrize(
    "form", [SHORT, pytest.param(LONG, marks=[pytest.mark.soak, pytest.mark.timeout(900)])], ids=["short", "long"]
)
def test_kills_under_load(tmp_path: Path, form: tuple[float, float, tuple[float, ...], int]) -> None:
    seconds, rate, times, replicas = form
    root, journal = tmp_path / "home", tmp_path / "journal"
    model = MODEL.replace("JOURNAL", json.dumps(str(journal)))
    folder = write_project(tmp_path / "model", {"model.py": model, "hotplate.yaml": "functions: [model.py:predict]\n"})
    kills: list[Any] = []
    with up(root) as fleet:
        many = ("--min-replicas", str(replicas), "--max-replicas", str(replicas))
        deploy(root, folder, "busy", *many, "--set", "limits.queue_size=10000")
        fleet.wait_for(lambda: len(fleet.replicas("busy")) == replicas, "all replicas")
        until = time.monotonic() + seconds
        calls = Calls(fleet.port, "/busy/predict", random.Random(SEED), rate=rate, times=times)  # noqa: S311
        killer = threading.Thread(target=kill_now_and_then, args=(fleet, root, random.Random(SEED), until, kills))
        killer.start()
        calls.run(seconds)
        killer.join()
        fleet.wait_for(lambda: fleet.post("/busy/predict", {"number": 0, "seconds": 0}).status == 200, "a last call")
    failed = check(calls, kills, journal)
    good = len(calls.outcome) - failed
    assert good > rate * seconds * 0.5, (good, kills)
    counted = Counter(victim for victim, _, _ in kills)
    print(f"{len(calls.outcome)} calls, {failed} failed, each on a victim; killed: {dict(counted)}; seed {SEED}")


def check(calls: Calls, kills: list[Any], journal: Path) -> int:
    """Hold every failed call to its excuse. Gives how many failed."""
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
        with_server = any(first <= after and before <= last for before, after in at) and outcome.startswith("cut")
        on_victim = begun.get(number, [0])[0] in killed and "worker_lost" in outcome
        if not (with_server or on_victim):
            wrong[number] = outcome
    assert not wrong, f"{wrong}; {told}"
    assert kills, told
    return sum(outcome != "ok" for outcome in calls.outcome.values())
