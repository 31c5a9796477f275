"""What Ray does of its own accord: its head restarts, a node is taken back, its autoscaler adds nodes.

Each has a cluster of its own.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.installation import FREE_PORTS, installation
from support.job_rig import free_port
from support.ray_autoscaling import growing
from support.ray_rig import HEAD, PLAIN, cluster
from support.targets_rig import Target, wait_for

from tests.behaviour.ray.conftest import Numbers, node_of

pytestmark = [pytest.mark.timeout(600), pytest.mark.xdist_group("ray"), pytest.mark.soak]


@contextmanager
def numbers_on(address: str, settings: dict[str, str], folder: Path) -> Iterator[Numbers]:
    with installation() as made:
        made.variables = settings
        made.run("up", "--detach", "--target", "ray", "--address", address, *FREE_PORTS)
        yield Numbers(Target("ray", made, None), "numbers", folder / "project", folder / "journal")


def kinds(numbers: Numbers) -> list[str]:
    return [each["event"]["type"] for each in numbers.target.events(numbers.name)]


def test_the_head_is_killed_and_started_again(tmp_path):
    with cluster((HEAD, PLAIN), kept=True) as rig, numbers_on(rig.address, rig.settings, tmp_path) as numbers:
        numbers.deploy("--min-replicas", "2", "--max-replicas", "2")
        places = numbers.spread(2)
        calls = numbers.calls(10)
        calls.start(120)
        wait_for(lambda: len(calls.outcome) > 20, "answers")
        rig.tell(head="kill")
        time.sleep(10)  # longer than anything of ours waits for an answer of the cluster's
        assert numbers.places() == places
        rig.tell(head="start")
        time.sleep(5)
        assert numbers.places() == places
        numbers.deploy("--min-replicas", "2", "--max-replicas", "2", version=2)
        calls.stop()
        assert set(calls.outcome.values()) == {"ok"}, "a call was lost"
        assert numbers.journal.read_text().split()[-1] == "2"
        assert not {"replica_crashed", "replica_lost", "node_lost"} & set(kinds(numbers))


def test_a_node_is_taken_back(tmp_path):
    with cluster((HEAD, PLAIN)) as rig, numbers_on(rig.address, rig.settings, tmp_path) as numbers:
        numbers.deploy("--min-replicas", "2", "--max-replicas", "2")
        places = numbers.spread(2)
        leaving = rig.nodes[1][:8]
        assert leaving in {node_of(where) for where in places.values()}
        calls = numbers.calls(10)
        calls.start(90)
        wait_for(lambda: len(calls.outcome) > 20, "answers")
        rig.drain(1, seconds=30)
        wait_for(lambda: "node_leaves" in kinds(numbers), "the event")
        wait_for(
            lambda: (now := numbers.places()) and len(now) == 2 and leaving not in {node_of(w) for w in now.values()},
            "another replica on another node",
        )
        rig.kill(1)
        time.sleep(5)
        calls.stop()
        assert set(calls.outcome.values()) == {"ok"}, "a call was lost"
        assert not {"replica_crashed", "replica_lost"} & set(kinds(numbers))


def test_an_address_of_rays_client_reaches_the_cluster(tmp_path):
    port = free_port()
    with (
        cluster(({**HEAD, "client_port": port},)) as rig,
        numbers_on(f"ray://127.0.0.1:{port}", rig.settings, tmp_path) as numbers,
    ):
        numbers.deploy("--min-replicas", "1", "--max-replicas", "1")
        places = numbers.spread(1)
        calls = numbers.calls(10)
        calls.run(5)
        assert set(calls.outcome.values()) == {"ok"}
        rig.run(
            "print([ray.kill(ray.get_actor(a['name'], a['namespace'])) for a in "
            "ray.util.list_named_actors(all_namespaces=True) if 'numbers' in a['name']])"
        )
        wait_for(lambda: (now := numbers.places()) and now.keys() != places.keys(), "another replica")
        assert "replica_lost" in kinds(numbers)


def test_the_autoscaler_brings_a_node_for_a_replica_that_waits(tmp_path):
    with growing({"worker": {"CPU": 2}}) as rig:
        settings = {**rig.settings, "HOTPLATE_RAY_GROWS": "true"}
        with numbers_on(rig.address, settings, tmp_path) as numbers:
            numbers.deploy("--max-replicas", "1")
            assert not numbers.places(), "there is no node for it yet"
            calls = numbers.calls(1)
            calls.start(1)
            calls.join()
            assert set(calls.outcome.values()) == {"ok"}
            assert node_of(numbers.spread(1).popitem()[1]) == "ffffffff", "the fake provider's nodes are called so"
