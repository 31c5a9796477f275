"""Images on an engine go with their revisions, and no others."""

from __future__ import annotations

import pytest

from hotplate.deployment.home import Home
from hotplate.engine.names import revision_tag
from hotplate.images import kept_images

OLD, NEW, USED = "a" * 64, "b" * 64, "c" * 64


@pytest.fixture
def home(tmp_path):
    home = Home(tmp_path / "home")
    home.make()
    for digest in (OLD, NEW, USED):
        kept_images.note(home, digest)
    (home.revisions / NEW).mkdir()
    return home


@pytest.fixture
def docker(tmp_path, monkeypatch):
    """An engine that refuses to remove what a container is made of."""
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    path = tmp_path / "docker"
    path.write_text(
        f'#!/bin/sh\necho "$@" >> {tmp_path}/said\n'
        f'case "$1 $2 $3" in "image rm {revision_tag(USED)}") echo "conflict: in use" >&2; exit 1;; esac\necho 27\n'
    )
    path.chmod(0o755)
    return path


def test_what_has_no_revision_goes_and_is_forgotten(home, docker, tmp_path):
    assert kept_images.drop_unneeded(home) == [revision_tag(OLD)]
    removed = [line for line in (tmp_path / "said").read_text().splitlines() if line.startswith("image rm")]
    assert removed == [f"image rm {revision_tag(OLD)}", f"image rm {revision_tag(USED)}"]
    left = {path.name for path in (home.images / kept_images.FOLDER).iterdir()}
    assert left == {NEW, USED}, "what is in use is looked at again the next time"


def test_without_an_engine_nothing_is_forgotten(home, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert kept_images.drop_unneeded(home) == []
    assert len(list((home.images / kept_images.FOLDER).iterdir())) == 3


def test_an_engine_is_not_even_looked_for_where_nothing_is_to_go(home, docker, tmp_path):
    for digest in (OLD, USED):
        (home.revisions / digest).mkdir()
    assert kept_images.drop_unneeded(home) == []
    assert not (tmp_path / "said").exists()
