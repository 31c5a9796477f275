"""A function that never comes back costs its own call, and not the endpoint."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import short_patience
from job_calls import until
from serving import Server, serve, write_project

TIMEOUT_S, HUNG_S = 2.0, 1.0
MODEL = """
import time


def spin(n: int) -> int:
    while n:
        pass
    return n


def nap(seconds: float) -> str:
    time.sleep(seconds)
    return "rested"
"""


@pytest.fixture
def server(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Server]:
    folder = write_project(tmp_path / "model", {"model.py": MODEL})
    words = ("model.py:spin", "model.py:nap", "--timeout", f"{TIMEOUT_S:g}s", *getattr(request, "param", ()))
    program = ("-m", "short_patience", str(HUNG_S))
    with serve(*words, cwd=folder, program=program, env={"PYTHONPATH": short_patience.FOLDER}) as found:
        yield found


def test_the_next_calls_are_answered_by_another_worker(server: Server) -> None:
    (first,) = server.workers()
    hung = server.post("/spin", {"n": 1})
    assert (hung.status, hung.json()["code"]) == (504, "deadline_exceeded")
    assert server.post("/spin", {"n": 0}).json()["output"] == 0, (
        "it was sent to the worker that hangs, and waited there"
    )
    assert first not in server.workers()
    server.wait_for_line("nothing has come of 1 call")
    assert hung.json()["request_id"] in server.text()


def test_so_are_they_where_the_caller_had_no_patience(server: Server) -> None:
    (first,) = server.workers()
    body = b'{"n": 1}'
    head = b"POST /spin HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 8\r\n\r\n"
    with server.connect() as sock:
        sock.sendall(head + body)
        until(lambda: server.metric("hotplate_requests_in_progress") == 1, "the call")
    server.wait_for_line("nothing has come of 1 call")
    server.wait_for(lambda each: each.workers() and each.workers() != [first], "another worker")
    assert server.post("/spin", {"n": 0}).json()["output"] == 0


def test_a_call_that_is_late_and_no_more_keeps_its_worker(server: Server) -> None:
    workers = server.workers()
    assert server.post("/nap", {"seconds": TIMEOUT_S + HUNG_S / 2}).status == 504
    time.sleep(HUNG_S)
    assert server.post("/nap", {"seconds": 0}).json()["output"] == "rested"
    assert server.workers() == workers and not server.count("nothing has come")


@pytest.mark.parametrize("server", [("--slots", "2")], indirect=True)
def test_nothing_is_taken_from_calls_that_run_beside_it(server: Server) -> None:
    workers = server.workers()
    assert server.post("/nap", {"seconds": 20}).status == 504
    for _ in range(4):
        assert server.post("/nap", {"seconds": 0.9}).json()["output"] == "rested"
    assert server.workers() == workers
    server.wait_for_line("nothing has come of 1 call")
