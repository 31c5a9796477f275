"""A deploy is over when the server says so. One that fails leaves what served before, also after restarts."""

from __future__ import annotations

import pytest
from control_rig import make_revision, running_control, server_socket, short_home, wait_for

ONE, TWO, THREE = "1" * 12, "2" * 12, "3" * 12


@pytest.fixture(scope="module")
def revisions(home):
    return [make_revision(home, digest) for digest in (ONE, TWO, THREE)]


def deploy(control, name, digest, **more):
    return control.good("POST", f"/endpoints/{name}/deploy", {"revision": digest, "wait_s": 60, **more})


def traffic(found):
    return {share["revision"]: round(share["percent"], 3) for share in found["traffic"]}


def published(control, name):
    (spec,) = [spec for spec in control.snapshot().endpoints if spec.name == name]
    return {share.revision: round(share.percent, 3) for share in spec.traffic}


def revisions_of(control, name):
    (spec,) = [spec for spec in control.snapshot().endpoints if spec.name == name]
    return {revision.digest for revision in spec.revisions}


def test_a_good_deploy_is_stable_and_shown(control, revisions, name):
    found = deploy(control, name, ONE, settings={"max_replicas": 5, "env_overrides": {"A": "1"}})
    assert found["rollout"] == {"state": "stable", "text": "", "kept": False}
    assert traffic(found) == {ONE: 100.0}
    assert found["max_replicas"] == 5
    assert found["replicas"][0]["replica_id"] == f"{name}-1"
    assert found["replicas"][0]["status"] == "running"
    (spec,) = [spec for spec in control.snapshot().endpoints if spec.name == name]
    assert (spec.scaling.max_replicas, dict(spec.env)) == (5, {"A": "1"})


def test_a_deploy_that_fails_leaves_the_revision_before_it(control, server, revisions, name):
    deploy(control, name, ONE)
    server.rollouts[name] = ("failed", "setup() failed: no weights")
    found = deploy(control, name, TWO)
    assert found["rollout"] == {"state": "failed", "text": "setup() failed: no weights", "kept": True}
    assert traffic(found) == published(control, name) == {ONE: 100.0}
    assert [each["state"] for each in control.good("GET", f"/endpoints/{name}/deployments")] == ["failed", "stable"]
    assert "deploy_failed" in {each["event"]["type"] for each in control.good("GET", f"/events/{name}")}
    server.rollouts[name] = ("stable", "")
    assert deploy(control, name, TWO)["rollout"]["state"] == "stable"
    assert published(control, name) == {TWO: 100.0}


def test_a_first_deploy_that_fails_says_so_and_the_next_one_mends_it(control, server, revisions, name):
    server.rollouts[name] = ("failed", "cannot start")
    found = deploy(control, name, ONE)
    assert (found["rollout"]["state"], found["rollout"]["kept"]) == ("failed", False)
    server.rollouts[name] = ("stable", "")
    assert deploy(control, name, ONE)["rollout"] == {"state": "stable", "text": "", "kept": False}


def test_after_a_first_deploy_that_failed_another_one_has_nothing_to_go_back_to(control, server, revisions, name):
    server.rollouts[name] = ("failed", "cannot start")
    deploy(control, name, ONE)
    found = deploy(control, name, TWO)
    assert (traffic(found), found["rollout"]["kept"]) == ({TWO: 100.0}, False)
    server.rollouts[name] = ("stable", "")  # a node has come: the replica runs
    wait_for(lambda: control.good("GET", f"/endpoints/{name}")["rollout"]["state"] == "stable", "the recovery")
    server.rollouts[name] = ("failed", "no")
    found = deploy(control, name, THREE)
    assert (traffic(found), found["rollout"]["kept"]) == ({TWO: 100.0}, True)


def test_settings_that_do_not_run_are_taken_back_with_all_that_was_changed_beside_them(
    control, server, revisions, name
):
    deploy(control, name, ONE, settings={"env_overrides": {"A": "1"}})
    server.rollouts[name] = ("failed", "no such GPU")
    change = {"env_overrides": {"A": "2"}, "max_replicas": 9}
    assert control.good("PATCH", f"/endpoints/{name}", change)["rollout"]["state"] == "rolling"
    wait_for(lambda: control.good("GET", f"/endpoints/{name}")["rollout"]["state"] == "failed", "the failure")
    found = control.good("GET", f"/endpoints/{name}")
    assert (found["env_overrides"], found["max_replicas"], found["rollout"]["kept"]) == ({"A": "1"}, 3, True)

    def served():
        (spec,) = [spec for spec in control.snapshot().endpoints if spec.name == name]
        return dict(spec.env), spec.generation

    wait_for(lambda: served() == ({"A": "1"}, found["generation"]), "the snapshot")
    # With a new revision, both go back; a setting that needs no other replicas is none of the server's business.
    found = deploy(control, name, TWO, settings=change)
    assert (traffic(found), found["env_overrides"], found["max_replicas"]) == ({ONE: 100.0}, {"A": "1"}, 3)
    assert control.good("PATCH", f"/endpoints/{name}", {"max_replicas": 4})["rollout"]["state"] == "failed"
    server.rollouts[name] = ("stable", "")
    control.good("PATCH", f"/endpoints/{name}", change)
    wait_for(lambda: control.good("GET", f"/endpoints/{name}")["rollout"]["state"] == "stable", "the change")
    assert control.good("GET", f"/endpoints/{name}")["env_overrides"] == {"A": "2"}


