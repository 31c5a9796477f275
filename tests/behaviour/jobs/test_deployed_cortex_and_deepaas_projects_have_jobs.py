"""Cortex's AsyncAPI and DEEPaaS's training below a deployed endpoint's path."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from serving import write_project

from tests.behaviour.jobs import test_a_cortex_async_api_answers_as_its_gateway_did as cortex
from tests.behaviour.jobs import test_trainings_answer_as_deepaas_did as deepaas
from tests.fleet import Fleet, endpoint, revision_of, scaling, serve_fleet, token

CALLER = token("invoke")
OTHER = token("invoke", endpoints=("iris", "trainer"))
READER = token("read")
TRAIN = "/trainer" + deepaas.TRAIN


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    root = tmp_path_factory.mktemp("faces")
    iris = revision_of(write_project(root / "iris", cortex.FILES), "iris", env={"FROM_ENV": "yes", "FROM_YAML": "1"})
    trainer = revision_of(write_project(root / "trainer", deepaas.MODEL), "trainer")
    with serve_fleet(root / "home") as running:
        running.publish(
            endpoint("iris", iris, scaling=scaling()),
            endpoint("trainer", trainer, scaling=scaling()),
            tokens=[CALLER, OTHER, READER],
        )
        yield running


def test_a_cortex_async_api_at_zero(fleet: Fleet) -> None:
    kept = fleet.post("/iris/iris", '{"a": 1}', {**CALLER.headers, **cortex.JSON})
    assert kept.status == 200, kept.body
    job_id = kept.json()["id"]
    done = fleet.wait_for(
        lambda: (now := fleet.get(f"/iris/iris/{job_id}", CALLER.headers).json())["status"] == "completed" and now,
        "the result",
    )
    assert done["result"]["payload"] == {"a": 1}
    assert fleet.get(f"/iris/iris/{job_id}", READER.headers).json() == done
    assert fleet.post("/iris/iris", "{}", {**READER.headers, **cortex.JSON}).status == 403
    assert fleet.get(f"/iris/iris/{job_id}").status == 401


def test_a_training_of_an_endpoint_at_zero_takes_no_replica(fleet: Fleet) -> None:
    started = fleet.request("POST", f"{TRAIN}?epochs=1", None, CALLER.headers)
    assert started.status == 200, started.body
    uuid = started.json()["uuid"]
    done = fleet.wait_for(
        lambda: (now := fleet.get(f"{TRAIN}{uuid}", CALLER.headers).json())["status"] == "done" and now, "its end"
    )
    assert done["result"]["output"]["rate"] == 0.1
    assert done in fleet.get(TRAIN, READER.headers).json()
    assert fleet.replicas("trainer") == []
    shown = fleet.get(f"/trainer/jobs/{uuid}", CALLER.headers).json()
    assert (shown["id"], shown["status"]) == (uuid, "completed")
    assert uuid in [job["id"] for job in fleet.get("/trainer/jobs?origin=deepaas", CALLER.headers).json()["jobs"]]


def test_as_many_trainings_run_at_a_time_as_the_endpoint_may_have_replicas(fleet: Fleet) -> None:
    uuids = [fleet.request("POST", f"{TRAIN}?epochs=1000", None, CALLER.headers).json()["uuid"] for _ in range(3)]
    try:
        jobs = "/trainer/jobs?origin=deepaas&state=running"
        fleet.wait_for(lambda: len(fleet.get(jobs, CALLER.headers).json()["jobs"]) == 2, "max_replicas of them")
        (waiting,) = fleet.get("/trainer/jobs?origin=deepaas&state=queued", CALLER.headers).json()["jobs"]
        fleet.publish(
            endpoint("trainer", fleet.endpoints["trainer"].revisions[0], generation=2, scaling=scaling(max_replicas=3))
        )
        fleet.wait_for(
            lambda: fleet.get(f"/trainer/jobs/{waiting['id']}", CALLER.headers).json()["status"] == "running", "a third"
        )
    finally:
        for uuid in uuids:
            fleet.request("DELETE", f"{TRAIN}{uuid}", None, CALLER.headers)


def test_a_training_is_ended_by_who_started_it(fleet: Fleet) -> None:
    uuid = fleet.request("POST", f"{TRAIN}?epochs=1000", None, CALLER.headers).json()["uuid"]
    assert fleet.request("DELETE", f"{TRAIN}{uuid}", None, OTHER.headers).status == 403
    assert fleet.request("DELETE", f"{TRAIN}{uuid}", None, READER.headers).status == 403
    reply = fleet.request("DELETE", f"{TRAIN}{uuid}", None, CALLER.headers)
    assert (reply.status, reply.json()["status"]) == (200, "cancelled")
    assert fleet.get(f"{TRAIN}{uuid}", CALLER.headers).status == 404
