"""Jobs of `hotplate up`: one store for all endpoints, and each endpoint sees its own."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from job_calls import ASYNC
from serving import write_project

from tests.fleet import Fleet, revision_of, scaling, serve_fleet, token
from tests.fleet import endpoint as any_endpoint

MODEL = {
    "model.py": """
import os, time
from collections.abc import Iterator

def predict(text: str, seconds: float = 0.0) -> str:
    if text == "die":
        os._exit(3)
    if text == "secret":
        print("the password is", os.environ["PASSWORD"], flush=True)
        raise RuntimeError("no")
    time.sleep(seconds)
    return f"v1 {text}"

def pieces(count: int) -> Iterator[str]:
    for number in range(count):
        yield f"piece {number}"
""",
    "hotplate.yaml": "functions: [model.py:predict, model.py:pieces]\n",
}
ANYONE = token("invoke", "deploy")


def endpoint(name: str, *revisions: Any, limits: dict[str, Any] | None = None, **more: Any) -> Any:
    """One that runs one call at a time."""
    return any_endpoint(name, *revisions, limits={"slots": 1, **(limits or {})}, **more)


FINAL = ("completed", "failed", "dead", "cancelled")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_project(tmp_path_factory.mktemp("model"), MODEL)


@pytest.fixture(scope="module")
def newer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same routes in another order, and another answer."""
    files = {name: text.replace("v1", "v2") for name, text in MODEL.items()}
    files["hotplate.yaml"] = "functions: [model.py:pieces, model.py:predict]\n"
    return write_project(tmp_path_factory.mktemp("newer"), files)


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory, project: Path) -> Iterator[Fleet]:
    with serve_fleet(tmp_path_factory.mktemp("up") / "home") as running:
        revision = revision_of(project, "first1")
        running.publish(
            endpoint("one", revision, scaling=scaling()),
            endpoint("two", revision, scaling=scaling()),
            tokens=[ANYONE],
        )
        yield running


def submit(fleet: Fleet, path: str, body: Any, **headers: str) -> dict[str, Any]:
    reply = fleet.post(path, body, {**ANYONE.headers, **ASYNC, **{k.replace("_", "-"): v for k, v in headers.items()}})
    assert reply.status == 202, (reply.status, reply.body, fleet.log()[-3000:])
    assert reply.headers["location"] == reply.json()["links"]["self"]
    return reply.json()


def show(fleet: Fleet, place: str) -> dict[str, Any]:
    reply = fleet.get(place, ANYONE.headers)
    assert reply.status == 200, (place, reply.status, reply.body)
    return reply.json()


def ended(fleet: Fleet, job: dict[str, Any], timeout_s: float = 60.0) -> dict[str, Any]:
    place = job["links"]["self"]
    return fleet.wait_for(
        lambda: (now := show(fleet, place))["status"] in FINAL and now, f"the end of {job}", timeout_s
    )


def running(fleet: Fleet, job: dict[str, Any]) -> None:
    place = job["links"]["self"]
    fleet.wait_for(
        lambda: show(fleet, place)["status"] == "running" and fleet.of(place.split("/")[1])["in_flight"], "running"
    )


def test_an_endpoint_at_zero_starts_for_a_job_and_goes_back_to_zero(fleet: Fleet) -> None:
    fleet.wait_for(lambda: not fleet.replicas("one"), "zero replicas")
    job = submit(fleet, "/one/predict", {"text": "hi", "seconds": 1.5})  # longer than the scale-down delay
    assert job["links"]["self"] == f"/one/jobs/{job['id']}"
    done = ended(fleet, job)
    assert (done["status"], done["attempt"], done["crashes"]) == ("completed", 1, 0)
    assert fleet.get(f"{job['links']['result']}", ANYONE.headers).json()["output"] == "v1 hi"
    fleet.wait_for(lambda: not fleet.replicas("one"), "zero replicas")


