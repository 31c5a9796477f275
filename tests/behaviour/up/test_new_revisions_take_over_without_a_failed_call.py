from __future__ import annotations

import threading
import time
from collections import Counter
from pathlib import Path
from typing import Self

import msgspec
import pytest
from serving import write_project

from hotplate.deployment.records import Share
from tests.behaviour.up.conftest import ECHO
from tests.fleet import Fleet, endpoint, revision_of, scaling

TEXT = {"text": "hi"}


def version(folder: Path, name: str) -> Path:
    return write_project(folder / name, {**ECHO, "model.py": ECHO["model.py"].replace("v1", name)})


class Caller:
    """Calls again and again until it is stopped, and counts what comes back."""

    def __init__(self, fleet: Fleet, path: str = "/open/predict") -> None:
        self.answers: Counter[str] = Counter()
        self._fleet, self._path = fleet, path
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._call) for _ in range(4)]

    def _call(self) -> None:
        while not self._stop.is_set():
            try:
                answer = self._fleet.post(self._path, TEXT)
                said = answer.json()["output"] if answer.status == 200 else f"{answer.status} {answer.body.decode()}"
            except Exception as error:  # noqa: BLE001
                said = repr(error)
            self.answers[said] += 1

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(30)


@pytest.mark.parametrize("least", [1, 2])
def test_rolling_between_two_revisions(fleet: Fleet, tmp_path: Path, least: int) -> None:
    first = revision_of(version(tmp_path, "v1"), "first1")
    second = revision_of(version(tmp_path, "v2"), "second2")
    size = scaling(min_replicas=least, max_replicas=3)
    fleet.publish(endpoint("open", first, public=True, scaling=size))
    fleet.settled("open")
    rounds = 20 if least == 1 else 4
    with Caller(fleet) as caller:
        for generation in range(2, rounds + 2):
            order = (first, second) if generation % 2 == 0 else (second, first)
            fleet.publish(endpoint("open", *order, public=True, generation=generation, scaling=size))
            assert fleet.settled("open", generation)["rollout"]["state"] == "stable"
            assert fleet.post("/open/predict", TEXT).json()["output"] == f"v{1 + (generation + 1) % 2} hi"
    assert set(caller.answers) == {"v1 hi", "v2 hi"}, caller.answers
    fleet.wait_for(lambda: len(fleet.replicas("open")) == least, "the end of the old replicas")


def test_a_busy_replica_of_the_old_revision_finishes(fleet: Fleet, tmp_path: Path) -> None:
    first = revision_of(version(tmp_path, "v1"), "first1")
    second = revision_of(version(tmp_path, "v2"), "second2")
    fleet.publish(endpoint("open", first, public=True, scaling=scaling(min_replicas=1)))
    fleet.settled("open")
    answers: list[str] = []

    def call() -> None:
        answers.append(fleet.post("/open/predict", {"text": "slow", "seconds": 3.0}).json()["output"])

    thread = threading.Thread(target=call)
    thread.start()
    fleet.wait_for(lambda: fleet.of("open")["in_flight"], "a call that runs")
    fleet.publish(endpoint("open", first, second, public=True, generation=2, scaling=scaling(min_replicas=1)))
    fleet.settled("open", 2)
    assert fleet.post("/open/predict", TEXT).json()["output"] == "v2 hi"
    assert not answers
    thread.join(20)
    assert answers == ["v1 slow"]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("at import", "raise RuntimeError('no weights')\n", "model.py:2"),
        ("at its death", "import os\nos._exit(7)\n", "exited with status 7"),
    ],
)
def test_a_revision_that_cannot_start_leaves_the_old_one(
    fleet: Fleet, tmp_path: Path, name: str, text: str, said: str
) -> None:
    first = revision_of(version(tmp_path, "v1"), "first1")
    folder = version(tmp_path, "v2")
    broken = revision_of(folder, "broken")
    (folder / "model.py").write_text("\n" + text + ECHO["model.py"])
    fleet.publish(endpoint("open", first, public=True, scaling=scaling(min_replicas=1)))
    fleet.settled("open")
    fleet.publish(endpoint("open", first, broken, public=True, generation=2, scaling=scaling(min_replicas=1)))
    found = fleet.settled("open", 2)
    assert found["rollout"]["state"] == "failed"
    assert said in found["rollout"]["text"]
    assert fleet.post("/open/predict", TEXT).json()["output"] == "v1 hi"
    fleet.wait_for(lambda: len(fleet.replicas("open")) == 1, "the end of the broken revision")

    fleet.publish(endpoint("new", broken, public=True, scaling=scaling()))
    answer = fleet.post("/new/predict", TEXT)
    assert answer.status == 503
    assert "cannot be started" in answer.json()["detail"]
    assert "retry-after" in answer.headers


