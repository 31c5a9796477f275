"""A full queue refuses at once with 503 and Retry-After; a late answer is a 504; nobody's slot leaks."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from serving import Server, serve


def test_past_the_queue_it_is_503_at_once(project: Path) -> None:
    with serve(project, "--queue-size", "3") as server, ThreadPoolExecutor(8) as pool:
        running = pool.submit(server.post, "/nap", {"seconds": 3})
        server.wait_for_line("napping")
        # One slow call runs; no measured time yet, so nothing more is sent ahead than the default allows.
        waiting = [pool.submit(server.post, "/nap", {"seconds": 0.01}) for _ in range(7)]
        refused = server.wait_for(lambda _: [c for c in waiting if c.done()], "a refusal")[0].result()
        assert refused.status == 503
        assert refused.json()["code"] == "overloaded"
        assert 1 <= int(refused.headers["retry-after"]) <= 60
        begun = time.monotonic()
        assert server.post("/nap", {"seconds": 0.01}).status == 503
        assert time.monotonic() - begun < 1.5
        assert server.get("/livez").status == 200
        assert running.result().status == 200
        statuses = sorted(call.result().status for call in waiting)
        assert statuses.count(200) >= 3
        assert set(statuses) == {200, 503}
        assert server.metric("hotplate_requests_refused_total") >= 2
        assert server.metric("hotplate_queue_depth") == 0
        assert server.metric("hotplate_requests_in_progress") == 0


def test_a_late_answer_is_a_504_and_the_slot_comes_back(project: Path) -> None:
    with serve(project, "--timeout", "1s") as server:
        begun = time.monotonic()
        reply = server.post("/nap", {"seconds": 4})
        assert reply.status == 504
        assert reply.json()["code"] == "deadline_exceeded"
        assert reply.json()["request_id"] == reply.headers["x-request-id"]
        assert 0.9 < time.monotonic() - begun < 3.5
        server.wait_for(lambda s: s.metric("hotplate_requests_in_progress") == 0, "the slot")
        assert server.post("/infer", {"prompt": "x"}).status == 200


def test_a_call_whose_deadline_passes_in_the_queue_never_runs(project: Path) -> None:
    with serve(project, "--timeout", "1s") as server, ThreadPoolExecutor(2) as pool:
        pool.submit(server.post, "/nap", {"seconds": 2})
        server.wait_for_line("napping 2")
        assert server.post("/nap", {"seconds": 0.25}).status == 504
        server.wait_for(lambda s: s.metric("hotplate_requests_in_progress") == 0, "the end")
        assert server.post("/infer", {"prompt": "x"}).status == 200
        assert server.count("napping 0.25") == 0


def test_a_client_that_leaves_takes_its_waiting_call_with_it(server: Server) -> None:
    body = b'{"seconds": 0.125}'
    head = b"POST /nap HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(server.post, "/nap", {"seconds": 1.5})
        server.wait_for_line("napping 1.5")
        with server.connect() as leaving:
            leaving.sendall(head % len(body) + body)
            server.wait_for(
                lambda s: s.metric("hotplate_requests_in_progress") + s.metric("hotplate_queue_depth") == 2, "two calls"
            )
        assert running.result().status == 200
        server.wait_for(lambda s: s.metric("hotplate_requests_in_progress") == 0, "the end")
        assert server.count("napping 0.125") == 0
        assert 'code="499"' in server.get("/metrics").body.decode()


def test_thousands_of_refused_and_abandoned_calls_leave_nothing_behind(project: Path) -> None:
    with serve(project, "--queue-size", "2", "--timeout", "0.3s") as server:
        descriptors = Path(f"/proc/{server.process.pid}/fd")
        server.post("/infer", {"prompt": "x"})
        before = len(list(descriptors.iterdir()))
        with ThreadPoolExecutor(8) as pool:
            calls = [pool.submit(server.post, "/nap", {"seconds": 0.02}) for _ in range(300)]
            statuses = {call.result().status for call in calls}
        assert statuses <= {200, 503, 504}
        server.wait_for(lambda s: s.metric("hotplate_requests_in_progress") == 0, "the end")
        assert server.metric("hotplate_queue_depth") == 0
        server.wait_for(lambda s: len(list(descriptors.iterdir())) <= before + 1, "descriptors closed")
        assert server.post("/infer", {"prompt": "x"}).status == 200
