"""What a container of a replica is allowed, as the engine is told."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hotplate.engine import replica
from hotplate.engine.engine import Engine
from hotplate.engine.replica import Cell, words
from hotplate.errors import EngineRefused

CELL = Cell(
    name="hotplate-x-1",
    image="hotplate/revision:abc",
    python="/opt/project/env/bin/python",
    home="/var/lib/hotplate",
    endpoint="x",
    folder="/dev/shm/f",
    volume="/v",
    volume_at="/opt/project/volume",
    writable="/opt/project/home",
    shared=("/dev/shm/s",),
)


def after(found: list[str], flag: str) -> list[str]:
    return [value for name, value in zip(found, found[1:], strict=False) if name == flag]


def test_it_has_no_rights_whatever_is_asked_for():
    for cell in (
        CELL,
        replace(CELL, user="1000:1000", network="bridge", gpus=("GPU-1",), cpus=2, memory_bytes=1 << 30),
    ):
        found = words(cell)
        assert "--read-only" in found
        assert after(found, "--cap-drop") == ["ALL"]
        assert after(found, "--security-opt") == ["no-new-privileges"]
        assert "--privileged" not in found
        assert "--cap-add" not in found
        assert not after(found, "--publish")
        mounts = after(found, "--mount")
        writable = [mount for mount in mounts if "readonly" not in mount]
        assert writable == [
            "type=volume,destination=/opt/project/home",
            "type=bind,source=/v,destination=/opt/project/volume",
        ]


def test_limits_and_gpus_are_the_engines():
    found = words(replace(CELL, cpus=1.5, memory_bytes=1 << 30, gpus=("GPU-1", "GPU-2")))
    assert after(found, "--cpus") == ["1.5"]
    assert after(found, "--memory") == after(found, "--memory-swap") == [str(1 << 30)]
    assert after(found, "--gpus") == ['"device=GPU-1,GPU-2"']
    assert not after(words(CELL), "--memory")


def test_its_program_comes_after_its_image():
    found = words(replace(CELL, port=8080))
    assert found[found.index("hotplate/revision:abc") :] == [
        *("hotplate/revision:abc", "-P", "-m", "hotplate.worker.contained", "/run/hotplate", "8080"),
    ]


@pytest.fixture
def engine(tmp_path):
    path = tmp_path / "docker"
    path.write_text(
        f'#!/bin/sh\necho "$@" >> {tmp_path}/said\n[ "$1" = run ] && {{ echo "no room" >&2; exit 1; }}\nexit 0\n'
    )
    path.chmod(0o755)
    return Engine(kind="docker", program=str(path), version="1")


def test_a_start_that_fails_leaves_nothing(engine, tmp_path):
    with pytest.raises(EngineRefused, match="no room"):
        replica.start(engine, CELL)
    assert (tmp_path / "said").read_text().splitlines()[-1] == "rm --force --volumes hotplate-x-1"
