"""Jobs and trainings of an endpoint whose replicas are elsewhere run there, and nothing of its code runs here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from serving import write_project

from tests.behaviour.jobs import test_trainings_answer_as_deepaas_did as deepaas
from tests.fleet import Fleet, endpoint, revision_of, scaling, serve_fleet, token

CALLER = token("invoke")
TRAIN = "/trainer" + deepaas.TRAIN
PREDICT = "/trainer/v2/models/trainer/predict/"
CODE = """
def place():
    return open(f"/proc/{os.getppid()}/cmdline").read().split(chr(0))

def predict(**kwargs):
    return place()

def train(epochs, rate, name=None):
    from pathlib import Path
    print("epoch 1 of", epochs, flush=True)
    folder = Path(os.environ["HOTPLATE_OUTPUT_PATH"])
    (folder / "weights").write_text("w")
    if name == "die":
        os._exit(3)
    time.sleep(epochs * 0.1)
    return {"parent": place()}
"""
MODEL = {
    **deepaas.MODEL,
    "my_model/api.py": deepaas.MODEL["my_model/api.py"]
    .replace("def predict(**kwargs):\n    return os.getpid()\n", "")
    .partition("def train(")[0]
    + CODE,
}


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    root = tmp_path_factory.mktemp("jobs")
    trainer = revision_of(write_project(root / "trainer", MODEL), "trainer")
    with serve_fleet(root / "home") as running:
        running.publish(endpoint("trainer", trainer, scaling=scaling(), target="loopback"), tokens=[CALLER])
        yield running


def start(fleet: Fleet, words: str) -> str:
    started = fleet.request("POST", f"{TRAIN}?{words}", None, CALLER.headers)
    assert started.status == 200, started.body
    return started.json()["uuid"]


def ended(fleet: Fleet, uuid: str) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        now = fleet.get(f"{TRAIN}{uuid}", CALLER.headers).json()
        return now if now["status"] in ("done", "error") else None

    return fleet.wait_for(look, "its end")


def is_elsewhere(command: list[str]) -> bool:
    return "serve" in command and "--replica" in command


def test_a_job_runs_in_a_replica_elsewhere(fleet: Fleet) -> None:
    kept = fleet.request("POST", PREDICT, None, {**CALLER.headers, "prefer": "respond-async"})
    assert kept.status == 202, kept.body
    place = f"/trainer/jobs/{kept.json()['id']}"
    fleet.wait_for(lambda: fleet.get(place, CALLER.headers).json()["status"] == "completed", "its end")
    told = fleet.get(f"{place}/result", CALLER.headers).json()
    assert is_elsewhere(told["predictions"] if "predictions" in told else told["output"])
    (replica,) = fleet.replicas("trainer")
    assert replica["where"].startswith("process ") and replica["pid"] == 0


def test_a_training_has_a_cell_of_its_own_which_ends_with_it(fleet: Fleet) -> None:
    before = len(fleet.replicas("trainer"))
    uuid = start(fleet, "epochs=1")
    done = ended(fleet, uuid)
    assert is_elsewhere(done["result"]["output"]["parent"])
    assert len(fleet.replicas("trainer")) <= before, "it takes no replica of the pool"

    def logged() -> list[str]:
        lines = fleet.get(f"/trainer/jobs/{uuid}/log", CALLER.headers).json()["lines"]
        return [line["text"] for line in lines]

    fleet.wait_for(lambda: "epoch 1 of 1" in logged(), "its log")
    listed = fleet.get(f"/trainer/jobs/{uuid}/artifacts", CALLER.headers).json()["artifacts"]
    assert [each["path"] for each in listed] == ["weights"]


def test_a_training_elsewhere_is_cancelled_at_once(fleet: Fleet) -> None:
    uuid = start(fleet, "epochs=10000")
    fleet.wait_for(lambda: fleet.get(f"/trainer/jobs/{uuid}/log", CALLER.headers).json()["lines"], "its first line")
    reply = fleet.request("DELETE", f"{TRAIN}{uuid}", None, CALLER.headers)
    assert (reply.status, reply.json()["status"]) == (200, "cancelled")


def test_a_training_whose_process_dies_says_so(fleet: Fleet) -> None:
    done = ended(fleet, start(fleet, "epochs=1&name=die"))
    assert done["status"] == "error", done