def test_traffic_is_split_by_share_and_given_back_when_the_new_revision_fails(fleet: Fleet, tmp_path: Path) -> None:
    first = revision_of(version(tmp_path, "v1"), "first1")
    folder = version(tmp_path, "v2")
    second = revision_of(folder, "second2")
    (folder / "model.py").write_text("def predict(text: str, seconds: float = 0.0) -> str:\n    raise OSError('no')\n")
    both = (Share(revision="first1", percent=70), Share(revision="second2", percent=30))
    size = scaling(min_replicas=1)
    fleet.publish(endpoint("open", first, public=True, scaling=size))
    fleet.settled("open")
    split = endpoint("open", first, second, public=True, generation=2, scaling=size, traffic=both, abort_error_rate=0.5)
    fleet.publish(split)
    fleet.settled("open", 2)
    with Caller(fleet) as caller:
        fleet.wait_for(lambda: fleet.of("open")["rollout"]["state"] == "failed", "the end of the split")
    codes = {said[:3] for said in caller.answers}
    assert codes == {"v1 ", "500"}, caller.answers
    assert "answers of second2 were errors" in fleet.of("open")["rollout"]["text"]
    fleet.wait_for(lambda: len(fleet.of("open")["revisions"]) == 1, "the end of the new revision")
    assert {fleet.post("/open/predict", TEXT).status for _ in range(20)} == {200}


def test_another_environment_takes_new_replicas_and_another_size_does_not(fleet: Fleet, project: Path) -> None:
    revision = revision_of(project, "first1")
    fleet.publish(endpoint("open", revision, public=True, scaling=scaling(min_replicas=1), env={"MODE": "a"}))
    fleet.settled("open")
    before = fleet.replicas("open")[0]["pid"]
    fleet.publish(
        endpoint("open", revision, public=True, scaling=scaling(min_replicas=2), env={"MODE": "a"}, generation=2)
    )
    fleet.wait_for(lambda: len(fleet.replicas("open")) == 2, "a second replica")
    assert before in [each["pid"] for each in fleet.replicas("open")]
    fleet.publish(
        endpoint("open", revision, public=True, scaling=scaling(min_replicas=1), env={"MODE": "b"}, generation=3)
    )
    fleet.settled("open", 3)
    assert fleet.post("/open/predict", {"text": "env MODE"}).json()["output"] == "b"
    begun = time.time()
    fleet.wait_for(lambda: before not in [each["pid"] for each in fleet.replicas("open")], "the end of the old ones")
    assert time.time() - begun < 30


@pytest.mark.parametrize("lost", [{"environment": "0" * 64}, {"python": "/no/such/python"}], ids=["packages", "python"])
def test_a_revision_whose_python_is_gone_fails_at_once_and_changes_nothing(
    fleet: Fleet, tmp_path: Path, lost: dict[str, str]
) -> None:
    first = revision_of(version(tmp_path, "v1"), "first1")
    second = msgspec.structs.replace(revision_of(version(tmp_path, "v2"), "second2"), **lost)
    fleet.publish(endpoint("open", first, public=True))
    fleet.settled("open")
    fleet.publish(endpoint("open", first, second, public=True, generation=2))
    failed = fleet.wait_for(lambda: (found := fleet.of("open")["rollout"])["state"] == "failed" and found, "its end")
    assert "The Python of this revision" in failed["text"]
    assert "installs them again" in failed["text"]
    assert fleet.post("/open/predict", TEXT).json()["output"] == "v1 hi"
    fleet.publish(endpoint("alone", second, public=True))
    refused = fleet.post("/alone/predict", TEXT)
    assert (refused.status, refused.json()["code"]) == (503, "unavailable")
    assert "The Python of this revision" in refused.json()["detail"]
