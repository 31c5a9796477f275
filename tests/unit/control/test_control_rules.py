"""Rules that need no process: shares of traffic, times, what a state says, who may do what, counting wrong tokens."""

from __future__ import annotations

import pytest
from control_rig import make_revision
from hypothesis import given
from hypothesis import strategies as st

from hotplate.control.api.access import Failures
from hotplate.control.api.guard import without_port
from hotplate.control.deployments import Deploy, deploy, settle, split_with
from hotplate.control.endpoints import get_endpoint, read_rollout, update_endpoint
from hotplate.control.plane import ITSELF, Caller, open_plane
from hotplate.control.secrets import SecretCreate, create_secret
from hotplate.control.settings import STARTED_WITH, EndpointSettings, read_settings
from hotplate.control.span import Span, read_span
from hotplate.control.stamps import parse_stamp, stamp
from hotplate.deployment import snapshot
from hotplate.deployment.home import Home
from hotplate.deployment.records import Scaling, Share
from hotplate.deployment.sealed import make_key
from hotplate.errors import InvalidInput
from hotplate.server.variant import variant_key

DIGESTS = [f"{letter}" * 8 for letter in "abcd"]


@given(
    before=st.lists(
        st.tuples(st.sampled_from(DIGESTS), st.floats(0.1, 100)), max_size=4, unique_by=lambda each: each[0]
    ),
    new=st.sampled_from([*DIGESTS, "n" * 8]),
    percent=st.floats(0.1, 100),
)
def test_shares_always_add_up_and_the_new_one_is_last(before, new, percent):
    total = sum(share for _, share in before) or 1
    serving = tuple(Share(revision=digest, percent=share * 100 / total) for digest, share in before)
    try:
        found = split_with(serving, new, percent)
    except InvalidInput:
        assert percent < 100 and not [digest for digest, _ in before if digest != new]
        return
    assert sum(share.percent for share in found) == pytest.approx(100)
    assert found[-1].revision == new
    assert len({share.revision for share in found}) == len(found)
    assert found[-1].percent == pytest.approx(100 if len(found) == 1 else percent)


@given(st.floats(0, 253_402_300_000))
def test_a_time_survives_being_written(at):
    assert parse_stamp(stamp(at), "x") == pytest.approx(at, abs=0.002)


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01", "99999-01-01", "1", "2026-01-01T00:00:00+99:00"])
def test_what_is_no_time_is_told(text):
    with pytest.raises(InvalidInput):
        parse_stamp(text, "begin_time")


def test_a_blank_stands_for_the_plus_that_nobody_escaped():
    assert parse_stamp("2026-01-01T00:00:00 01:00", "x") == parse_stamp("2025-12-31T23:00:00Z", "x")


def test_a_span_knows_a_replica_by_its_number_and_its_id():
    span = read_span({"replica_id": "hello-3"})
    assert span.is_of("hello", 3) and not span.is_of("hello", 33) and not span.is_of("hello", "")
    assert read_span({"replica_id": "3"}).is_of("hello", 3)
    assert Span().is_of("hello", 3)


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (None, None),
        ({}, None),
        ({"generation": 3, "rollout": {"state": "stable"}}, None),
        ({"generation": 4, "rollout": {"state": "rolling"}}, None),
        ({"generation": 4, "rollout": {"state": "stable", "text": ""}}, ("stable", "")),
        ({"generation": 5, "rollout": {"state": "failed", "text": "why"}}, ("failed", "why")),
        ({"generation": 4, "rollout": "failed"}, ("failed", "")),
        ({"generation": None, "rollout": None}, None),
    ],
)
def test_a_state_speaks_of_its_own_generation_alone(state, said):
    assert read_rollout(state, 4) == said


def test_a_split_that_has_failed_is_shown_once_the_endpoint_has_gone_back(tmp_path):
    """What came of it and who serves are told of one moment. A verdict beside the old traffic would be read as: it
    failed, and goes on."""
    home = Home(tmp_path / "home")
    home.make()
    make_key(home.key)
    plane = open_plane(home)
    deploy(plane, ITSELF, "hello", Deploy(revision=make_revision(home, "a" * 12)))
    settle(plane, "hello", snapshot.read(home.snapshot).endpoints[0].generation, "stable", "")
    deploy(plane, ITSELF, "hello", Deploy(revision=make_revision(home, "b" * 12), traffic=40))
    generation = snapshot.read(home.snapshot).endpoints[0].generation
    settle(plane, "hello", generation, "stable", "")
    said = {"hello": {"generation": generation, "rollout": {"state": "failed", "text": "too many errors"}}}

    found = get_endpoint(plane, "hello", said)
    assert (found["rollout"]["state"], len(found["traffic"])) == ("stable", 2)
    settle(plane, "hello", generation, "failed", "too many errors")
    found = get_endpoint(plane, "hello", said)
    assert (found["rollout"]["state"], len(found["traffic"])) == ("failed", 1)
    assert found["rollout"]["text"] == "too many errors"
    plane.database.close()


