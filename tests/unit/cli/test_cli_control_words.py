"""What the commands over control make of words and files, without a control."""

from __future__ import annotations

import argparse
import time

import pytest

from hotplate.cli import asking
from hotplate.cli.deploy import _percent  # pyright: ignore[reportPrivateUsage]
from hotplate.cli.deploy_settings import from_cortex, from_files, from_inferless
from hotplate.cli.endpoint_flags import add_settings, read_settings
from hotplate.cli.parsing import Parser
from hotplate.cli.volume import _place  # pyright: ignore[reportPrivateUsage]
from hotplate.config.project_file import load_project_file
from hotplate.control.settings import read_settings as api_settings
from hotplate.errors import SettingError


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (19.9, "19s"),
        (60, "1m"),
        (245, "4m5s"),
        (10_920, "3h2m"),
        (176_400, "2d1h"),
        (86_400, "1d"),
        (-5, "0s"),
    ],
)
def test_ages_are_written_as_in_the_seeds(seconds, text):
    assert asking.age(seconds) == text


def test_a_time_before_now_is_written_as_the_api_takes_it():
    from hotplate.control.stamps import parse_stamp

    assert parse_stamp(asking.stamp_before("10m"), "x") == pytest.approx(time.time() - 600, abs=5)
    assert parse_stamp(asking.stamp_before("2026-01-31T12:00:00+00:00"), "x") == parse_stamp(
        "2026-01-31T12:00:00Z", "x"
    )
    with pytest.raises(SettingError):
        asking.stamp_before("a while ago")


def flags(*words, before=None):
    parser = Parser(prog="x")
    add_settings(parser)
    return read_settings(parser.read(words), before)


def test_flags_become_fields_and_what_is_not_given_is_left_as_it_is():
    assert flags() == {}
    assert flags("--max-replicas", "-1", "--concurrency-per-replica", "-1", "--scaledown-secs", "-1") == {}
    found = flags("--min-replicas", "0", "--scaledown-secs", "0", "--hardware", "gpu", "--visibility", "public")
    assert found == {"min_replicas": 0, "scale_to_zero": 0.0, "instance_type": "gpu", "visibility": "public"}
    api_settings(found)


def test_variables_and_secrets_are_added_to_those_that_are_there():
    before = {"env_overrides": {"A": "1"}, "container_secrets": ["X"], "autoscaling": {"policy": "cortex"}}
    found = flags("-e", "B=2=3", "--secrets", "Y,X", "--set", "autoscaling.window_s=10", before=before)
    assert found["env_overrides"] == {"A": "1", "B": "2=3"}
    assert found["container_secrets"] == ["X", "Y"]
    assert found["autoscaling"] == {"policy": "cortex", "window_s": 10}


@pytest.mark.parametrize("words", [("-e", "NOT_SET_ANYWHERE"), ("--set", "x"), ("--set", "=1")])
def test_a_malformed_pair_is_told(words):
    with pytest.raises(SettingError):
        flags(*words)


@pytest.mark.parametrize(("text", "percent"), [(None, 100), ("new=10", 10), ("25", 25), ("new=0.5", 0.5)])
def test_a_share_is_read(text, percent):
    assert _percent(text) == percent


@pytest.mark.parametrize("text", ["new=0", "new=101", "old=10", "new", "new=", "nan"])
def test_what_is_no_share_is_told(text):
    with pytest.raises(SettingError):
        _percent(text)


def test_a_place_in_a_volume_is_told_from_a_path():
    assert _place("weights:a/b") == ("weights", "a/b")
    assert _place("./a:b") is None
    assert _place("file.bin") is None


def test_octoai_yaml_is_taken_as_it_stands(tmp_path):
    (tmp_path / "octoai.yaml").write_text(
        "endpoint_config:\n  name: yolov8\n  display-name: Yolov8\n  hardware: gpu.t4.medium\n  min-replicas: 1\n"
        "  max-replicas: 3\n  scaledown-in-seconds: 30\n  concurrency-per-replica: 2\n  public: true\n"
        "  secrets: [mykey]\n  env_overrides: {key1: value1}\n  registry: {host: docker.io, path: a/b}\n"
    )
    found = from_files(tmp_path, load_project_file(tmp_path), None)
    assert found == {
        "display_name": "Yolov8",
        "instance_type": "gpu.t4.medium",
        "min_replicas": 1,
        "max_replicas": 3,
        "scale_to_zero": 30.0,
        "concurrency_per_replica": 2,
        "visibility": "public",
        "container_secrets": ["mykey"],
        "env_overrides": {"key1": "value1"},
    }
    api_settings(found)


