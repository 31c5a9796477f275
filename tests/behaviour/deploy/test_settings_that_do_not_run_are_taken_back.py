"""Settings are rolled out as code is: what does not run with them changes nothing, and whoever changed them is told."""

from __future__ import annotations

import pytest
from control_rig import wait_for
from installation import FREE_PORTS

from hotplate.client import ControlClient

pytestmark = pytest.mark.timeout(600)  # many commands, each a process of its own

MODEL = """
import os
from pathlib import Path
from hotplate import Service


class Model(Service):
    def setup(self) -> None:
        self.weights = Path(os.environ["WEIGHTS"]).read_text()

    def infer(self, word: str) -> str:
        return self.weights + word
"""
HALF = "Here a replica gets whole GPUs"


@pytest.fixture(scope="module")
def folder(site, tmp_path_factory):
    made = tmp_path_factory.mktemp("model")
    weights = made.parent / "weights"
    weights.write_text("w-")
    (made / "service.py").write_text(MODEL)
    site.run("deploy", "--name", "model", *public(weights), *FREE_PORTS, folder=made)
    return made


def public(weights):
    return ("--visibility", "public", "--env", f"WEIGHTS={weights}")


@pytest.fixture(scope="module")
def control(site, folder):
    with ControlClient(site.supervisor["control_url"], token=site.admin) as made:
        yield made


@pytest.fixture(scope="module")
def deploy(control, folder):
    """Deploy the same code under another name, as the command does, and give the endpoint."""
    revision = control.get_endpoint("model")["traffic"][0]["revision"]

    def run(name, weights, **settings):
        given = {"visibility": "public", "env_overrides": {"WEIGHTS": str(folder.parent / weights)}, **settings}
        return control.deploy(name, revision, settings=given, wait_s=100)

    return run


def call(site, name):
    status, body = site.call(f"/{name}/infer", {"word": "x"})
    return body["output"] if status == 200 else status


def test_a_deploy_of_settings_that_do_not_run_fails_and_changes_nothing(site, folder, control):
    before = control.get_endpoint("model")
    words = ("deploy", "--name", "model", "--hardware", "gpus=0.5", "--max-replicas", "7")
    done = site.run(*words, folder=folder, code=1)
    assert HALF in done.err and "goes on serving, with the settings that it had" in done.err
    assert "successfully" not in done.out
    after = control.get_endpoint("model")
    settings = ("instance_type", "max_replicas", "env_overrides", "traffic")
    assert [after[name] for name in settings] == [before[name] for name in settings]
    assert (after["rollout"]["state"], after["rollout"]["kept"]) == ("failed", True)
    assert call(site, "model") == "w-x"


def test_endpoint_update_waits_and_tells_what_the_author_raised(site, folder, control):
    done = site.run("endpoint", "update", "model", "--env", "WEIGHTS=/nowhere", code=1)
    assert "FileNotFoundError" in done.err and "goes on serving" in done.err
    assert call(site, "model") == "w-x"
    events = control.get_events("model", max_lines=100)
    assert "deploy_failed" in [each["event"]["type"] for each in events]
    # What needs no other replicas is no rollout, and the next good one mends the word.
    assert control.update_endpoint("model", max_replicas=4)["rollout"]["state"] == "failed"
    weights = str(folder.parent / "weights")
    control.update_endpoint("model", env_overrides={"WEIGHTS": weights, "MODE": "fast"})
    wait_for(lambda: control.get_endpoint("model")["rollout"]["state"] == "stable", "the change", 60)


def test_after_a_first_deploy_that_was_refused_the_next_good_one_serves(site, control, deploy):
    found = deploy("second", "weights", instance_type="gpus=0.5")
    assert (found["status"], found["rollout"]["kept"]) == ("failed", False) and HALF in found["rollout"]["text"]
    # The same code with settings that can be had: asleep, since no call has come.
    assert deploy("second", "weights", instance_type="cpu")["status"] == "idle"


def test_what_failed_at_first_is_tried_anew_when_it_is_deployed_again(site, folder, control, deploy):
    found = deploy("third", "later", min_replicas=1)
    assert found["status"] == "failed" and "FileNotFoundError" in found["rollout"]["text"]
    (folder.parent / "later").write_text("late-")
    found = deploy("third", "later", min_replicas=1)
    assert (found["status"], found["rollout"]["state"]) == ("running", "stable")
    assert call(site, "third") == "late-x"


def test_what_runs_after_all_is_not_called_failed(folder, control, deploy):
    assert deploy("fourth", "last", min_replicas=1)["status"] == "failed"
    (folder.parent / "last").write_text("after-all-")
    wait_for(lambda: control.get_endpoint("fourth")["rollout"]["state"] == "stable", "a replica that runs", 60)
    assert control.get_endpoint("fourth")["status"] == "running"


def test_a_secret_that_does_not_load_is_told_by_every_view_of_the_endpoint(site, folder, control, deploy):
    weights = str(folder.parent / "weights")
    control.create_secret("WEIGHTS", weights)
    deploy("fifth", "unused", min_replicas=1, env_overrides={}, container_secrets=["WEIGHTS"])
    control.update_secret("WEIGHTS", "/no/such-weights")
    wait_for(lambda: control.get_endpoint("fifth")["rollout"]["state"] == "failed", "the failed change", 60)
    rollout = control.get_endpoint("fifth")["rollout"]
    assert "FileNotFoundError" in rollout["text"] and rollout["kept"] and "such-weights" not in rollout["text"]
    assert "FileNotFoundError" in site.run("endpoint", "get", "fifth").out
    assert call(site, "fifth") == "w-x"
    control.update_secret("WEIGHTS", weights)
    wait_for(lambda: control.get_endpoint("fifth")["rollout"]["state"] == "stable", "the good value", 60)
