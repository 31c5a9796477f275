from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from job_calls import until
from serving import Server


def command(server: Server, route: str, inputs: Path, results: Path) -> list[str]:
    words = ["map", f"{server.url}{route}", str(inputs), "-o", str(results), "-j", "8"]
    return [sys.executable, "-m", "hotplate.cli", *words]


def read(results: Path) -> dict[int, dict]:
    return {each["line"]: each for each in map(json.loads, results.read_text().splitlines())}


def test_each_line_has_its_result_or_its_error(server, tmp_path):
    inputs, results = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    lines = [json.dumps({"number": n}) for n in range(1, 31)]
    lines[4], lines[9] = "{not json", '{"number": "many"}'
    inputs.write_text("\n".join(lines) + "\n\n")
    done = subprocess.run(command(server, "/count", inputs, results), capture_output=True, text=True, timeout=100)
    assert done.returncode == 1, done.stderr
    assert "30 lines, 2 failed" in done.stderr
    found = read(results)
    assert sorted(found) == list(range(1, 31))
    assert found[7]["result"]["output"] == 8
    assert "not JSON" in found[5]["error"] and "number" in found[10]["error"]
    lines[4], lines[9] = '{"number": 5}', '{"number": 10}'
    inputs.write_text("\n".join(lines))
    again = subprocess.run(command(server, "/count", inputs, results), capture_output=True, text=True, timeout=100)
    assert again.returncode == 0, again.stderr
    assert "28 of 30 lines have their results already" in again.stderr
    assert {line: each["result"]["output"] for line, each in read(results).items()} == {n: n + 1 for n in range(1, 31)}


def test_it_goes_on_where_it_was_killed(server, tmp_path):
    inputs, results = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    inputs.write_text("\n".join(json.dumps({"steps": 1, "pause": 0.05 + n / 10**6}) for n in range(40)))
    before = len(server.get("/jobs?route=/steps&limit=500").json()["jobs"])
    first = subprocess.Popen(command(server, "/steps", inputs, results), stderr=subprocess.DEVNULL)
    until(lambda: results.exists() and len(results.read_text().splitlines()) >= 5, "five results")
    os.kill(first.pid, signal.SIGKILL)
    first.wait(10)
    done = subprocess.run(command(server, "/steps", inputs, results), capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    assert sorted(read(results)) == list(range(1, 41))
    jobs = server.get("/jobs?route=/steps&limit=500").json()["jobs"]
    assert len(jobs) - before == 40, "a line that was under way became a second job"
