"""Whatever user code does to its own process, the server answers: GIL held, endless output, closed descriptors."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

from serving import Server


def test_livez_answers_while_the_gil_is_held_for_30_s(server: Server) -> None:
    worker = server.workers()
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(server.post, "/hold-gil", {"seconds": 30}, timeout_s=60)
        server.wait_for(lambda s: s.metric("hotplate_requests_in_progress") == 1, "the call")
        slowest = 0.0
        while not call.done():
            begun = time.monotonic()
            assert server.get("/livez").status == 200
            assert server.get("/readyz").status == 200
            slowest = max(slowest, time.monotonic() - begun)
            time.sleep(0.2)
        assert call.result().json()["output"] == "held"
    assert server.workers() == worker, "a busy worker is not a dead one"
    assert slowest < 2.0


def test_endless_output_is_capped_and_counted(server: Server) -> None:
    reply = server.post("/shout", {"megabytes": 50}, timeout_s=60)
    assert reply.json()["output"] == 50
    assert server.post("/infer", {"prompt": "x"}).status == 200
    logged = server.count("x" * 1000)
    assert logged < 50 * 1024 / 2, "the flood went to the log as it was"
    server.post("/nap", {"seconds": 1.2})
    server.wait_for_line("printed too much")


def test_a_line_without_end_is_cut(server: Server) -> None:
    assert server.post("/long-line", {"megabytes": 5}).status == 200
    server.wait_for_line("yyyy")
    assert max(len(message) for message in server.messages()) <= 16 * 1024


def test_a_closed_standard_output_hurts_nobody(server: Server) -> None:
    for fd in (1, 2):
        assert server.post("/close-output", {"fd": fd}).status == 200
    assert server.post("/fail", {"text": "x"}).status == 500
    assert server.post("/infer", {"prompt": "x"}).status == 200


def test_an_error_answers_with_an_id_and_logs_the_traceback_under_it(server: Server) -> None:
    reply = server.post("/fail", {"text": "secret-text-of-the-author"})
    assert reply.status == 500
    assert "secret-text" not in reply.body.decode()
    request_id = reply.json()["request_id"]
    assert request_id == reply.headers["x-request-id"]
    server.wait_for_line("secret-text-of-the-author")
    assert f"(request {request_id})" in server.text()
    assert 'service.py", line' in server.text()
    assert "hotplate/worker" not in server.text(), "our own frames are not the author's business"
