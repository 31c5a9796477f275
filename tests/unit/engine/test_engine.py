"""Finding an engine and reading what it says, with programs that speak as the real ones do."""

from __future__ import annotations

import pytest

from hotplate.engine.container import Wish, start
from hotplate.engine.engine import Engine, find_engine
from hotplate.errors import EngineRefused, EngineUnavailable


@pytest.fixture
def program(tmp_path, monkeypatch):
    """Put a script with a name first on PATH."""
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    def make(name: str, text: str):
        path = tmp_path / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
        return path

    return make


def test_docker_is_taken_first_and_its_builder_told(program):
    program("docker", 'case "$1" in version) echo 27.1;; buildx) echo "unknown command" >&2; exit 1;; esac')
    program("podman", "echo 5.0")
    assert find_engine().builder == "docker 27.1, classic builder"
    assert find_engine().environment()["DOCKER_BUILDKIT"] == "0"
    assert find_engine("podman").builder == "podman 5.0"
    program("docker", 'case "$1" in version) echo 27.1;; *) echo buildx;; esac')
    assert find_engine().builder == "docker 27.1, buildx"


def test_an_engine_that_does_not_answer_gives_way_and_is_named_at_the_end(program):
    program("docker", 'echo "Cannot connect to the Docker daemon at unix:///x. Is it running?" >&2; exit 1')
    program("podman", "echo 5.0")
    assert find_engine().kind == "podman"
    with pytest.raises(EngineUnavailable, match="Cannot connect to the Docker daemon"):
        find_engine("docker")


def test_no_engine_at_all(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EngineUnavailable, match="there is no command docker; there is no command podman"):
        find_engine()


def test_an_engine_without_gpus_says_what_is_missing(program):
    path = program("docker", 'echo "could not select device driver \\"\\" with capabilities: [[gpu]]" >&2; exit 125')
    with pytest.raises(EngineRefused, match="container toolkit"):
        start(
            Engine(kind="docker", program=str(path), version="1"),
            Wish(image="x:1", name="n", port=1, inside=8080, gpus="all"),
        )


def test_its_words_are_kept(program):
    path = program("docker", 'echo "No such image: x" >&2; exit 1')
    with pytest.raises(EngineRefused, match="docker image: No such image: x"):
        Engine(kind="docker", program=str(path), version="1").ask("image", "inspect", "x")


def test_values_of_variables_are_on_no_command_line(program, tmp_path):
    path = program("docker", f'echo "$@" >> {tmp_path}/said; env > {tmp_path}/env; echo 0.0.0.0:4711')
    engine = Engine(kind="docker", program=str(path), version="1")
    wish = Wish(image="x:1", name="n", port=0, inside=8080, environment={"KEY": "canary"}, gpus='"device=0,1"')
    container = start(engine, wish)
    said = (tmp_path / "said").read_text()
    assert "canary" not in said
    assert "--env KEY" in said
    assert "--publish 127.0.0.1::8080" in said
    assert '--gpus "device=0,1"' in said
    assert container.port == 4711
    start(engine, Wish(image="x:1", name="n", port=0, inside=8080, environment={"KEY": "canary"}, network="host"))
    assert "--publish" not in (tmp_path / "said").read_text().splitlines()[-1]
    assert "KEY=canary" in (tmp_path / "env").read_text()
