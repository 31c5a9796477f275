from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.fleet import Fleet, endpoint, environment, revision_of, scaling

TEXT = {"text": "hi"}


def test_zero_and_back_with_calls_around_every_scale_down(fleet: Fleet, project: Path) -> None:
    revision = revision_of(project, "first1")
    delay_s = 0.2
    fleet.publish(endpoint("open", revision, public=True, scaling=scaling(scale_down_delay_s=delay_s)))
    fleet.settled("open")
    assert fleet.replicas("open") == []
    answers: Counter[int] = Counter()
    pauses = random.Random(7)  # noqa: S311

    def call() -> None:
        for _ in range(50):
            answers[fleet.post("/open/predict", TEXT).status] += 1
            # Most pauses end in the moments around the decision to scale down.
            time.sleep(delay_s + pauses.uniform(-0.15, 0.15) if pauses.random() < 0.3 else 0)

    threads = [threading.Thread(target=call) for _ in range(2)]
    for thread in threads:
        thread.start()
    for _ in range(100):
        answers[fleet.post("/open/predict", TEXT).status] += 1
    for thread in threads:
        thread.join(120)
    for _ in range(15):
        time.sleep(delay_s + pauses.uniform(-0.05, 0.15))
        burst = [threading.Thread(target=lambda: answers.update([fleet.post("/open/predict", TEXT).status]))]
        burst *= 1
        for thread in burst:
            thread.start()
        for _ in range(19):
            answers[fleet.post("/open/predict", TEXT).status] += 1
        for thread in burst:
            thread.join(60)
    assert answers == {200: 500}
    fleet.wait_for(lambda: fleet.replicas("open") == [], "the end of the last replica")
    assert fleet.get("/open/healthcheck").json()["status"] == "SCALED_TO_ZERO"


def test_many_calls_wait_for_the_first_replica(fleet: Fleet, project: Path) -> None:
    fleet.publish(endpoint("open", revision_of(project, "first1"), public=True, scaling=scaling()))
    answers: Counter[int] = Counter()
    threads = [
        threading.Thread(target=lambda: answers.update([fleet.post("/open/predict", TEXT).status])) for _ in range(40)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert answers == {200: 40}
    text = fleet.get("/open/metrics").body.decode()
    assert "hotplate_cold_start_seconds" in text
    decided = re.search(r"^hotplate_scaling_decisions_total (\d+)$", text, re.MULTILINE)
    assert decided is not None
    assert int(decided[1]) >= 1


def test_who_does_not_want_to_wait_says_so(fleet: Fleet, tmp_path: Path, project: Path) -> None:
    (project / "model.py").write_text("import time\ntime.sleep(2)\n" + (project / "model.py").read_text())
    fleet.publish(endpoint("open", revision_of(project, "first1"), public=True, scaling=scaling()))
    at_once = fleet.post("/open/predict", TEXT, {"x-scale-up-timeout": "0"})
    assert (at_once.status, at_once.headers["retry-after"]) == (503, "1")
    soon = fleet.post("/open/predict", TEXT, {"x-scale-up-timeout": "1"})
    assert (soon.status, soon.json()["code"]) == (503, "not_ready")
    assert fleet.post("/open/predict", TEXT, {"x-scale-up-timeout": "60"}).status == 200


@pytest.mark.parametrize("template", ["off", "imports"])
def test_a_process_that_is_killed_while_it_imports_costs_no_call(fleet: Fleet, project: Path, template: str) -> None:
    (project / "model.py").write_text("import time\ntime.sleep(1)\n" + (project / "model.py").read_text())
    fleet.publish(endpoint("open", revision_of(project, "first1"), public=True, scaling=scaling(template=template)))
    answers: list[int] = []
    thread = threading.Thread(target=lambda: answers.append(fleet.post("/open/predict", TEXT).status))
    thread.start()

    def importing() -> int | None:
        if template == "off":
            return next((replica["pid"] for replica in fleet.replicas("open")), None)
        return next((revision["template_pid"] for revision in fleet.of("open")["revisions"]), None)

    os.kill(fleet.wait_for(importing, "a process that imports"), signal.SIGKILL)
    thread.join(60)
    assert answers == [200]


def test_what_the_autoscaler_saw_is_exported_and_replayed(fleet: Fleet, project: Path, tmp_path: Path) -> None:
    fleet.publish(endpoint("open", revision_of(project, "first1"), public=True, scaling=scaling()))
    for _ in range(2):
        assert fleet.post("/open/predict", {"text": "slow", "seconds": 0.3}).status == 200
        fleet.wait_for(lambda: fleet.replicas("open") == [], "sleep")

    def hotplate(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "hotplate.cli", "scale", *words]
        return subprocess.run(
            command, env=environment(fleet.home), capture_output=True, text=True, timeout=60, check=False
        )

    trace = tmp_path / "trace.json"

    def replayed() -> list[tuple[int, int]]:
        trace.write_text(hotplate("export", "open").stdout)
        found = json.loads(hotplate("replay", str(trace), "-o", "json").stdout)
        return [(each["before"], each["after"]) for each in found]

    # What it saw last may not be written down yet.
    fleet.wait_for(lambda: replayed() == [(0, 1), (1, 0), (0, 1), (1, 0)], "the trace of both calls")
    assert json.loads(trace.read_text())["settings"]["max_replicas"] == 2
    refused = hotplate("export", "nobody")
    assert refused.returncode != 0
    assert "nobody" in refused.stderr
