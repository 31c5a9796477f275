from __future__ import annotations

import json
import time

import pytest
from job_calls import ASYNC, ended, result, show, submit, until

RFC3339 = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"


def test_a_call_answers_202_and_its_result_is_what_the_call_would_have_answered(server):
    reply = server.post("/infer", {"prompt": "abc"}, headers=ASYNC)
    assert reply.status == 202
    assert reply.headers["preference-applied"] == "respond-async"
    job = reply.json()
    assert reply.headers["location"] == job["links"]["self"] == f"/jobs/{job['id']}"
    job = ended(server, job["id"])
    assert (job["status"], job["route"], job["attempt"], job["result_status"]) == ("completed", "POST /infer", 1, 200)
    fetched = result(server, job["id"])
    direct = server.post("/infer", {"prompt": "abc"})
    assert (fetched.status, fetched.headers["content-type"]) == (200, direct.headers["content-type"])
    assert fetched.json()["output"] == direct.json()["output"] == "cba"
    assert fetched.headers["x-request-id"] == job["id"]


def test_without_the_preference_nothing_is_kept(server):
    before = server.get("/jobs").json()["jobs"]
    server.post("/infer", {"prompt": "x"}, headers={"prefer": "return=minimal"})
    assert server.get("/jobs").json()["jobs"] == before


def test_a_call_that_is_done_within_its_wait_is_answered_at_once(server):
    reply = server.post("/infer", {"prompt": "ab"}, headers={"prefer": "respond-async, wait=20"})
    assert (reply.status, reply.json()["output"]) == (200, "ba")
    assert reply.headers["location"].startswith("/jobs/")
    late = server.post("/wait", {"seconds": 30}, headers={"prefer": "respond-async, wait=0.1"})
    assert late.status == 202
    server.request("DELETE", late.headers["location"])


def test_a_get_waits_for_the_end(server):
    job_id = submit(server, "/wait", {"seconds": 0.3})
    job = server.get(f"/jobs/{job_id}?wait=20").json()
    assert job["status"] == "completed"
    job_id = submit(server, "/wait", {"seconds": 0.3})
    assert server.get(f"/jobs/{job_id}/result?wait=20").json()["output"] == "waited"


def test_a_result_that_is_not_there_yet_says_so(server):
    job_id = submit(server, "/wait", {"seconds": 20})
    reply = result(server, job_id)
    assert (reply.status, reply.json()["code"], reply.headers["retry-after"]) == (409, "job_not_finished", "1")
    server.request("DELETE", f"/jobs/{job_id}")


def test_progress_shows_in_the_job_and_in_its_events(server):
    job_id = submit(server, "/steps", {"steps": 10, "pause": 0.06})
    with server.connect(30) as sock:
        sock.sendall(f"GET /jobs/{job_id}/events HTTP/1.1\r\nhost: localhost\r\n\r\n".encode())
        got = b""
        while b"0\r\n\r\n" not in got:
            part = sock.recv(65536)
            assert part, got
            got += part
    assert b"text/event-stream" in got
    assert b"event: progress" in got and b'"text":"step ' in got
    assert got.count(b"event: state") >= 2 and b'"status":"completed"' in got
    job = ended(server, job_id)
    assert job["progress"]["text"].startswith("step ")


def test_a_generator_counts_its_pieces_and_its_stream_is_the_result(server):
    job_id = submit(server, "/pieces", {"count": 3})
    job = ended(server, job_id)
    assert job["progress"]["text"] == "3 pieces"
    reply = result(server, job_id)
    assert reply.headers["content-type"] == "text/event-stream"
    assert reply.body.count(b"data:") == 3 or b"piece 2" in reply.body


def test_large_inputs_and_results_come_back_whole(server):
    text = "x" * 700_000 + "y"
    job_id = submit(server, "/infer", {"prompt": text})
    assert ended(server, job_id)["status"] == "completed"
    assert result(server, job_id).json()["output"] == text[::-1]


@pytest.mark.parametrize("route", ["/steps", "/wait"])
def test_a_running_job_is_cancelled(server, route):
    body = {"steps": 400, "pause": 0.05} if route == "/steps" else {"seconds": 60}
    job_id = submit(server, route, body)
    until(lambda: show(server, job_id)["status"] == "running", "running")
    reply = server.request("DELETE", f"/jobs/{job_id}")
    assert (reply.status, reply.json()["status"]) == (200, "cancelled")
    again = server.request("DELETE", f"/jobs/{job_id}")
    assert (again.status, again.json()["code"]) == (409, "job_finished")
    gone = result(server, job_id)
    assert (gone.status, gone.json()["code"]) == (410, "result_gone")
    until(lambda: server.metric("hotplate_jobs_running") == 0, "a free slot")
    assert ended(server, submit(server, "/count", {"number": 1}))["status"] == "completed"


