"""Which token may do what with the jobs of a deployed endpoint: each route with each scope."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from serving import write_project

from tests.fleet import Fleet, Token, endpoint, revision_of, scaling, serve_fleet, token

MODEL = {
    "model.py": "import time\n\ndef predict(text: str, seconds: float = 0.0) -> str:\n    time.sleep(seconds)\n"
    "    if text == 'bad':\n        raise ValueError(text)\n    return text\n",
    "hotplate.yaml": "functions: [model.py:predict]\n",
}
ASYNC = {"prefer": "respond-async"}
TOKENS = {
    "owner": token("invoke", endpoints=("safe",)),
    "invoke": token("invoke"),
    "read": token("read"),
    "deploy": token("deploy"),
    "admin": token("admin"),
    "elsewhere": token("invoke", "read", "deploy", endpoints=("other",)),
    "limited": token("invoke", rate_per_s=1000, concurrency=50),
}
MAY = {
    "submit": {"owner", "invoke", "admin", "limited"},
    "see": {"owner", "invoke", "read", "deploy", "admin", "limited"},
    "change another's": {"deploy", "admin"},
}


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    root = tmp_path_factory.mktemp("scopes")
    project = write_project(root / "model", MODEL)
    with serve_fleet(root / "home") as running:
        revision = revision_of(project, "first1")
        size = scaling(min_replicas=1, max_replicas=1)
        running.publish(
            endpoint("safe", revision, scaling=size, limits={"job_attempts": 1}),
            endpoint("other", revision, scaling=size),
            endpoint("open", revision, scaling=size, public=True),
            tokens=list(TOKENS.values()),
        )
        running.settled("safe")
        yield running


def submitted(fleet: Fleet, who: Token, seconds: float = 0.0, text: str = "hi", path: str = "/safe") -> str:
    reply = fleet.post(f"{path}/predict", {"text": text, "seconds": seconds}, {**who.headers, **ASYNC})
    assert reply.status == 202, reply.body
    return reply.headers["location"]


def test_submitting_needs_invoke(fleet: Fleet) -> None:
    for name, who in TOKENS.items():
        status = fleet.post("/safe/predict", {"text": "x"}, {**who.headers, **ASYNC}).status
        assert status == (202 if name in MAY["submit"] else 403), name
    assert fleet.post("/safe/predict", {"text": "x"}, ASYNC).status == 401


@pytest.mark.parametrize("rest", ["", "/result?wait=20", "/events"])
def test_seeing_needs_invoke_or_read_at_this_endpoint(fleet: Fleet, rest: str) -> None:
    place = submitted(fleet, TOKENS["owner"])
    for name, who in TOKENS.items():
        assert fleet.get(place + rest, who.headers).status == (200 if name in MAY["see"] else 403), name
        listed = fleet.get("/safe/jobs", who.headers)
        assert listed.status == (200 if name in MAY["see"] else 403), name
    assert fleet.get(place + rest).status == fleet.get("/safe/jobs").status == 401
    wrong = {"authorization": "Bearer hp_nobody_nothing"}
    assert fleet.get(place + rest, wrong).status == 401


def test_cancelling_is_for_who_submitted_it_and_for_those_who_manage(fleet: Fleet) -> None:
    for name, who in TOKENS.items():
        place = submitted(fleet, TOKENS["owner"], seconds=20)
        status = fleet.request("DELETE", place, None, who.headers).status
        assert status == (200 if name in MAY["change another's"] | {"owner"} else 403), name
        if status != 200:
            assert fleet.get(place, TOKENS["owner"].headers).json()["status"] in ("queued", "running")
            assert fleet.request("DELETE", place, None).status == 401
            assert fleet.request("DELETE", place, None, TOKENS["admin"].headers).status == 200


def test_retrying_is_for_who_submitted_it_and_for_those_who_manage(fleet: Fleet) -> None:
    for name, who in TOKENS.items():
        place = submitted(fleet, TOKENS["owner"], text="bad")
        ended = fleet.get(f"{place}?wait=30", TOKENS["owner"].headers).json()
        assert ended["status"] == "failed", ended
        status = fleet.post(f"{place}/retry", None, who.headers).status
        assert status == (202 if name in MAY["change another's"] | {"owner"} else 403), name


def test_at_a_public_endpoint_the_id_is_what_gives_access(fleet: Fleet) -> None:
    reply = fleet.post("/open/predict", {"text": "x", "seconds": 20}, ASYNC)
    place = reply.headers["location"]
    assert (reply.status, fleet.get(place).status) == (202, 200)
    listed = fleet.get("/open/jobs")
    assert (listed.status, listed.json()["code"]) == (403, "forbidden")
    assert fleet.get("/open/jobs", TOKENS["read"].headers).status == 200
    theirs = submitted(fleet, TOKENS["invoke"], seconds=20, path="/open")
    assert fleet.request("DELETE", theirs, None).status == 403, "somebody without a token ended another's job"
    assert fleet.request("DELETE", place, None, TOKENS["invoke"].headers).status == 403
    assert fleet.request("DELETE", place, None).status == 200
    assert fleet.request("DELETE", theirs, None, TOKENS["invoke"].headers).status == 200
