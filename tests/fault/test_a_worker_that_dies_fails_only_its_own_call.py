"""A dead worker's running call gets 502 `worker_lost`; what waited runs on its replacement; the server goes on."""

from __future__ import annotations

import os
import signal
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest
from serving import Reply, Server, serve, wait_gone


def check_lost(reply: Reply) -> None:
    assert reply.status == 502, reply
    body = reply.json()
    assert body["code"] == "worker_lost"
    assert body["request_id"] == reply.headers["x-request-id"]


@pytest.mark.parametrize(
    ("path", "body"),
    [("/segfault", {"prompt": "x"}), ("/leave", {"status": 0}), ("/leave", {"status": 3})],
)
def test_a_call_that_kills_its_worker(server: Server, path: str, body: dict[str, object]) -> None:
    check_lost(server.post(path, body))
    assert server.post("/infer", {"prompt": "after"}).json()["output"] == "after"
    assert server.metric("hotplate_worker_restarts_total") == 1
    assert server.metric("hotplate_calls_lost_total") == 1


def test_kill_9_while_one_call_runs_and_others_wait(server: Server) -> None:
    with ThreadPoolExecutor(8) as pool:
        running = pool.submit(server.post, "/nap", {"seconds": 30})
        server.wait_for_line("napping 30")
        waiting: list[Future[Reply]] = [
            pool.submit(server.post, "/infer", {"prompt": str(n)}, timeout_s=30) for n in range(6)
        ]
        server.wait_for(
            lambda s: s.metric("hotplate_requests_in_progress") + s.metric("hotplate_queue_depth") == 7, "7"
        )
        os.kill(server.workers()[0], signal.SIGKILL)
        check_lost(running.result(30))
        assert [call.result(30).json()["output"] for call in waiting] == [str(n) for n in range(6)]
    assert "was killed by SIGKILL while it ran 1 call" in server.text()


def test_sys_exit_in_a_call_is_that_calls_error_and_nothing_else(server: Server) -> None:
    before = server.workers()
    assert server.post("/sys-exit", {"status": 0}).status == 500
    assert server.post("/infer", {"prompt": "x"}).status == 200
    assert server.workers() == before


def test_endless_recursion_is_a_500_with_the_traceback_in_the_log(server: Server) -> None:
    reply = server.post("/recurse", {"depth": 0})
    assert reply.status == 500
    assert server.post("/infer", {"prompt": "x"}).status == 200
    server.wait_for_line("RecursionError")


def test_a_child_that_holds_the_socket_open_does_not_hide_the_death(server: Server) -> None:
    child = server.post("/fork", {"seconds": 60}).json()["output"]
    check_lost(server.post("/leave", {"status": 1}))
    assert server.post("/infer", {"prompt": "x"}).status == 200
    wait_gone(child)


def test_with_two_workers_the_other_goes_on(project: Path) -> None:
    with serve(project, "--workers", "2") as server:
        server.wait_for(lambda s: s.count("-> State.RUNNING") == 2, "two workers")
        check_lost(server.post("/leave", {"status": 1}))
        for n in range(20):
            assert server.post("/infer", {"prompt": str(n)}).status == 200
        server.wait_for(lambda s: s.count("-> State.RUNNING") == 3, "the replacement")


def test_a_fork_that_returns_from_the_function_answers_nothing_and_takes_no_calls(server: Server) -> None:
    before = server.workers()
    for _ in range(5):
        child = server.post("/fork-and-return", {"prompt": "x"}).json()["output"]
        assert child > 0, "the child's answer, not the worker's"
        wait_gone(child)
    assert server.post("/infer", {"prompt": "after"}).json()["output"] == "after"
    assert server.workers() == before
    assert server.metric("hotplate_worker_restarts_total") == 0
    server.wait_for_line("Let such a child end with os._exit()")


def test_a_worker_that_keeps_dying_is_said_to_be_so(project: Path) -> None:
    with serve(project) as server:
        for _ in range(5):
            check_lost(server.post("/leave", {"status": 1}, timeout_s=30))
        reply = server.wait_for(
            lambda s: (r := s.post("/infer", {"prompt": "x"})).status == 503 and r, "a 503 that says why", 10
        )
        assert "keeps dying: 5 times within a minute. The last time it exited with status 1" in reply.json()["detail"]
        assert "retry-after" in reply.headers
        health = server.get("/healthcheck")
        assert health.status == 503
        assert health.json()["status"] == "CRASH_LOOPING"
        assert server.get("/livez").status == 200


def test_the_workers_die_with_a_killed_server(project: Path) -> None:
    with serve(project) as server:
        worker = server.workers()[0]
        child = server.post("/fork", {"seconds": 60}).json()["output"]
        server.process.kill()
        server.process.wait(20)
        for pid in (worker, child):
            wait_gone(pid)


def test_also_a_worker_that_holds_the_gil(project: Path) -> None:
    with serve(project) as server, ThreadPoolExecutor(1) as pool:
        worker = server.workers()[0]
        call = pool.submit(server.post, "/hold-gil", {"seconds": 60})
        server.wait_for(lambda s: s.metric("hotplate_requests_in_progress") == 1, "the call")
        server.process.kill()
        wait_gone(worker)
        assert call.exception(20) is not None