def test_what_fails_is_tried_again_and_then_dead_with_its_last_words(server):
    job_id = submit(server, "/boom", {"text": "too hot"})
    job = ended(server, job_id)
    assert (job["status"], job["failures"], job["attempt"], job["crashes"]) == ("dead", 2, 2, 0)
    assert "about to fail: too hot" in job["error"]["last_output"]
    assert result(server, job_id).status == 500
    assert job_id in [job["id"] for job in server.get("/jobs?state=dead").json()["jobs"]]


def test_a_job_that_kills_its_worker_is_dead_and_the_others_are_not(server):
    poison = submit(server, "/die", {"status": 3})
    good = [submit(server, "/count", {"number": number}) for number in range(20)]
    job = ended(server, poison)
    assert (job["status"], job["crashes"], job["failures"]) == ("dead", 2, 0)
    assert job["error"]["code"] == "worker_lost"
    assert "my last words" in job["error"]["last_output"]
    for number, job_id in enumerate(good):
        assert ended(server, job_id)["status"] == "completed"
        assert result(server, job_id).json()["output"] == number + 1


def test_a_dead_job_can_be_retried(server):
    job_id = submit(server, "/boom", {"text": "again"})
    ended(server, job_id)
    reply = server.post(f"/jobs/{job_id}/retry")
    assert (reply.status, reply.json()["status"]) == (202, "queued")
    assert ended(server, job_id)["failures"] == 2
    done = submit(server, "/count", {"number": 1})
    ended(server, done)
    refused = server.post(f"/jobs/{done}/retry")
    assert (refused.status, refused.json()["code"]) == (409, "job_not_retryable")


def test_an_error_of_the_callers_is_the_jobs_answer_and_not_tried_again(server):
    job_id = submit(server, "/steps", {"steps": 1, "pause": -1})  # time.sleep raises: that one is the model's
    assert ended(server, job_id)["failures"] == 2


def test_the_urgent_go_first(server):
    blocker = [submit(server, "/steps", {"steps": 8, "pause": 0.1}) for _ in range(24)]
    late = submit(server, "/count", {"number": 1}, priority="u=7")
    urgent = submit(server, "/count", {"number": 2}, priority="u=0")
    jobs = [ended(server, job_id) for job_id in (late, urgent)]
    assert jobs[1]["started_at"] <= jobs[0]["started_at"]
    for job_id in blocker:
        server.request("DELETE", f"/jobs/{job_id}")


def test_a_job_that_waits_past_its_deadline_fails(server):
    blocker = [submit(server, "/steps", {"steps": 30, "pause": 0.05}) for _ in range(24)]
    job_id = submit(server, "/count", {"number": 1}, priority="u=7", hotplate_deadline="0.2")
    job = ended(server, job_id)
    assert (job["status"], job["error"]["code"], job["attempt"]) == ("failed", "deadline_exceeded", 0)
    for each in blocker:
        server.request("DELETE", f"/jobs/{each}")


def test_lists_are_filtered_and_paged(server):
    ids = [submit(server, "/count", {"number": n}) for n in range(5)]
    for each in ids:
        ended(server, each)
    page = server.get("/jobs?route=/count&limit=2").json()
    assert [job["id"] for job in page["jobs"]] == ids[:2:-1]
    after = server.get(f"/jobs?route=/count&limit=2&before={page['next_before']}").json()
    assert [job["id"] for job in after["jobs"]] == [ids[2], ids[1]]


def test_metrics_count_jobs(server):
    ended(server, submit(server, "/count", {"number": 1}))
    text = server.get("/metrics").body.decode()
    for name in ("submitted_total", "waiting", "running", "dead", "oldest_seconds", 'ended_total{state="completed"}'):
        assert f"hotplate_jobs_{name} " in text
    from prometheus_client.parser import text_string_to_metric_families

    assert any(f.name == "hotplate_job_setbacks" for f in text_string_to_metric_families(text))


def test_times_are_in_order(server):
    job = ended(server, submit(server, "/count", {"number": 1}))
    assert job["created_at"] <= job["started_at"] <= job["finished_at"]
    assert (
        abs(time.time() - time.mktime(time.strptime(job["created_at"][:19], "%Y-%m-%dT%H:%M:%S")) + time.timezone) < 60
    )
    assert json.dumps(job)
