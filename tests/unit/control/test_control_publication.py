"""What a snapshot is made from."""

from __future__ import annotations

from pathlib import Path

import pytest
from control_rig import make_revision

from hotplate.control.deployments import Deploy, deploy
from hotplate.control.plane import ITSELF, open_plane
from hotplate.deployment import snapshot
from hotplate.deployment.home import VARIABLE, Home


def test_profiles_are_those_of_the_published_home_whatever_home_the_process_was_started_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    home = Home(tmp_path)
    home.make()
    profiles = tmp_path / "hardware.yaml"
    profiles.write_text("big: {cpus: 3}\n")
    plane = open_plane(home)
    given = Deploy(revision=make_revision(home, "a" * 64), settings={"instance_type": "big"})
    deploy(plane, ITSELF, "one", given)
    monkeypatch.setenv(VARIABLE, str(tmp_path / "elsewhere"))
    profiles.write_text("big: {cpus: 5}\n")
    plane.publisher.publish()
    (spec,) = snapshot.read(home.snapshot).endpoints
    assert spec.hardware.cpus == 5