def test_hotplate_yaml_keeps_limits_of_its_own(tmp_path):
    (tmp_path / "hotplate.yaml").write_text("slots: 4\ntimeout: 2m\nqueue_size: auto\nmax_body_size: 1MiB\n")
    found = from_files(tmp_path, load_project_file(tmp_path), None)
    limits = {"slots": 4, "timeout_s": 120.0, "queue_size": None, "max_body_bytes": 1 << 20}
    assert found == {"limits": limits}
    api_settings(found)


CORTEX = """
- name: iris
  kind: RealtimeAPI
  predictor: {type: python, path: p.py, env: {A: "1"}}
  compute: {cpu: 2, mem: 4Gi, gpu: 1}
  autoscaling:
    min_replicas: 2
    max_replicas: 5
    init_replicas: 3
    target_replica_concurrency: 4
    window: 30s
    downscale_stabilization_period: 1m30s
    max_upscale_factor: 2.5
- name: plain
  kind: RealtimeAPI
  predictor: {type: python, path: p.py}
  compute: {cpu: 200m}
"""


def test_cortex_yaml_is_taken_as_it_stands(tmp_path):
    (tmp_path / "cortex.yaml").write_text(CORTEX)
    (tmp_path / "p.py").write_text("")
    found = from_cortex(tmp_path, "iris")
    assert found == {
        "min_replicas": 2,
        "max_replicas": 5,
        "initial_replicas": 3,
        "concurrency_per_replica": 4,
        "autoscaling": {
            "policy": "cortex",
            "window_s": 30.0,
            "downscale_stabilization_period_s": 90.0,
            "max_upscale_factor": 2.5,
        },
        "env_overrides": {"A": "1"},
        "instance_type": f"cpus=2,memory={4 << 30},gpus=1",
    }
    api_settings(found)
    plain = from_cortex(tmp_path, "plain")
    assert (plain["min_replicas"], plain["max_replicas"]) == (1, 100)
    assert "instance_type" not in plain
    api_settings(plain)


@pytest.mark.parametrize("quantity", ["lots", "4GiB", "1e"])
def test_a_quantity_that_is_none_is_told(tmp_path, quantity):
    (tmp_path / "cortex.yaml").write_text(CORTEX.replace("4Gi", quantity))
    (tmp_path / "p.py").write_text("")
    with pytest.raises(SettingError, match="mem"):
        from_cortex(tmp_path, "iris")


def test_inferless_yaml_is_taken_as_it_stands(tmp_path):
    (tmp_path / "inferless.yaml").write_text(
        "version: 1.0.0\nname: m\nconfiguration:\n  gpu_type: T4\n  inference_time: '180'\n  max_replica: '2'\n"
        "  min_replica: '0'\n  scale_down_delay: '600'\nenv:\n  A: '1'\n"
    )
    found = from_inferless(tmp_path)
    assert found["max_replicas"] == 2
    assert found["scale_to_zero"] == 600
    assert found["env_overrides"] == {"A": "1"}
    assert found["limits"] == {"timeout_s": 180}
    api_settings(found)


def test_a_name_is_asked_for_in_either_way():
    def given(name=None, word=None):
        return asking.name_of(argparse.Namespace(name=name, word=word))

    assert given("a") == given(word="a") == given("a", "a") == "a"
    for wrong in ((None, None), ("a", "b")):
        with pytest.raises(SettingError):
            given(*wrong)


def test_variables_of_a_file_are_read_and_nothing_is_run(tmp_path):
    file = tmp_path / ".env"
    file.write_text("# comment\n\nexport A=1\nB = 'two words'\nC=\"x=y\"\nD=$(touch gone)\n")
    found = flags("--env-file", str(file), "-e", "A=2")["env_overrides"]
    assert found == {"A": "2", "B": "two words", "C": "x=y", "D": "$(touch gone)"}
    file.write_text("A=1\nnonsense\n")
    with pytest.raises(SettingError) as caught:
        flags("--env-file", str(file))
    assert str(caught.value.source).endswith(".env:2")
    with pytest.raises(SettingError):
        flags("--env-file", str(tmp_path / "not-there"))
