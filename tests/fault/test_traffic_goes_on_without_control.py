"""Control is stopped, or killed each time it comes back, for a while: calls, tokens and scaling go on as before.

The short form is in every run; `make soak` has one of a minute each, at 200 calls a second.
"""

from __future__ import annotations

import json
import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from open_loop import Calls
from serving import write_project

from tests.behaviour.up.test_the_supervisor_keeps_things_running import hotplate, running, up
from tests.fleet import Fleet

MODEL = """
import time


def predict(number: int, seconds: float) -> int:
    time.sleep(seconds)
    return number
"""
SHORT, LONG = (4.0, 40.0), (60.0, 200.0)
"""Seconds, calls a second."""


@contextmanager
def stopped(root: Path) -> Iterator[None]:
    """It neither answers nor ends."""
    pid = running(root)["children"]["control"]
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@contextmanager
def killed(root: Path) -> Iterator[None]:
    """It is killed again whenever the supervisor has started it."""
    over = threading.Event()
    dead: set[int] = set()

    def kill() -> None:
        while not over.wait(0.05):
            try:
                pid = running(root)["children"]["control"]
                if pid is not None and pid not in dead:
                    os.kill(pid, signal.SIGKILL)
                    dead.add(pid)
            except (OSError, ValueError):
                continue

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        assert dead


@pytest.mark.parametrize("absent", [stopped, killed])
@pytest.mark.parametrize(
    "form", [SHORT, pytest.param(LONG, marks=[pytest.mark.soak, pytest.mark.timeout(400)])], ids=["short", "long"]
)
def test_control_is_away(tmp_path: Path, absent, form: tuple[float, float]) -> None:
    seconds, rate = form
    root = tmp_path / "home"
    folder = write_project(tmp_path / "model", {"model.py": MODEL, "hotplate.yaml": "functions: [model.py:predict]\n"})
    with up(root) as fleet:
        for name, least in (("busy", "2"), ("asleep", "0")):
            flags = ("--min-replicas", least, "--max-replicas", "3", "--scaledown-secs", "1")
            assert hotplate(root, "deploy", str(folder), "--name", name, *flags, timeout_s=100).returncode == 0
        token = json.loads(hotplate(root, "token", "create", "--name", "load", "-o", "json").stdout)["token"]
        bearer = {"authorization": f"Bearer {token}"}
        fleet.wait_for(lambda: fleet.post("/busy/predict", call(0), bearer).status == 200, "the token")
        fleet.wait_for(lambda: not fleet.replicas("asleep"), "an endpoint that sleeps")
        with absent(root):
            chance = random.Random(1)  # noqa: S311
            calls = Calls(
                fleet.port, "/busy/predict", chance, rate=rate, times=(0.001, 0.005, 0.02), headers=lambda: bearer
            )
            calls.start(seconds)
            woken = wake_again_and_again(fleet, bearer, time.monotonic() + seconds)
            calls.join()
            assert fleet.post("/busy/predict", call(1)).status == 401
        wrong = {number: outcome for number, outcome in calls.outcome.items() if outcome != "ok"}
        assert not wrong
        assert len(calls.outcome) > seconds * rate * 0.5
        assert woken >= 1
        fleet.wait_for(lambda: hotplate(root, "endpoint", "list").returncode == 0, "an answer of control")
        told = fleet.wait_for(lambda: hotplate(root, "events", "asleep", "-n", "50").stdout, "events")
        assert "0 -> 1" in told, told
    slowest = max(end - begin for begin, end in calls.spans.values())
    print(f"{len(calls.outcome)} calls, none failed, slowest {slowest:.2f} s; woken {woken} times from zero")


def call(number: int) -> dict[str, float]:
    return {"number": number, "seconds": 0.0}


def wake_again_and_again(fleet: Fleet, bearer: dict[str, str], until: float) -> int:
    """Call an endpoint whenever it sleeps: it wakes and falls asleep without control."""
    woken = 0
    while time.monotonic() < until:
        assert fleet.post("/asleep/predict", call(woken), bearer).status == 200
        woken += 1
        while fleet.replicas("asleep") and time.monotonic() < until:
            time.sleep(0.1)
    return woken
