"""Jobs of an endpoint on the target `docker`: calls run in its replicas, trainings in containers of their own."""

from __future__ import annotations

import json
import os
import re
import signal
import urllib.error
import urllib.request

import pytest
from serving import write_project
from support.targets_rig import wait_for

from hotplate.engine.names import revision_tag

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.parametrize(
        "target", [pytest.param("docker", marks=pytest.mark.xdist_group("engine"))], indirect=True, scope="session"
    ),
]

FILES = {
    "trainer.py": """
import os, time
from hotplate import output_path
from webargs import fields

def get_metadata():
    return {"name": "trainer"}

def get_predict_args():
    return {"number": fields.Int(required=True)}

def predict(number):
    mark = os.path.join(os.environ["HOTPLATE_VOLUME_PATH"], str(number))
    if number > 100 and not os.path.exists(mark):
        open(mark, "w").close()
        time.sleep(60)
    return {"sum": number + 1, "contained": __file__.startswith("/opt/project/")}

def get_train_args():
    return {"seconds": fields.Int(required=True)}

def train(seconds):
    print("training begins", flush=True)
    place = os.path.join(output_path(), "weights")
    again = os.path.exists(place)
    with open(place, "a") as file:
        file.write("x" * 1000)
    if not again:
        time.sleep(seconds)
    return {"contained": __file__.startswith("/opt/project/"), "user": os.getuid(), "again": again}
""",
    "pyproject.toml": """
[project]
name = "trainer"
version = "1"

[project.entry-points."deepaas.v2.model"]
trainer = "trainer"
""",
}
TRAIN = "/trainer/v2/models/trainer/train/"
PREDICT = "/trainer/v2/models/trainer/predict/"
FINAL = ("completed", "failed", "dead", "cancelled")
ALONE = re.compile(r"hotplate-trainer-[0-9a-f]+-1\d{3,}")
"""What a container of a training is called."""


@pytest.fixture(scope="module")
def trainer(target, tmp_path_factory):
    folder = write_project(tmp_path_factory.mktemp("trainer") / "project", FILES)
    target.installation.run("deploy", "-n", "trainer", "--wait", "200", "--max-replicas", "1", folder=folder)
    (revision,) = target.installation.run("revisions", "trainer", "-o", "json").json()
    assert target.engine.docker("images", "--quiet", revision_tag(revision["revision"])), "no call waits for its build"
    assert target.running("trainer") == 0
    return "trainer"


def ask(target, method, path, **headers):
    url = target.installation.supervisor["url"] + path
    headers = {"authorization": f"Bearer {target.installation.admin}", **headers}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, None, headers, method=method), timeout=60) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def start(target, seconds) -> str:
    status, body = ask(target, "POST", f"{TRAIN}?seconds={seconds}")
    assert status == 200, body
    return json.loads(body)["uuid"]


def show(target, job_id):
    return json.loads(ask(target, "GET", f"/trainer/jobs/{job_id}?wait=5")[1])


def ended(target, job_id):
    return wait_for(lambda: (job := show(target, job_id))["status"] in FINAL and job, f"the end of {job_id}")


def again(target, job_id):
    """The job, when it has ended; nothing while there is no server."""
    try:
        return (job := show(target, job_id))["status"] in FINAL and job
    except (OSError, ValueError, KeyError):
        return None


def alone(target) -> list[str]:
    return [name for name in target.containers("trainer") if ALONE.fullmatch(name)]


def at_work(target, uuid) -> str:
    """The container of a training that has begun."""
    wait_for(lambda: b"training begins" in ask(target, "GET", f"/trainer/jobs/{uuid}/log")[1], "its first line")
    (name,) = alone(target)
    return name