def test_an_endpoint_shows_no_other_endpoints_jobs(fleet: Fleet) -> None:
    job = submit(fleet, "/one/predict", {"text": "mine"}, idempotency_key="same")
    other = submit(fleet, "/two/predict", {"text": "theirs"}, idempotency_key="same")
    for mine, theirs in ((job, other), (other, job)):
        name = mine["links"]["self"].split("/")[1]
        for rest in ("", "/result", "/events"):
            assert fleet.get(f"/{name}/jobs/{theirs['id']}{rest}", ANYONE.headers).status == 404
        assert fleet.request("DELETE", f"/{name}/jobs/{theirs['id']}", None, ANYONE.headers).status == 404
        ids = [each["id"] for each in fleet.get(f"/{name}/jobs", ANYONE.headers).json()["jobs"]]
        assert mine["id"] in ids and theirs["id"] not in ids
    again = submit(fleet, "/one/predict", {"text": "mine"}, idempotency_key="same")
    assert again["id"] == job["id"]
    conflict = fleet.post("/one/predict", {"text": "x"}, {**ANYONE.headers, **ASYNC, "idempotency-key": "same"})
    assert (conflict.status, conflict.json()["code"]) == (409, "idempotency_conflict")
    for each in (job, other):
        assert ended(fleet, each)["status"] == "completed"


def test_the_place_of_a_job_is_below_what_the_caller_called(fleet: Fleet) -> None:
    host = {**ANYONE.headers, "host": f"one.localhost:{fleet.port}"}
    reply = fleet.post("/predict", {"text": "hi"}, {**host, **ASYNC, "prefer": "respond-async, wait=30"})
    assert (reply.status, reply.json()["output"]) == (200, "v1 hi")
    assert reply.headers["location"].startswith("/jobs/")
    shown = fleet.get(reply.headers["location"], host)
    assert (shown.status, shown.json()["links"]["self"]) == (200, reply.headers["location"])
    octo = fleet.post("/one/predict", {"text": "hi"}, {**ANYONE.headers, "x-octoai-async": "1"})
    assert octo.status == 201
    assert octo.json()["poll_url"] == f"http://127.0.0.1:{fleet.port}/one/v1/requests/{octo.json()['response_id']}"
    place = f"/one/v1/requests/{octo.json()['response_id']}"
    fleet.wait_for(lambda: fleet.get(place, ANYONE.headers).status == 200, "its end")


def test_a_wrong_input_is_refused_at_submit_when_a_replica_runs(fleet: Fleet, project: Path) -> None:
    fleet.publish(endpoint("warm", revision_of(project, "first1"), scaling=scaling(min_replicas=1)))
    fleet.settled("warm")
    reply = fleet.post("/warm/predict", {"text": 1}, {**ANYONE.headers, **ASYNC})
    assert reply.status == 422, reply.body
    assert fleet.get("/warm/jobs", ANYONE.headers).json()["jobs"] == []


def test_events_progress_and_cancel(fleet: Fleet) -> None:
    job = submit(fleet, "/one/pieces", {"count": 3})
    done = ended(fleet, job)
    assert done["progress"]["text"] == "3 pieces"
    assert b"event: state" in fleet.get(job["links"]["events"], ANYONE.headers).body
    slow = submit(fleet, "/one/predict", {"text": "slow", "seconds": 30})
    running(fleet, slow)
    reply = fleet.request("DELETE", slow["links"]["self"], None, ANYONE.headers)
    assert (reply.status, reply.json()["status"]) == (200, "cancelled")
    fleet.wait_for(lambda: not fleet.of("one")["in_flight"], "a free slot")


def test_jobs_that_wait_in_the_store_are_demand(fleet: Fleet) -> None:
    jobs = [submit(fleet, "/two/predict", {"text": str(number), "seconds": 0.7}) for number in range(8)]
    fleet.wait_for(lambda: len(fleet.replicas("two")) == 2, "a second replica")
    for job in jobs:
        assert ended(fleet, job)["status"] == "completed"


def test_a_long_queue_of_one_endpoint_holds_no_other_up(fleet: Fleet) -> None:
    queue = [submit(fleet, "/one/predict", {"text": "q", "seconds": 3}) for _ in range(20)]
    begun = time.monotonic()
    other = submit(fleet, "/two/predict", {"text": "quick"})
    assert ended(fleet, other)["status"] == "completed"
    left = [job for job in queue if show(fleet, job["links"]["self"])["status"] == "queued"]
    assert left, f"the queue was gone after {time.monotonic() - begun:.1f} s: the test shows nothing"
    for job in queue:
        fleet.request("DELETE", job["links"]["self"], None, ANYONE.headers)
    metrics = fleet.get("/metrics", ANYONE.headers)
    assert metrics.status == 200


