"""Endpoints, tokens and secrets survive a kill at any moment, and the snapshot is what the database says."""

from __future__ import annotations

import signal
import threading

import pytest
from control_rig import make_revision, running_control, server_socket, short_home, wait_for

from hotplate.deployment.records import Snapshot


def test_everything_is_there_after_a_kill_and_published_again():
    with short_home() as home, server_socket(home) as server:
        with running_control(home) as control:
            make_revision(home, "a" * 12)
            control.good("POST", "/secrets", {"key": "KEY", "value": "v4lue"})
            settings = {"container_secrets": ["KEY"], "visibility": "public", "instance_type": "cpu.small"}
            control.good("POST", "/endpoints/one/deploy", {"revision": "a" * 12, "settings": settings, "wait_s": 60})
            token = control.token("invoke", endpoints=["one"], rate_per_s=5, concurrency=2, expires_in_s=3600)
            before = control.snapshot()
            control.stop(signal.SIGKILL)
        home.snapshot.unlink()
        with running_control(home) as control:
            after = control.snapshot()
            assert (after.endpoints, after.tokens) == (before.endpoints, before.tokens)
            assert after.number > before.number
            (spec,) = after.endpoints
            assert spec.public and set(spec.secrets) == {"KEY"} and spec.hardware.cpus == 1
            (kept,) = [each for each in after.tokens if each.id == token.split("_")[1]]
            assert (kept.scopes, kept.endpoints, kept.rate_per_s, kept.concurrency) == (("invoke",), ("one",), 5, 2)
            assert server.reloads > 0


def test_to_start_again_publishes_nothing_new():
    with short_home() as home:
        with running_control(home) as control:
            before = home.snapshot.read_bytes()
            assert control.stop() == 0
        with running_control(home) as control:
            assert home.snapshot.read_bytes() == before


@pytest.mark.parametrize("damage", [b"", b"{", b'{"format": 99, "number": 1}'])
def test_a_damaged_snapshot_is_written_anew(damage):
    with short_home() as home:
        home.snapshot.write_bytes(damage)
        with running_control(home) as control:
            assert len(control.snapshot().tokens) == 1


def test_the_number_grows_with_each_change(control, name):
    numbers = [control.snapshot().number]
    for change in ({"min_replicas": 1}, {"min_replicas": 1}, {"min_replicas": 2}):
        if len(numbers) == 1:
            make_revision(control.home, "d" * 12)
            control.good("POST", f"/endpoints/{name}/deploy", {"revision": "d" * 12, "wait_s": 60})
            numbers.append(control.snapshot().number)
        control.good("PATCH", f"/endpoints/{name}", change)
        numbers.append(control.snapshot().number)
    assert numbers[0] < numbers[1] < numbers[2] == numbers[3] < numbers[4]


def test_changes_at_the_same_time_are_all_published(control, name):
    failed: list[object] = []

    def work(number: int) -> None:
        try:
            for turn in range(5):
                control.good("POST", "/tokens", {"name": f"{name}-{number}-{turn}"})
        except AssertionError as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    snapshot: Snapshot = control.snapshot()
    mine = [each["id"] for each in control.good("GET", "/tokens") if each["name"].startswith(name)]
    assert len(mine) == 20
    assert set(mine) <= {each.id for each in snapshot.tokens}


def test_two_that_change_one_endpoint_at_once_do_not_mix(control, name):
    control.good("POST", "/endpoints", {"name": name})
    statuses: list[int] = []

    def work(number: int) -> None:
        change = {"description": str(number), "display_name": str(number)}
        statuses.append(control.ask("PATCH", f"/endpoints/{name}", change).status)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = control.good("GET", f"/endpoints/{name}")
    assert set(statuses) <= {200, 409} and found["description"] == found["display_name"]


def test_null_takes_a_field_back_to_its_default(control, name):
    control.good("POST", "/endpoints", {"name": name, "min_replicas": 2, "autoscaling": {"window_s": 10}})
    found = control.good("PATCH", f"/endpoints/{name}", {"autoscaling": {"policy": "cortex"}})
    assert (found["autoscaling"]["window_s"], found["autoscaling"]["policy"]) == (10, "cortex")
    found = control.good("PATCH", f"/endpoints/{name}", {"min_replicas": None, "autoscaling": None})
    assert (found["min_replicas"], found["autoscaling"]["window_s"]) == (0, 60)


