"""SIGTERM: not ready, no new connections, calls in flight end well, exit 0; no client can hold it up."""

from __future__ import annotations

import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from serving import Server, serve

HEAD = b"POST /infer HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


def test_a_running_call_gets_its_answer(server: Server) -> None:
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(server.post, "/nap", {"seconds": 2})
        server.wait_for_line("napping")
        server.process.send_signal(signal.SIGTERM)
        reply = call.result(20)
        assert reply.json()["output"] == "slept 2.0"
        assert reply.headers["connection"] == "close"
        assert server.process.wait(20) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_an_idle_server_ends_at_once_with_status_0(server: Server, number: signal.Signals) -> None:
    with server.connect() as idle:
        begun = time.monotonic()
        server.process.send_signal(number)
        assert server.process.wait(10) == 0
        assert time.monotonic() - begun < 3
        assert idle.recv(10) == b""


@pytest.mark.parametrize(
    "sent",
    [b"", b"P", HEAD, HEAD + b"Content-Length: 100000\r\n\r\n{", HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\n{"],
    ids=["silent", "one byte", "half a head", "half a body", "half a chunk"],
)
def test_a_stalled_client_cannot_hold_it_up(server: Server, sent: bytes) -> None:
    with server.connect() as stalled:
        stalled.sendall(sent)
        server.get("/livez")
        begun = time.monotonic()
        assert server.terminate() == 0
        assert time.monotonic() - begun < 3


def test_a_call_longer_than_the_grace_period_is_cut(project: Path) -> None:
    with serve(project, "--grace", "1s") as server, ThreadPoolExecutor(1) as pool:
        call = pool.submit(server.post, "/nap", {"seconds": 60})
        server.wait_for_line("napping")
        begun = time.monotonic()
        assert server.terminate() == 0
        assert time.monotonic() - begun < 4
        assert call.exception(20) is not None or call.result().status in (502, 503)


def test_a_second_signal_ends_the_waiting(server: Server) -> None:
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(server.post, "/nap", {"seconds": 60})
        server.wait_for_line("napping")
        server.process.send_signal(signal.SIGTERM)
        server.wait_for_line("Shutting down")
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(20) == 0
        call.exception(20)


def test_readiness_goes_first_and_connections_are_taken_for_the_delay(project: Path) -> None:
    with serve(project, "--drain-delay", "2s") as server:
        server.process.send_signal(signal.SIGTERM)
        server.wait_for_line("Shutting down")
        assert server.get("/readyz").status == 503
        assert server.get("/healthcheck").json()["status"] == "SHUTTING_DOWN"
        assert server.post("/infer", {"prompt": "late"}).json()["output"] == "late"
        assert server.process.wait(10) == 0


def test_the_shutdown_hook_runs(tmp_path: Path) -> None:
    (tmp_path / "service.py").write_text(
        """
from hotplate import Service
class Polite(Service):
    def infer(self, prompt: str) -> str:
        return prompt
    def on_server_shutdown(self):
        print("goodbye")
"""
    )
    with serve(tmp_path) as server:
        assert server.terminate() == 0
        server.wait_for(lambda s: s.ended, "the end of the log")
        assert "goodbye" in server.text()