def test_settings_go_back_to_the_last_that_ran_however_often_they_are_changed(control, server, revisions, name):
    deploy(control, name, ONE, settings={"env_overrides": {"A": "1"}})
    server.rollouts[name] = ("rolling", "")
    for value in ("2", "3"):
        control.good("PATCH", f"/endpoints/{name}", {"env_overrides": {"A": value}})
    server.rollouts[name] = ("failed", "no")
    wait_for(lambda: control.good("GET", f"/endpoints/{name}")["rollout"]["state"] == "failed", "the failure")
    assert control.good("GET", f"/endpoints/{name}")["env_overrides"] == {"A": "1"}


def test_both_revisions_are_published_while_one_takes_over(control, server, revisions, name):
    deploy(control, name, ONE)
    server.rollouts[name] = ("rolling", "")
    control.good("POST", f"/endpoints/{name}/deploy", {"revision": TWO})
    assert revisions_of(control, name) == {ONE, TWO}
    assert published(control, name) == {TWO: 100.0}
    server.rollouts[name] = ("stable", "")
    wait_for(lambda: len(revisions_of(control, name)) == 1, "the old revision's leaving")


def test_a_rollout_goes_on_when_control_was_away(name):
    with short_home() as home, server_socket(home) as server:
        make_revision(home, ONE)
        make_revision(home, TWO)
        with running_control(home) as control:
            deploy(control, name, ONE)
            server.rollouts[name] = ("rolling", "")
            control.good("POST", f"/endpoints/{name}/deploy", {"revision": TWO})
            control.stop(9)
        server.rollouts[name] = ("failed", "too bad")
        with running_control(home) as control:
            wait_for(lambda: published(control, name) == {ONE: 100.0}, "going back")
            assert control.good("GET", f"/endpoints/{name}")["rollout"]["state"] == "failed"


def test_a_split_is_kept_until_it_is_ended(control, server, revisions, name):
    deploy(control, name, ONE)
    found = deploy(control, name, TWO, traffic=10, settings={"abort_error_rate": 0.2})
    assert traffic(found) == published(control, name) == {ONE: 90.0, TWO: 10.0}
    found = deploy(control, name, THREE, traffic=20)
    assert traffic(found) == {ONE: 72.0, TWO: 8.0, THREE: 20.0}
    server.rollouts[name] = ("failed", "The split was ended")
    wait_for(lambda: published(control, name) == {ONE: 100.0}, "going back")
    assert control.good("GET", f"/endpoints/{name}")["rollout"]["text"] == "The split was ended"


def test_percentages_add_up(control, revisions, name):
    deploy(control, name, ONE)
    deploy(control, name, TWO)
    found = control.good("POST", f"/endpoints/{name}/traffic", {"traffic": {"new": 25, "1": 75}, "wait_s": 60})
    assert [share["revision"] for share in found["traffic"]] == [ONE, TWO]
    for wrong in ({"1": 50, "2": 60}, {"1": 10, "2": 10}):
        assert control.ask("POST", f"/endpoints/{name}/traffic", {"traffic": wrong}).status == 422
    assert control.ask("POST", f"/endpoints/{name}/traffic", {"traffic": {"9": 100}}).status == 404


def test_rolling_back_finds_what_served_before(control, server, revisions, name):
    deploy(control, name, ONE)
    assert control.ask("POST", f"/endpoints/{name}/rollback").status == 422
    deploy(control, name, TWO)
    server.rollouts[name] = ("failed", "no")
    deploy(control, name, THREE)
    server.rollouts[name] = ("stable", "")
    back = control.good("POST", f"/endpoints/{name}/rollback", {"wait_s": 60})
    assert traffic(back) == {ONE: 100.0}
    again = control.good("POST", f"/endpoints/{name}/rollback", {"revision": "2", "wait_s": 60})
    assert traffic(again) == {TWO: 100.0}
    listed = control.good("GET", f"/endpoints/{name}/revisions")
    assert [(each["number"], each["percent"]) for each in listed] == [(3, 0.0), (2, 100.0), (1, 0.0)]


def test_what_was_not_built_here_cannot_be_deployed(control, home, name):
    for digest in ("9" * 12, "../../../etc", "a" * 5, "A" * 12):
        reply = control.ask("POST", f"/endpoints/{name}/deploy", {"revision": digest})
        assert reply.status in (404, 422)
    assert control.ask("GET", f"/endpoints/{name}").status == 404


def test_an_endpoint_whose_files_are_gone_does_not_keep_the_others_from_being_served(name):
    with short_home() as home, server_socket(home):
        with running_control(home) as control:
            make_revision(home, ONE)
            make_revision(home, TWO)
            deploy(control, name, ONE)
            control.good("POST", "/endpoints/other/deploy", {"revision": TWO, "wait_s": 60})
        (home.revisions / ONE / "revision.json").unlink()
        home.snapshot.unlink()
        with running_control(home) as control:
            assert {spec.name for spec in control.snapshot().endpoints} == {"other", name}, "it is not unknown"
            assert {spec.name for spec in control.snapshot().endpoints if spec.traffic} == {"other"}
            assert "revision_missing" in {each["event"]["type"] for each in control.good("GET", f"/events/{name}")}


def test_a_deploy_is_confirmed_while_the_server_is_away(name):
    with short_home() as home, running_control(home) as control:
        make_revision(home, ONE)
        found = control.good("POST", f"/endpoints/{name}/deploy", {"revision": ONE})
        assert found["rollout"]["state"] == "rolling"
        assert published(control, name) == {ONE: 100.0}
        with server_socket(home):
            wait_for(lambda: control.good("GET", f"/endpoints/{name}")["rollout"]["state"] == "stable", "the rollout")
