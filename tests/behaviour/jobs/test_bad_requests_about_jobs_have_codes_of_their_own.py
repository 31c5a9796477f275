from __future__ import annotations

import pytest
from job_calls import ASYNC, ended, submit
from serving import serve, write_project

from tests.behaviour.jobs.conftest import MODEL


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/jobs/nobody", 404, "job_not_found"),
        ("GET", "/jobs/nobody/result", 404, "job_not_found"),
        ("GET", "/jobs/nobody/events", 404, "job_not_found"),
        ("DELETE", "/jobs/nobody", 404, "job_not_found"),
        ("POST", "/jobs/nobody/retry", 404, "job_not_found"),
        ("GET", "/jobs?state=lost", 400, "job_error"),
        ("GET", "/jobs?colour=red", 400, "job_error"),
        ("GET", "/jobs?limit=0", 400, "job_error"),
        ("GET", "/jobs?before=x", 400, "job_error"),
        ("GET", "/jobs/nobody?wait=soon", 400, "job_error"),
        ("GET", "/jobs/" + "x" * 3000, 404, "job_not_found"),
        ("GET", "/jobs/%F0%9F%98%80", 404, "job_not_found"),
    ],
)
def test_a_bad_request_about_a_job(server, method, path, status, code):
    reply = server.request(method, path)
    assert (reply.status, reply.json()["code"]) == (status, code), reply.body


@pytest.mark.parametrize("path", ["/jobsx", "/jobs/a/b", "/jobs/a/result/b"])
def test_other_paths_are_not_found(server, path):
    assert server.get(path).status == 404


@pytest.mark.parametrize(
    "headers",
    [
        {"prefer": "respond-async, wait=soon"},
        {"prefer": "respond-async", "idempotency-key": ""},
        {"prefer": "respond-async", "idempotency-key": "k" * 256},
        {"prefer": "respond-async", "hotplate-deadline": "-1"},
    ],
)
def test_a_bad_header_of_a_submit(server, headers):
    reply = server.post("/infer", {"prompt": "x"}, headers=headers)
    assert (reply.status, reply.json()["code"]) == (400, "job_error")


def test_a_body_over_the_cap_is_refused(server):
    reply = server.post("/infer", "x" * (11 << 20), headers=ASYNC)
    assert reply.status == 413


def test_the_same_key_is_the_same_job_and_another_body_a_conflict(server):
    first = submit(server, "/infer", {"prompt": "a"}, idempotency_key="key-1")
    assert submit(server, "/infer", {"prompt": "a"}, idempotency_key="key-1") == first
    ended(server, first)
    assert submit(server, "/infer", {"prompt": "a"}, idempotency_key="key-1") == first
    for route, body in (("/infer", {"prompt": "b"}), ("/count", {"number": 1})):
        reply = server.post(route, body, headers={**ASYNC, "idempotency-key": "key-1"})
        assert (reply.status, reply.json()["code"]) == (409, "idempotency_conflict")


def test_a_full_queue_answers_429(tmp_path):
    write_project(tmp_path / "model", MODEL)
    env = {"HOTPLATE_HOME": str(tmp_path / "home")}
    with serve(tmp_path / "model", "--max-jobs", "2", "--slots", "1", env=env) as server:
        replies = [server.post("/steps", {"steps": 100, "pause": 0.1}, headers=ASYNC) for _ in range(8)]
        refused = [reply for reply in replies if reply.status != 202]
        assert refused and {(reply.status, reply.json()["code"]) for reply in refused} == {(429, "job_queue_full")}
        assert all(reply.headers["retry-after"].isdigit() for reply in refused)


def test_results_are_gone_after_their_time(tmp_path):
    write_project(tmp_path / "model", MODEL)
    env = {"HOTPLATE_HOME": str(tmp_path / "home")}
    with serve(tmp_path / "model", "--job-retention", "1s", env=env) as server:
        job_id = submit(server, "/infer", {"prompt": "a"})
        ended(server, job_id)
        from job_calls import result, until

        gone = until(lambda: (reply := result(server, job_id)).status != 200 and reply, "the result's end")
        assert (gone.status, gone.json()["code"]) == (410, "result_gone")


def test_jobs_can_be_turned_off(tmp_path):
    write_project(tmp_path / "model", MODEL)
    env = {"HOTPLATE_HOME": str(tmp_path / "home")}
    with serve(tmp_path / "model", "--jobs", "off", env=env) as server:
        assert server.post("/infer", {"prompt": "ab"}, headers=ASYNC).json()["output"] == "ba"
        assert server.get("/jobs").status == 404
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[1]", b'{"prompt": 1}', b'{"wrong": "x"}', b'{"prompt": "x", "prompt": 2}', b"\xff"]
)
def test_an_input_that_does_not_fit_is_refused_as_the_call_would_be(server, body):
    direct = server.post("/infer", body)
    assert 400 <= direct.status < 500
    refused = server.post("/infer", body, headers=ASYNC)
    assert refused.status == direct.status
    assert refused.json()["detail"] == direct.json()["detail"]
    assert server.get("/jobs?route=/infer&state=failed").json()["jobs"] == []


def test_an_input_is_checked_while_the_model_is_busy(tmp_path):
    write_project(
        tmp_path / "model", {"service.py": MODEL["service.py"].replace("async def", "def").replace("await ", "")}
    )
    env = {"HOTPLATE_HOME": str(tmp_path / "home")}
    with serve(tmp_path / "model", env=env) as server:
        ended(server, submit(server, "/count", {"number": 1}))
        submit(server, "/steps", {"steps": 400, "pause": 0.1})
        reply = server.post("/count", {"number": "many"}, headers=ASYNC)
        assert reply.status == 422
        assert reply.json()["detail"][0]["loc"][-1] == "number"
        submit(server, "/count", {"number": 2})


def test_inputs_are_looked_at_however_long_the_path_of_the_temporary_folder_is(tmp_path):
    temporary = tmp_path / ("long " * 30)
    temporary.mkdir()
    write_project(tmp_path / "model", MODEL)
    env = {"HOTPLATE_HOME": str(tmp_path / "home"), "TMPDIR": str(temporary)}
    with serve(tmp_path / "model", env=env) as server:
        assert ended(server, submit(server, "/infer", {"prompt": "abc"}))["status"] == "completed"
        assert server.post("/infer", {"prompt": 1}, headers=ASYNC).status == 422