def test_metrics_tell_jobs_apart_by_endpoint(fleet: Fleet) -> None:
    ended(fleet, submit(fleet, "/one/predict", {"text": "hi"}))
    ended(fleet, submit(fleet, "/two/predict", {"text": "hi"}))
    text = fleet.get("/metrics", ANYONE.headers).body.decode()
    for name in ("one", "two"):
        assert f'hotplate_jobs_ended_total{{endpoint="{name}",state="completed"}}' in text
        assert f'hotplate_jobs_waiting{{endpoint="{name}"}}' in text
    assert text.count("# TYPE hotplate_jobs_waiting ") == 1
    assert 'hotplate_jobs_ended_total{state="completed"}' in fleet.get("/one/metrics", ANYONE.headers).body.decode()


def test_a_new_revision_runs_what_was_not_begun(fleet: Fleet, project: Path, newer: Path) -> None:
    first, second = revision_of(project, "first1"), revision_of(newer, "second")
    size = scaling(max_replicas=1)
    fleet.publish(endpoint("moving", first, scaling=size))
    fleet.settled("moving")
    begun = submit(fleet, "/moving/predict", {"text": "old", "seconds": 6})
    running(fleet, begun)
    waiting = [submit(fleet, "/moving/predict", {"text": f"new {number}"}) for number in range(5)]
    fleet.publish(endpoint("moving", first, second, generation=2, scaling=size))
    fleet.settled("moving", 2)
    for number, job in enumerate(waiting):
        assert ended(fleet, job)["status"] == "completed"
        assert fleet.get(job["links"]["result"], ANYONE.headers).json()["output"] == f"v2 new {number}"
    assert ended(fleet, begun)["attempt"] == 1
    assert fleet.get(begun["links"]["result"], ANYONE.headers).json()["output"] == "v1 old"


def test_a_paused_endpoint_keeps_its_jobs(fleet: Fleet, project: Path) -> None:
    revision = revision_of(project, "first1")
    size = scaling(max_replicas=1)
    fleet.publish(endpoint("resting", revision, scaling=size))
    fleet.settled("resting")
    begun = submit(fleet, "/resting/predict", {"text": "begun", "seconds": 2})
    running(fleet, begun)
    waiting = [submit(fleet, "/resting/predict", {"text": str(number)}) for number in range(3)]
    fleet.publish(endpoint("resting", revision, generation=2, paused=True))
    fleet.settled("resting", 2)
    assert fleet.post("/resting/predict", {"text": "x"}, {**ANYONE.headers, **ASYNC}).status == 503
    assert ended(fleet, begun)["status"] == "completed"
    fleet.wait_for(lambda: not fleet.replicas("resting"), "the end of its replicas")
    assert {show(fleet, job["links"]["self"])["status"] for job in waiting} <= {"queued", "retrying"}
    fleet.publish(endpoint("resting", revision, generation=3, scaling=size))
    for job in waiting:
        assert ended(fleet, job)["status"] == "completed"


def test_deleting_an_endpoint_ends_what_waits_and_says_why(fleet: Fleet, project: Path) -> None:
    revision = revision_of(project, "first1")
    size = scaling(max_replicas=1)
    fleet.publish(endpoint("leaving", revision, scaling=size))
    fleet.settled("leaving")
    begun = submit(fleet, "/leaving/predict", {"text": "begun", "seconds": 2})
    running(fleet, begun)
    waiting = [submit(fleet, "/leaving/predict", {"text": str(number)}) for number in range(3)]
    fleet.withdraw("leaving")
    fleet.wait_for(lambda: "leaving" not in fleet.state()["endpoints"], "the end of the endpoint")
    assert fleet.get(begun["links"]["self"], ANYONE.headers).status == 404
    fleet.publish(endpoint("leaving", revision, generation=2, scaling=size))
    for job in waiting:
        gone = show(fleet, job["links"]["self"])
        assert (gone["status"], gone["error"]["code"]) == ("cancelled", "endpoint_deleted")
        assert "deleted" in gone["error"]["message"]
    assert show(fleet, begun["links"]["self"])["status"] == "completed"


