from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from job_calls import ASYNC
from serving import write_project
from standardwebhooks import Webhook, WebhookVerificationError

from hotplate.deployment.sealed import seal
from hotplate.jobs.webhooks import make_secret
from tests.behaviour.jobs.test_webhooks_tell_how_jobs_ended import SECRET, Receiver, receiving
from tests.fleet import Fleet, endpoint, revision_of, scaling, serve_fleet, token

MODEL = {
    "model.py": "def predict(text: str) -> str:\n    if text == 'bad':\n        raise ValueError(text)\n"
    "    return text\n",
    "hotplate.yaml": "functions: [model.py:predict]\n",
}
OWNER, OTHER, READER, DEPLOYER = token("invoke"), token("invoke"), token("read"), token("deploy")


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory, receiver: Receiver) -> Iterator[Fleet]:
    root: Path = tmp_path_factory.mktemp("hooks")
    revision = revision_of(write_project(root / "model", MODEL), "first1")
    env = {"HOTPLATE_FETCH_ALLOW": "127.0.0.1:*", "HOTPLATE_WEBHOOK_SECRET": SECRET}
    with serve_fleet(root / "home", env) as running:
        limits = {"webhook": receiver.url, "webhook_events": ("failed",), "job_attempts": 1}
        running.publish(
            endpoint("told", revision, scaling=scaling(), limits=limits),
            endpoint("silent", revision, scaling=scaling(), limits={"job_attempts": 1}),
            tokens=[OWNER, OTHER, READER, DEPLOYER],
        )
        yield running


def test_an_endpoints_own_webhook_is_told_of_its_jobs_alone(fleet: Fleet, receiver: Receiver) -> None:
    for name in ("silent", "told"):
        reply = fleet.post(f"/{name}/predict", {"text": "bad"}, {**OWNER.headers, **ASYNC})
        assert reply.status == 202
    job_id = reply.json()["id"]
    fleet.wait_for(lambda: receiver.got, "a message")
    ((headers, body),) = receiver.got
    told = Webhook(SECRET).verify(body, headers)
    assert (told["type"], told["data"]["id"], told["data"]["endpoint"]) == ("job.failed", job_id, "told")
    place = f"/told/jobs/{job_id}/webhooks"
    for who, status in ((OWNER, 200), (OTHER, 403), (READER, 403), (DEPLOYER, 200)):
        assert fleet.get(place, who.headers).status == status
        every = fleet.get("/told/jobs/-/webhooks", who.headers)
        assert every.status == (200 if who is DEPLOYER else 403)
    (message,) = fleet.get("/told/jobs/-/webhooks", DEPLOYER.headers).json()["webhooks"]
    assert fleet.get("/silent/jobs/-/webhooks", DEPLOYER.headers).json()["webhooks"] == []
    for name, who, status in (
        ("told", OWNER, 403),
        ("told", READER, 403),
        ("silent", DEPLOYER, 404),
        ("told", DEPLOYER, 202),
    ):
        again = fleet.post(f"/{name}/jobs/-/webhooks/{message['id']}/redeliver", None, who.headers)
        assert again.status == status, (name, again.body)
    fleet.wait_for(lambda: len(receiver.got) == 2, "it again")


def test_an_endpoint_that_lists_a_secret_for_it_signs_with_its_own(fleet: Fleet, receiver: Receiver) -> None:
    revision = fleet.endpoints["told"].revisions[0]
    own = make_secret()
    name = "HOTPLATE_WEBHOOK_SECRET"
    secrets = {name: seal(own, name, fleet.home.key)}
    limits = {"webhook": receiver.url, "webhook_events": ("completed",)}
    fleet.publish(endpoint("signed", revision, scaling=scaling(), limits=limits, secrets=secrets))
    job_id = fleet.post("/signed/predict", {"text": "x"}, {**OWNER.headers, **ASYNC}).json()["id"]
    fleet.wait_for(lambda: receiver.of(job_id), "a message")
    ((headers, body),) = [each for each in receiver.got if job_id.encode() in each[1]]
    assert Webhook(own).verify(body, headers)["data"]["id"] == job_id
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(body, headers)


def test_another_webhook_needs_no_other_replicas(fleet: Fleet, receiver: Receiver) -> None:
    revision = fleet.endpoints["told"].revisions[0]
    fleet.publish(endpoint("fixed", revision, scaling=scaling(min_replicas=1)))
    fleet.settled("fixed")
    (before,) = fleet.replicas("fixed")
    more = {"limits": {"webhook": receiver.url, "webhook_events": ("completed",)}, "scaling": scaling(min_replicas=1)}
    fleet.publish(endpoint("fixed", revision, generation=2, **more))
    fleet.settled("fixed", 2)
    job_id = fleet.post("/fixed/predict", {"text": "x"}, {**OWNER.headers, **ASYNC}).json()["id"]
    fleet.wait_for(lambda: receiver.of(job_id), "a message")
    (after,) = fleet.replicas("fixed")
    assert after["pid"] == before["pid"]
