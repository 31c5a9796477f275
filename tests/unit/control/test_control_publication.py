"""What a snapshot is made from."""

from __future__ import annotations

import sys
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
    plane.database.close()


def test_a_home_that_was_moved_serves_from_where_it_is_now(tmp_path: Path) -> None:
    home = Home(tmp_path / "before")
    home.make()
    with_packages = make_revision(home, "b" * 64, environment="e" * 64)
    gone = make_revision(home, "c" * 64, python=str(tmp_path / "a removed environment/bin/python"))
    plane = open_plane(home)
    for name, digest in (("one", make_revision(home, "a" * 64)), ("two", with_packages), ("three", gone)):
        deploy(plane, ITSELF, name, Deploy(revision=digest, settings={}))
    plane.database.close()
    home = Home(home.root.rename(tmp_path / "after"))
    plane = open_plane(home)
    plane.publisher.publish()
    plane.database.close()
    found = {spec.name: spec.revisions[0] for spec in snapshot.read(home.snapshot).endpoints}
    assert {each.root for each in found.values()} == {
        str(home.revisions / digest / "files") for digest in ("a" * 64, "b" * 64, "c" * 64)
    }
    assert found["two"].python == str(home.environments / ("e" * 64) / "bin/python")
    assert found["one"].python == found["three"].python == sys.executable


def test_an_endpoint_whose_files_are_gone_is_there_and_has_no_revision(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.make()
    plane = open_plane(home)
    deploy(plane, ITSELF, "one", Deploy(revision=make_revision(home, "a" * 64), settings={}))
    (home.revisions / ("a" * 64)).rename(tmp_path / "aside")
    plane.publisher.publish()
    (spec,) = snapshot.read(home.snapshot).endpoints
    assert (spec.name, spec.revisions, spec.traffic) == ("one", (), ())
    (tmp_path / "aside").rename(home.revisions / ("a" * 64))
    plane.publisher.publish()
    (spec,) = snapshot.read(home.snapshot).endpoints
    assert [share.revision for share in spec.traffic] == ["a" * 64]
    plane.database.close()