@pytest.mark.parametrize(
    "wrong",
    [
        {"min_replicas": 4},
        {"max_replicas": 0},
        {"initial_replicas": 9},
        {"container_secrets": ["NOT_THERE"]},
        {"container_secrets": ["A B"]},
        {"instance_type": "gpu.t4.mediun"},
        {"volume": "../x"},
        {"limits": {"port": 1}},
        {"limits": {"slots": 1.5}},
        {"limits": {"timeout_s": 0}},
        {"env_overrides": {"A=B": "1"}},
        {"env_overrides": {"A": "\0"}},
        {"autoscaling": {"max_upscale_factor": 1}},
        {"template": "sometimes"},
        {"abort_error_rate": 2},
        {"display_name": "a\x1b[31m"},
    ],
    ids=str,
)
def test_a_wrong_setting_is_told_and_changes_nothing(control, name, wrong):
    control.good("POST", "/endpoints", {"name": name})
    before = control.good("GET", f"/endpoints/{name}")
    reply = control.ask("PATCH", f"/endpoints/{name}", wrong)
    assert reply.status == 422 and len(reply.json()["detail"]) > 10
    assert control.good("GET", f"/endpoints/{name}") == before


def test_what_is_there_already_or_not_there_is_told(control, name):
    control.good("POST", "/endpoints", {"name": name})
    assert control.ask("POST", "/endpoints", {"name": name}).json()["code"] == "conflict"
    for method, path in (("GET", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "/pause"), ("POST", "/rollback")):
        body = {} if method in ("PATCH", "POST") else None
        assert control.ask(method, f"/endpoints/not-there{path}", body).status == 404
    for wrong in ("A", "-a", "a_b", "ui", "a" * 64, "", "ä"):
        assert control.ask("POST", "/endpoints", {"name": wrong}).status == 422


def test_a_volume_that_is_named_is_made_and_kept_as_long_as_it_is_named(control, name):
    control.good("POST", "/endpoints", {"name": name, "volume": name})
    assert (control.home.volumes / name).is_dir()
    assert control.ask("DELETE", f"/volumes/{name}").status == 409
    control.good("DELETE", f"/endpoints/{name}")
    control.good("DELETE", f"/volumes/{name}")
    assert not (control.home.volumes / name).exists()


def test_a_profile_that_is_gone_goes_on_meaning_what_it_meant():
    with short_home() as home, server_socket(home):
        (home.root / "hardware.yaml").write_text("big: {cpus: 3}\n")
        with running_control(home) as control:
            make_revision(home, "a" * 12)
            given = {"revision": "a" * 12, "settings": {"instance_type": "big"}, "wait_s": 60}
            control.good("POST", "/endpoints/one/deploy", given)
            (home.root / "hardware.yaml").write_text("big: {cpus: [\n")
            assert control.ask("PATCH", "/endpoints/one", {"min_replicas": 1}).status == 422
            control.good("POST", "/tokens", {"name": "another change"})
            (spec,) = control.snapshot().endpoints
            assert spec.hardware.cpus == 3
            assert "hardware_unknown" in {each["event"]["type"] for each in control.good("GET", "/events/one")}


def test_a_change_that_could_not_be_published_is_published_later():
    with short_home() as home, running_control(home) as control:
        home.snapshot.unlink()
        home.snapshot.mkdir()  # in the way, as a full disk is
        assert control.ask("POST", "/tokens", {"name": "kept"}).status >= 500
        home.snapshot.rmdir()
        wait_for(lambda: home.snapshot.is_file() and len(control.snapshot().tokens) == 2, "the publication")
        assert len(control.good("GET", "/tokens")) == 2


def test_an_endpoint_made_again_is_newer_than_the_one_before_it(control, name):
    control.good("POST", "/endpoints", {"name": name})
    control.good("PATCH", f"/endpoints/{name}", {"min_replicas": 1})
    before = control.good("GET", f"/endpoints/{name}")["generation"]
    control.good("DELETE", f"/endpoints/{name}")
    assert control.good("POST", "/endpoints", {"name": name})["generation"] > before