def test_a_training_has_a_container_of_its_own_and_what_it_leaves_is_kept(target, trainer):
    uuid = start(target, 1)
    name = at_work(target, uuid)
    host = json.loads(target.engine.docker("inspect", name))[0]["HostConfig"]
    assert (host["ReadonlyRootfs"], host["CapDrop"], host["NetworkMode"]) == (True, ["ALL"], "hotplate-replicas")
    assert target.running("trainer") == 0, "it takes no replica"
    assert ended(target, uuid)["status"] == "completed"
    said = json.loads(ask(target, "GET", f"{TRAIN}{uuid}")[1])["result"]["output"]
    assert said["contained"] and said["user"] != 0
    (kept,) = json.loads(ask(target, "GET", f"/trainer/jobs/{uuid}/artifacts")[1])["artifacts"]
    assert (kept["path"], kept["bytes"]) == ("weights", 1000)
    assert ask(target, "GET", f"/trainer/jobs/{uuid}/artifacts/weights")[1] == b"x" * 1000
    wait_for(lambda: not alone(target), "the container to go")


def test_a_call_runs_in_a_replica_and_a_wrong_input_is_refused_when_it_is_submitted(target, trainer):
    later = {"prefer": "respond-async"}
    status, body = ask(target, "POST", f"{PREDICT}?number=1", **later)
    assert status == 202, body
    job = ended(target, json.loads(body)["id"])
    assert job["status"] == "completed", job
    output = json.loads(ask(target, "GET", job["links"]["result"])[1])
    assert '"contained": true' in json.dumps(output) and not alone(target)
    wait_for(lambda: ask(target, "POST", f"{PREDICT}?number=x", **later)[0] == 422, "a refusal at the submit")


@pytest.mark.soak
def test_a_replica_that_is_killed_costs_its_job_one_attempt(target, trainer):
    status, body = ask(target, "POST", f"{PREDICT}?number=101", prefer="respond-async")
    assert status == 202, body
    uuid = json.loads(body)["id"]
    mark = target.installation.root / "volumes" / "trainer" / "101"
    wait_for(mark.exists, "its begin")
    (name,) = target.containers("trainer")
    target.engine.docker("kill", name)
    job = ended(target, uuid)
    assert (job["status"], job["crashes"]) == ("completed", 1), job
    assert target.containers("trainer") != [name]


@pytest.mark.soak
def test_a_training_whose_container_is_killed_has_failed_and_says_so(target, trainer):
    uuid = start(target, 60)
    target.engine.docker("kill", at_work(target, uuid))
    assert (job := ended(target, uuid))["error"]["code"] == "worker_lost", job
    assert json.loads(ask(target, "GET", f"{TRAIN}{uuid}")[1])["status"] == "error"
    wait_for(lambda: not alone(target), "the container to go")


def test_a_cancel_ends_the_container(target, trainer):
    uuid = start(target, 60)
    at_work(target, uuid)
    status, body = ask(target, "DELETE", f"{TRAIN}{uuid}")
    assert (status, json.loads(body)["status"]) == (200, "cancelled")
    wait_for(lambda: not alone(target), "the container to go")
    early = start(target, 60)
    wait_for(lambda: show(target, early)["status"] == "running", "its start")  # the container may not be there yet
    assert ask(target, "DELETE", f"{TRAIN}{early}")[0] == 200
    wait_for(lambda: not alone(target), "the other container to go")


@pytest.mark.soak
def test_a_training_is_run_again_when_its_server_was_killed_and_finds_what_it_had_written(target, trainer):
    uuid = start(target, 60)
    before = at_work(target, uuid)
    os.kill(target.installation.run("status", "-o", "json").json()["children"]["server"], signal.SIGKILL)
    job = wait_for(lambda: again(target, uuid), "its end")
    assert (job["status"], job["attempt"]) == ("completed", 2), job
    assert json.loads(ask(target, "GET", f"{TRAIN}{uuid}")[1])["result"]["output"]["again"] is True
    assert ask(target, "GET", f"/trainer/jobs/{uuid}/artifacts/weights")[1] == b"x" * 2000
    assert before not in alone(target)
    wait_for(lambda: not alone(target), "the containers to go")
