"""What users of an endpoint see is the same wherever its replicas run: one suite, for every target."""

from __future__ import annotations

import json
import threading
import urllib.request

import pytest
from support.targets_rig import wait_for

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="session")
def main(target, tmp_path_factory):
    """An endpoint that most tests use, with a secret and a variable."""
    target.installation.run("secret", "create", "--key", "KEY", given="canary-4711\n")
    folder = tmp_path_factory.mktemp("main")
    target.deploy(folder, "main", "--secrets", "KEY", "--env", "MODE=fast", "--set", "limits.max_body_bytes=100000000")
    return "main"


def test_a_call_wakes_it_and_is_answered(target, main):
    assert target.output(main, "mark") == "one"
    assert target.running(main) == 1
    assert "Setting up." in target.logged(main)


def test_it_finds_its_variables_secrets_and_volume(target, main):
    assert target.output(main, "environ", "MODE") == "fast"
    assert target.output(main, "environ", "KEY") == "canary-4711"
    assert target.output(main, "environ", "HOTPLATE_CONTROL_URL") == ""
    target.output(main, "write", "it is kept")
    target.call(main, "kill")
    assert target.output(main, "read") == "it is kept"


def test_what_it_prints_is_logged_line_by_line_without_secrets(target, main):
    target.output(main, "say", "a line of main and canary-4711")
    wait_for(lambda: "a line of main and" in target.logged(main), "the line")
    assert "canary-4711" not in target.logged(main)


def test_large_bodies_arrive_by_shared_memory_and_by_files(target, main):
    assert target.output(main, "length", "x" * 3_000_000) == "3000000"
    assert target.output(main, "length", "x" * 70_000_000) == "70000000"


def test_streams_are_passed_on(target, main):
    url = target.installation.supervisor["url"] + f"/{main}/count"
    headers = {"authorization": f"Bearer {target.installation.admin}", "content-type": "application/json"}
    request = urllib.request.Request(url, json.dumps({"n": 500}).encode(), headers)
    with urllib.request.urlopen(request, timeout=60) as answer:
        assert b"499" in answer.read()


def test_an_exception_fails_its_call_alone(target, main):
    before = target.output(main, "pid")
    assert target.call(main, "raise", "no good")[0] == 500
    assert target.output(main, "pid") == before


@pytest.mark.parametrize("how", ["kill", "exit"])
def test_a_replica_that_dies_fails_its_call_and_is_replaced(target, main, how):
    status, body = target.call(main, how)
    assert (status, body["code"]) == (502, "worker_lost")
    assert target.output(main, "mark") == "one"


def test_a_deadline_holds(target, tmp_path):
    target.deploy(tmp_path / "slow", "slow", "--set", "limits.timeout_s=2", "--min-replicas", "1")
    wait_for(lambda: target.call("slow", "mark")[0] == 200, "an answer")
    assert target.call("slow", "sleep", "30")[0] == 504


def test_it_scales_with_its_calls_and_back_to_nothing(target, tmp_path):
    target.deploy(tmp_path / "scaled", "scaled", "--max-replicas", "2", "--scaledown-secs", "2")
    threads = [threading.Thread(target=target.call, args=("scaled", "sleep", "6")) for _ in range(4)]
    for thread in threads:
        thread.start()
    wait_for(lambda: target.running("scaled") == 2, "two replicas")
    for thread in threads:
        thread.join()
    wait_for(lambda: not target.endpoint("scaled")["replicas"], "no replica")
    if target.engine is not None:
        wait_for(lambda: not target.containers("scaled"), "no container")
    assert target.output("scaled", "mark") == "one"


def test_a_new_revision_takes_over_and_gives_way_again(target, tmp_path):
    target.deploy(tmp_path / "moved", "moved", "--min-replicas", "1")
    assert target.output("moved", "mark") == "one"
    target.deploy(tmp_path / "moved", "moved", "--min-replicas", "1", mark="two")
    assert target.output("moved", "mark") == "two"
    target.installation.run("rollback", "moved", "--wait", "100")
    assert target.output("moved", "mark") == "one"
    target.installation.run("endpoint", "delete", "--name", "moved", "--force")
    if target.engine is not None:
        wait_for(lambda: not target.containers("moved"), "no container")


def test_a_revision_that_does_not_start_says_why_and_changes_nothing(target, tmp_path):
    target.deploy(tmp_path / "safe", "safe", "--min-replicas", "1")
    done = target.deploy(tmp_path / "safe", "safe", "--min-replicas", "1", "--env", "BROKEN=1", mark="two", code=1)
    assert "the weights are broken" in done.err + done.out
    assert target.output("safe", "mark") == "one"


def test_it_reaches_its_siblings(target, main, tmp_path):
    target.deploy(tmp_path / "caller", "caller")
    assert target.output("caller", "sibling", main) == "one"
