"""After a replica's start an actor waits on its node for the next one, which then needs no new process of Ray's."""

from __future__ import annotations

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support.targets_rig import wait_for

from tests.behaviour.ray.conftest import node_of
from tests.behaviour.ray.test_replicas_live_on_a_ray_cluster import parent, the_agent

pytestmark = [pytest.mark.timeout(400), pytest.mark.xdist_group("ray")]

TICKS = os.sysconf("SC_CLK_TCK")


def spares(cluster) -> set[str]:
    return {name for name in cluster.actors if name.startswith("hotplate-spare-")}


def age_s(pid: int) -> float:
    started = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]) / TICKS
    return time.clock_gettime(time.CLOCK_BOOTTIME) - started


def test_it_is_used_and_holds_what_the_replica_asks_for(numbers, ray_cluster, tmp_path):
    made, where = numbers.target.installation, ray_cluster.nodes[0]
    pinned = ("--set", f"limits.ray_placement=node:{where}", "--max-replicas", "1", "--scaledown-secs", "1")

    def call(number: int, until: str = "") -> None:
        given = {"number": number, "seconds": 0.0, "until": until}
        assert made.call(f"/{numbers.name}/infer", given, made.admin)[0] == 200

    def asleep() -> bool:
        return not numbers.target.endpoint(numbers.name)["replicas"]

    before = ray_cluster.used
    numbers.deploy(*pinned)
    call(1)
    wait_for(lambda: spares(ray_cluster), "an actor that waits")
    wait_for(asleep, "no replica")
    wait_for(lambda: ray_cluster.used == before, "no CPU to be taken")
    asked = time.monotonic()
    with ThreadPoolExecutor() as pool:
        gate = tmp_path / "seen"
        called = pool.submit(call, 2, str(gate))
        worker = wait_for(lambda: numbers.began().get(2), "the call")[-1]
        assert age_s(parent(parent(worker))) > time.monotonic() - asked, "its actor was not there before the call"
        assert node_of(wait_for(numbers.places, "its place").popitem()[1]) == where[:8]
        assert ray_cluster.used == before + 1, "the replica has the CPU that it asked for"
        os.kill(the_agent(numbers.target), signal.SIGKILL)  # the next one finds the replica by its actor's name
        gate.touch()
        called.result()
    wait_for(lambda: not Path(f"/proc/{worker}").exists(), "its end, as one without calls")
    wait_for(lambda: ray_cluster.used == before, "its CPU to be free")
    call(3)
