from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from job_calls import ended, submit, until
from serving import Server, serve, write_project

MODEL = {
    "service.py": """
import sys, time
from hotplate import Service

class Talk(Service):
    def infer(self, words: list[str], pause: float = 0.0) -> int:
        for word in words:
            print(word, flush=True)
            time.sleep(pause)
        print("to stderr", file=sys.stderr, flush=True)
        return len(words)

    def boom(self, text: str) -> str:
        print(text, flush=True)
        raise ValueError(text)
"""
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    root: Path = tmp_path_factory.mktemp("logs")
    write_project(root / "model", MODEL)
    with serve(root / "model", "--job-attempts", "2", env={"HOTPLATE_HOME": str(root / "home")}) as running:
        yield running


def texts(server: Server, job_id: str) -> list[str]:
    return [line["text"] for line in server.get(f"/jobs/{job_id}/log").json()["lines"]]


def hotplate(server: Server, *words: str, code: int = 0) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "hotplate.cli", *words, "--port", str(server.port)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "NO_COLOR": "1"},
    )
    assert done.returncode == code, (done.stdout, done.stderr)
    return done.stdout


def test_each_jobs_lines_are_its_own(server: Server) -> None:
    first = submit(server, "/infer", {"words": ["one", "two"]})
    second = submit(server, "/infer", {"words": ["three"]})
    for job_id in (first, second):
        ended(server, job_id)
    until(lambda: texts(server, first) == ["one", "two", "to stderr"], "its lines")
    until(lambda: texts(server, second) == ["three", "to stderr"], "its lines")
    lines = server.get(f"/jobs/{first}/log").json()["lines"]
    assert [line["stream"] for line in lines] == ["stdout", "stdout", "stderr"]
    assert "two" in hotplate(server, "job", "logs", first)
    assert server.post("/infer", {"words": ["a call's own"]}).status == 200
    assert server.get(f"/jobs/{'0' * 32}/log").status == 404
    assert server.get(f"/jobs/{first}/log?tail=1").status == 400


def test_attempts_are_told_apart(server: Server) -> None:
    job_id = submit(server, "/boom", {"text": "no"})
    ended(server, job_id)
    found = until(lambda: (now := texts(server, job_id)).count("no") == 2 and now, "both attempts")
    assert found.index("attempt 2") > found.index("no")


def test_a_log_is_followed_to_the_jobs_end(server: Server) -> None:
    job_id = submit(server, "/infer", {"words": [f"word {number}" for number in range(6)], "pause": 0.3})
    begun = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "hotplate.cli", "job", "logs", job_id, "-f", "--port", str(server.port)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    try:
        assert process.stdout is not None
        first = process.stdout.readline()
        early = server.get(f"/jobs/{job_id}").json()["status"]
        rest = process.stdout.read()
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.stdout.close()
    assert "word 0" in first
    assert early == "running" or time.monotonic() - begun > 3, "nothing came before the end"
    assert "word 5" in rest and "to stderr" in rest


def test_more_than_fits_is_cut_and_said(server: Server) -> None:
    job_id = submit(server, "/infer", {"words": ["x" * 1000] * 3000})
    ended(server, job_id)
    until(lambda: texts(server, job_id)[-1:] == ["(more was printed than is kept)"], "the cut")
    assert len(texts(server, job_id)) < 1100


def test_dead_letters_are_listed_and_retried(server: Server) -> None:
    dead = [submit(server, "/boom", {"text": "gone"}) for _ in range(3)]
    for job_id in dead:
        assert ended(server, job_id)["status"] == "dead"
    listed = hotplate(server, "dead", "list")
    assert all(job_id in listed for job_id in dead)
    assert hotplate(server, "dead", "retry", dead[0]).strip() == dead[0]
    until(lambda: server.get(f"/jobs/{dead[0]}").json()["attempt"] > 2, "another attempt")
    ended(server, dead[0])
    retried = hotplate(server, "dead", "retry", "--all").split()
    assert set(dead) <= set(retried)
    hotplate(server, "dead", "retry", "0" * 32, code=1)
    hotplate(server, "dead", "retry", code=2)


def test_attempts_are_timed(server: Server) -> None:
    ended(server, submit(server, "/infer", {"words": []}))
    assert server.metric("hotplate_job_attempt_seconds_count") >= 1
    found: Any = json.loads(hotplate(server, "dead", "list", "-o", "json"))
    assert isinstance(found, list)
