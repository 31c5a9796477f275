"""A plain function cannot be stopped from outside. One that says how far it is ends all the same, in one slot."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from job_calls import ended, show, submit, until
from serving import Server, serve, write_project

MODEL = {
    "service.py": """
import time
from hotplate import Service, cancelled, progress

class Model(Service):
    def infer(self, number: int) -> int:
        return number

    def steps(self, pause: float) -> str:
        try:
            for step in range(1000):
                progress(step / 1000, f"step {step}")
                time.sleep(pause)
        finally:
            print("cleaned up", flush=True)

    def asks(self, pause: float) -> str:
        while not cancelled():
            time.sleep(pause)
        print("saw it", flush=True)
"""
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    root: Path = tmp_path_factory.mktemp("cancelled")
    write_project(root / "model", MODEL)
    env = {"HOTPLATE_HOME": str(root / "home")}
    with serve(root / "model", "--job-timeout", "2s", "--job-attempts", "1", env=env) as running:
        yield running


def running(server: Server, route: str) -> str:
    job_id = submit(server, route, {"pause": 0.02})
    until(lambda: show(server, job_id)["status"] == "running", "running")
    return job_id


def still_serves(server: Server, workers: list[int]) -> None:
    """Well before the worker would be replaced, its slot takes the next call."""
    begun = time.monotonic()
    assert server.post("/infer", {"number": 3}).json()["output"] == 3
    assert time.monotonic() - begun < 4
    assert server.workers() == workers
    assert "Traceback" not in server.text(), "nothing went wrong, so there is nothing to tell"


@pytest.mark.parametrize(("route", "line"), [("/steps", "cleaned up"), ("/asks", "saw it")])
def test_a_cancelled_job_ends_at_its_next_step(server, route, line):
    workers, count = server.workers(), server.count(line)
    job_id = running(server, route)
    assert server.request("DELETE", f"/jobs/{job_id}").json()["status"] == "cancelled"
    still_serves(server, workers)
    until(lambda: server.count(line) == count + 1, line)
    assert ended(server, job_id)["status"] == "cancelled"


def test_a_job_past_its_time_ends_at_its_next_step(server):
    workers, count = server.workers(), server.count("cleaned up")
    job = ended(server, running(server, "/steps"))
    assert (job["status"], job["error"]["code"]) == ("failed", "deadline_exceeded")
    still_serves(server, workers)
    until(lambda: server.count("cleaned up") == count + 1, "its end")


@contextmanager
def long_call(server: Server) -> Iterator[None]:
    """A call that has the only slot for as long as its caller stays."""
    body = b'{"pause": 0.02}'
    head = "POST /steps HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
    with server.connect() as sock:
        sock.sendall((head % len(body)).encode() + body)
        until(lambda: server.metric("hotplate_requests_in_progress") == 1, "the call")
        yield


def test_so_does_a_call_whose_caller_has_gone(server):
    workers, count = server.workers(), server.count("cleaned up")
    with long_call(server):
        pass
    until(lambda: server.count("cleaned up") == count + 1, "its end")
    still_serves(server, workers)


def test_a_job_that_was_taken_and_waits_for_a_slot_is_not_called_running(server):
    with long_call(server):
        job_id = submit(server, "/infer", {"number": 1})
        job = until(lambda: (job := show(server, job_id))["attempt"] == 1 and job, "the job's turn")
        assert job["status"] == "queued"
        assert server.get("/jobs?state=running").json()["jobs"] == []
        assert server.get(f"/jobs/{job_id}/result").json()["code"] == "job_not_finished"
    assert ended(server, job_id)["attempt"] == 1