def test_last_words_are_told_without_the_secrets_in_them(fleet: Fleet, project: Path) -> None:
    from hotplate.deployment.sealed import seal

    revision = revision_of(project, "first1")
    sealed = seal("correct horse", "PASSWORD", fleet.home.key)
    fleet.publish(
        endpoint("safe", revision, scaling=scaling(), secrets={"PASSWORD": sealed}, limits={"job_attempts": 1})
    )
    done = ended(fleet, submit(fleet, "/safe/predict", {"text": "secret"}))
    assert done["status"] in ("dead", "failed")
    assert "the password is" in done["error"]["last_output"]
    assert "correct horse" not in done["error"]["last_output"]


def test_a_lost_worker_is_a_crash_and_the_job_goes_on_to_its_limit(fleet: Fleet) -> None:
    done = ended(fleet, submit(fleet, "/one/predict", {"text": "die"}), 120)
    assert (done["status"], done["crashes"]) == ("dead", 3)
    assert ended(fleet, submit(fleet, "/one/predict", {"text": "after"}))["status"] == "completed"


def hotplate(fleet: Fleet, *words: str, fails: bool = False) -> str:
    """The output or error of a command on the fleet's machine, which knows it as one that `hotplate up` started."""
    fleet.home.supervisor_file.write_text(json.dumps({"url": f"http://127.0.0.1:{fleet.port}"}))
    variables = {"HOTPLATE_HOME": str(fleet.home.root), "HOTPLATE_TOKEN": ANYONE.text, "NO_COLOR": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "hotplate.cli", *words],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        env={**os.environ, **variables},
    )
    assert (done.returncode != 0) == fails, (done.stdout, done.stderr)
    return done.stderr if fails else done.stdout


def test_the_commands_find_an_endpoint_by_its_name(fleet: Fleet, tmp_path: Path) -> None:
    job_id = hotplate(fleet, "job", "submit", "/predict", "text=hi", "--name", "one").strip()
    assert json.loads(hotplate(fleet, "job", "result", job_id, "--name", "one"))["output"] == "v1 hi"
    assert job_id in hotplate(fleet, "job", "list", "--name", "one")
    assert job_id not in hotplate(fleet, "job", "list", "--name", "two")
    hotplate(fleet, "job", "logs", job_id, "--name", "one")
    inputs, results = tmp_path / "inputs.jsonl", tmp_path / "results.jsonl"
    inputs.write_text("".join(json.dumps({"text": str(number)}) + "\n" for number in range(20)))
    for name in ("one", "two"):
        results.unlink(missing_ok=True)
        hotplate(fleet, "map", "/predict", str(inputs), "-o", str(results), "--name", name)
        found = sorted(
            (each["line"], each["result"]["output"]) for each in map(json.loads, results.read_text().splitlines())
        )
        assert found == [(number + 1, f"v1 {number}") for number in range(20)]
    listed = fleet.get("/two/jobs?route=/predict&limit=100", ANYONE.headers).json()["jobs"]
    assert len(listed) >= 20, "the second run was not another endpoint's"
    results.unlink()
    hotplate(fleet, "map", "one/predict", str(inputs), "-o", str(results))
    assert len(results.read_text().splitlines()) == 20
    results.unlink()
    url = f"http://127.0.0.1:{fleet.port}/one/predict"
    hotplate(fleet, "map", url, str(inputs), "-o", str(results))
    assert len(results.read_text().splitlines()) == 20
    for route, said in (("one/predict", "names a deployed endpoint"), (url, "says where already")):
        words = hotplate(fleet, "map", route, str(inputs), "-o", str(results), "--name", "two", fails=True)
        assert f"{route} {said}" in words
    assert hotplate(fleet, "dead", "list", "--name", "one")


def test_the_sdk_has_the_same_jobs(fleet: Fleet) -> None:
    from hotplate import AsyncClient, Client

    base = f"http://127.0.0.1:{fleet.port}/one"
    with Client(ANYONE.text, base_url=base) as client:
        job = client.submit("/predict", {"text": "hi"})
        assert job.url == f"{base}/jobs/{job.id}"
        assert client.job_result(job)["output"] == "v1 hi"
        assert [each.id for each in client.list_jobs(limit=1)] == [job.id]

    async def later() -> None:
        async with AsyncClient(ANYONE.text, base_url=base) as client:
            job = await client.submit("/predict", {"text": "hi"})
            assert (await client.job_result(job))["output"] == "v1 hi"
            assert await client.job_log(job) == []
            slow = await client.submit("/predict", {"text": "hi", "seconds": 30})
            assert (await client.cancel_job(slow)).status == "cancelled"

    asyncio.run(later())
