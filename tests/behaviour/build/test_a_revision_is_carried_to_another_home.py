"""What servers that share a database do with revisions: a list of files and a lock there, the same revision here."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path

import msgspec
import pytest

from hotplate.build import store
from hotplate.build.carry import Manifest, manifest_of, restore
from hotplate.build.lock import Lock
from hotplate.deployment.home import Home
from hotplate.errors import PackagesRefused, ProjectError


def reader(root: Path, manifest: Manifest):
    places = {each.digest: root / each.name for each in manifest.files}
    return lambda digest: iter((places[digest].read_bytes(),))


def carried(manifest: Manifest) -> Manifest:
    """As it comes out of a database."""
    return msgspec.json.decode(msgspec.json.encode(manifest), type=Manifest)


def test_it_is_the_same_there_with_an_environment_of_its_own(site, tmp_path):
    site.service(
        "import marker", **{"requirements.txt": "./marker\n", "marker/pyproject.toml": PACKAGE, "marker/marker.py": ""}
    )
    (site.write("run.sh", "#!/bin/sh\n")).chmod(0o700)
    built = site.build()
    manifest = carried(manifest_of(site.home, built.revision.digest))
    there = Home(tmp_path / "there")
    there.make()
    restore(there, manifest, reader(Path(built.revision.root), manifest))
    found = store.find(there, built.revision.digest)
    assert found is not None
    assert found.contract == built.revision.contract
    assert Path(found.root).is_relative_to(there.root)
    assert Path(found.python).is_relative_to(there.root)
    assert site.files(built) == sorted(each.name for each in manifest.files)
    for each in manifest.files:
        path = Path(found.root, each.name)
        assert path.read_bytes() == Path(built.revision.root, each.name).read_bytes()
        assert os.access(path, os.X_OK) == (each.name == "run.sh")
    ran = subprocess.run([found.python, "-c", "import marker, hotplate"], cwd="/", check=False, capture_output=True)
    assert ran.returncode == 0, ran.stderr
    restore(there, manifest, lambda _: pytest.fail("it is there already"))


def test_a_file_that_is_not_what_was_built_makes_no_revision(site, tmp_path):
    site.service()
    built = site.build()
    manifest = manifest_of(site.home, built.revision.digest)
    there = Home(tmp_path / "there")
    there.make()
    with pytest.raises(ProjectError, match="not what was built"):
        restore(there, manifest, lambda _: iter((b"something else",)))
    outside = msgspec.structs.replace(manifest.files[0], name="../outside.py")
    with pytest.raises(ProjectError, match="none of a project"):
        restore(there, msgspec.structs.replace(manifest, files=(outside,)), lambda _: iter((b"",)))
    assert not list(there.revisions.iterdir())
    assert not (there.revisions.parent / "outside.py").exists()


def test_an_environment_of_another_platform_is_refused_with_the_way_to_go(site, tmp_path):
    site.service()
    built = site.build()
    manifest = manifest_of(site.home, built.revision.digest)
    manifest = msgspec.structs.replace(manifest, lock=Lock(parts=()), python=platform.python_version())
    other = msgspec.structs.replace(manifest.revision, environment="0" * 64)
    there = Home(tmp_path / "there")
    there.make()
    with pytest.raises(PackagesRefused, match="another platform") as caught:
        restore(there, msgspec.structs.replace(manifest, revision=other), reader(Path(built.revision.root), manifest))
    assert "hotplate build" in str(caught.value.hint)
    assert not list(there.revisions.glob("*"))


PACKAGE = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[project]
name = "marker"
version = "1.0"
"""
