"""Built revisions are served from their own environments, within the limits and with the GPUs that they were given."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import fake_nvml
import pytest
from building import Site
from fake_nvml import needs_compiler

from hotplate.deployment.records import Hardware, Revision
from tests.fleet import Fleet, endpoint, scaling, serve_fleet

MIB = 1 << 20
MODEL = """
import os
import six


def take(mib: int) -> str:
    return str(len(bytearray(mib << 20)))


def env(name: str) -> str:
    return os.environ.get(name, "unset")


def place() -> str:
    return f"{six.__version__} {os.getcwd()} {len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else 1}"
"""


@pytest.fixture
def revision(fleet: Fleet, tmp_path: Path) -> Revision:
    return revision_in(fleet, tmp_path)


def revision_in(fleet: Fleet, tmp_path: Path) -> Revision:
    (tmp_path / "site").mkdir()
    site = Site(tmp_path / "site")
    site.write("model.py", MODEL)
    site.write("hotplate.yaml", "functions: [model.py:take, model.py:env, model.py:place]\n")
    site.write("requirements.txt", "six==1.16.0\n")
    return site.build(home=fleet.home).revision


def call(fleet: Fleet, path: str, **inputs: object) -> tuple[int, str]:
    answer = fleet.post(path, inputs)
    return answer.status, answer.json().get("output", "")


@pytest.mark.parametrize("template", ["off", "imports"])
def test_limits_hold_and_the_environment_is_its_own(fleet: Fleet, revision: Revision, template: str) -> None:
    hardware = Hardware(profile="small", cpus=1, memory_bytes=256 * MIB)
    fleet.publish(endpoint("one", revision, public=True, hardware=hardware, scaling=scaling(template=template)))
    assert call(fleet, "/one/place") == (200, f"1.16.0 {revision.root} 1")
    assert call(fleet, "/one/env", name="OMP_NUM_THREADS") == (200, "1")
    assert call(fleet, "/one/env", name="CUDA_VISIBLE_DEVICES") == (200, "")
    assert call(fleet, "/one/take", mib=10)[0] == 200
    if sys.platform == "linux":
        pid = fleet.replicas("one")[0]["pid"]
        assert call(fleet, "/one/take", mib=600)[0] in (500, 502)  # refused by a resource limit, or killed by a group
        assert call(fleet, "/one/take", mib=10)[0] == 200
        assert template == "imports" or "Max data size" in Path(f"/proc/{pid}/limits").read_text()


@pytest.fixture
def with_gpus(tmp_path: Path) -> Iterator[Fleet]:
    library = fake_nvml.build(tmp_path)
    with serve_fleet(tmp_path / "home", {"LD_LIBRARY_PATH": str(library.parent)}) as running:
        yield running


@needs_compiler
def test_each_replica_has_a_gpu_of_its_own_and_more_than_there_are_is_a_failed_rollout(
    with_gpus: Fleet, tmp_path: Path
) -> None:
    fleet = with_gpus
    made = revision_in(fleet, tmp_path)
    two = scaling(min_replicas=2, max_replicas=2)
    fleet.publish(endpoint("gpus", made, public=True, hardware=Hardware(profile="gpu", gpus=1), scaling=two))
    fleet.wait_for(lambda: fleet.settled("gpus")["rollout"]["state"] == "stable", "the rollout")
    fleet.wait_for(lambda: [each["state"] for each in fleet.replicas("gpus")] == ["running"] * 2, "two replicas")
    seen = {Path(f"/proc/{each['pid']}/environ").read_bytes() for each in fleet.replicas("gpus")}
    named = sorted(re.findall(rb"CUDA_VISIBLE_DEVICES=(GPU-\d)", b"".join(seen)))
    assert named == [b"GPU-0", b"GPU-1"]

    fleet.publish(endpoint("more", made, public=True, hardware=Hardware(profile="gpu.8", gpus=8), scaling=two))
    found = fleet.settled("more")["rollout"]
    assert found["state"] == "failed"
    assert "needs 8 GPUs, and this machine has 3" in found["text"]


def test_an_author_may_name_threads_and_no_gpu_is_taken_for_want_of_one(fleet: Fleet, revision: Revision) -> None:
    settings = {"public": True, "scaling": scaling(template="off"), "env": {"OMP_NUM_THREADS": "3"}}
    hardware = Hardware(profile="gpu.t4.medium", cpus=1, gpus=1)
    fleet.publish(endpoint("two", revision, hardware=hardware, **settings))
    assert call(fleet, "/two/env", name="OMP_NUM_THREADS") == (200, "3")
    assert call(fleet, "/two/env", name="CUDA_VISIBLE_DEVICES")[0] == 200
    assert "This machine has no GPU" in fleet.log()
