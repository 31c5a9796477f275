"""A server that has run many jobs holds as much as one that has run few, and owes the garbage collector nothing."""

from __future__ import annotations

import http.client
import json
import tempfile
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from crash_run import faulty_env
from job_calls import MODEL, until
from job_heap import ask
from serving import Server, serve, write_project

FILL, JOBS = 1100, 300
"""The first fill what is kept of the last thousand jobs, whose lines are theirs."""


@pytest.fixture
def heap(tmp_path: Path) -> Iterator[tuple[Server, Path]]:
    write_project(tmp_path / "model", MODEL)
    with tempfile.TemporaryDirectory(prefix="hp-", dir="/tmp") as short:
        path = Path(short) / "heap"
        program = ("-m", "job_heap", str(path), "--")
        with serve(tmp_path / "model", env=faulty_env(tmp_path / "home"), program=program) as server:
            yield server, path


def run_jobs(server: Server, count: int, name: str, *, asked: bool = False) -> None:
    """Each with a key. `asked`: some are cancelled, followed, or asked for, whose heads the edge remembers."""
    client = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)

    def ask_for(method: str, path: str, body: object = None, **headers: str) -> bytes:
        named = {key.replace("_", "-"): value for key, value in headers.items()}
        client.request(method, path, None if body is None else json.dumps(body), named)
        return client.getresponse().read()

    for number in range(count):
        sent = {"content_type": "application/json", "prefer": "respond-async", "idempotency_key": f"{name}-{number}"}
        job = json.loads(ask_for("POST", "/count", {"number": number}, **sent))["id"]
        if not asked:
            continue
        if number % 10 == 0:
            ask_for("DELETE", f"/jobs/{job}")
        elif number % 10 == 1:
            ask_for("GET", f"/jobs/{job}/events")
        elif number % 10 == 2:
            ask_for("GET", f"/jobs/{job}/result?wait=20")
        elif number % 10 == 3:
            ask_for("GET", "/jobs?limit=2")
            ask_for("GET", "/metrics")
    client.close()
    ended = 'hotplate_jobs_ended_total{state="completed"}'
    until(lambda: not server.get("/jobs?state=queued,retrying,running").json()["jobs"], ended)


def test_memory_does_not_grow_with_jobs(heap):
    server, path = heap
    run_jobs(server, FILL, "fill")
    kept = [int(ask(path, "kept"))]
    for name in ("more", "and more"):
        run_jobs(server, JOBS, name)
        kept.append(int(ask(path, "kept")))
    grown = min(after - before for before, after in pairwise(kept))  # what is made once is made in one of the rounds
    assert grown < JOBS / 2, f"{grown} objects more after {JOBS} jobs more: {kept}"
    ask(path, "hold")
    run_jobs(server, JOBS, "cycles", asked=True)
    count, _, kinds = ask(path, "left").partition(" ")
    assert int(count) < JOBS, f"{JOBS} jobs left {count} objects in cycles: {kinds}"