def test_scopes_cover_each_other_as_the_page_says():
    def may(*scopes):
        return {scope for scope in ("invoke", "read", "deploy", "admin") if Caller("i", "n", scopes).may(scope)}

    assert may("invoke") == {"invoke"}
    assert may("read") == {"read"}
    assert may("deploy") == {"deploy", "read"}
    assert may("admin") == {"invoke", "read", "deploy", "admin"}
    assert may() == set()
    assert Caller("i", "n", ("admin",), ("a",)).reaches("a")
    assert not Caller("i", "n", ("admin",), ("a",)).reaches("b")


def test_wrong_tokens_are_counted_by_address_and_forgotten_in_time():
    failures = Failures(limit=2, window_s=60)
    assert [failures.count("a", now) for now in (0, 1, 2)] == [None, None, 58]
    assert failures.count("b", 2) is None
    assert failures.count("a", 60) is None


@pytest.mark.parametrize(
    ("host", "name"), [("a:1", "a"), ("A", "a"), ("[::1]:80", "[::1]"), ("[::1]", "[::1]"), ("", ""), (":1", "")]
)
def test_a_host_is_known_without_its_port(host, name):
    assert without_port(host) == name


def test_every_field_of_scaling_can_be_set_and_has_the_same_default():
    """A field that the API lacks could never be set; another default would change endpoints at their first update."""
    plain = read_settings({}).scaling()
    assert plain == Scaling()
    every = read_settings(
        {
            "min_replicas": 1,
            "max_replicas": 9,
            "initial_replicas": 2,
            "concurrency_per_replica": 5,
            "scale_to_zero": 1,
            "template": "off",
            "keep_template_s": 2,
            "autoscaling": {
                "policy": "cortex",
                "window_s": 10,
                "downscale_stabilization_period_s": 1,
                "upscale_stabilization_period_s": 2,
                "max_downscale_factor": 0.5,
                "max_upscale_factor": 2,
                "downscale_tolerance": 0.1,
                "upscale_tolerance": 0.2,
            },
        }
    ).scaling()
    assert [name for name in Scaling.__struct_fields__ if getattr(every, name) == getattr(plain, name)] == []


CHANGES = {
    "display_name": "x",
    "description": "x",
    "visibility": "public",
    "min_replicas": 1,
    "max_replicas": 9,
    "initial_replicas": 2,
    "scale_to_zero": 7,
    "concurrency_per_replica": 3,
    "instance_type": "cpus=1",
    "env_overrides": {"A": "1"},
    "container_secrets": ["KEY"],
    "volume": "weights",
    "template": "loaded",
    "keep_template_s": 5,
    "autoscaling": {"policy": "cortex"},
    "limits": {"timeout_s": 9},
    "abort_error_rate": 0.5,
    "target": "loopback",
}


def test_what_is_rolled_out_is_what_takes_other_replicas(tmp_path):
    """Control's list is in step with what the server tells variants apart by."""
    home = Home(tmp_path / "home")
    home.make()
    make_key(home.key)
    plane = open_plane(home)
    create_secret(plane, ITSELF, SecretCreate(key="KEY", value="value"))
    digest = make_revision(home, "a" * 12)
    deploy(plane, ITSELF, "hello", Deploy(revision=digest))
    assert {*CHANGES, "endpoint_state"} == set(EndpointSettings.__struct_fields__)
    for name, value in CHANGES.items():
        before = variant_key(*_served(home))
        settle(plane, "hello", snapshot.read(home.snapshot).endpoints[0].generation, "stable", "")
        found = update_endpoint(plane, ITSELF, "hello", {name: value})
        moved = variant_key(*_served(home)) != before
        assert moved == (name in STARTED_WITH), name
        assert found["rollout"]["state"] == ("rolling" if moved else "stable"), name
    plane.database.close()


def _served(home):
    (spec,) = snapshot.read(home.snapshot).endpoints
    return spec, spec.revisions[0]
