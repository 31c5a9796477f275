"""Replicas on a real Ray cluster of three nodes: where they are placed, and what happens when parts are killed."""

from __future__ import annotations

import json
import os
import signal
import time
import urllib.request
from pathlib import Path

import pytest
from support.ray_rig import PLAIN
from support.targets_rig import wait_for

from tests.behaviour.ray.conftest import node_of

JOBS = range(10_000, 10_030)

pytestmark = [pytest.mark.timeout(400), pytest.mark.xdist_group("ray")]


def children(pid: int) -> list[int]:
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def gone(pid: int) -> bool:
    """Whether a process is no more, or waits for its parent alone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def the_agent(target) -> int:
    server = target.installation.run("status", "-o", "json").json()["children"]["server"]
    return next(pid for pid in children(server) if b"agent.py" in Path(f"/proc/{pid}/cmdline").read_bytes())


def test_from_none_to_three_on_three_nodes(numbers, ray_cluster):
    numbers.deploy("--max-replicas", "3")
    assert numbers.places() == {}
    calls = numbers.calls(20, (0.5, 0.5, 0.5))
    calls.start(60)
    try:
        places = numbers.spread(3)
    finally:
        calls.stop()
    assert {node_of(where) for where in places.values()} == {node[:8] for node in ray_cluster.nodes[:3]}
    assert set(calls.outcome.values()) == {"ok"}


def test_gpus_and_what_else_a_node_has_are_asked_for(on_ray, ray_cluster, tmp_path):
    hardware = ("--hardware", "cpus=0.5,gpus=0.5,accelerator=A100,custom.shelf=1", "--min-replicas", "2")
    environment = ("--set", 'limits.ray_runtime_env={"env_vars": {"COLOUR": "red"}}')
    on_ray.deploy(tmp_path / "halves", "halves", *hardware, *environment)
    wait_for(lambda: on_ray.running("halves") == 2, "two replicas")
    places = [each["where"] for each in on_ray.endpoint("halves")["replicas"]]
    assert {node_of(where) for where in places} == {ray_cluster.nodes[1][:8]}
    assert on_ray.output("halves", "environ", "CUDA_VISIBLE_DEVICES") in ("0", "1")
    assert on_ray.output("halves", "environ", "COLOUR") == "red", "ray_runtime_env is the actor's"
    on_ray.deploy(tmp_path / "halves", "halves", "--hardware", "cpus=0.5,gpus=8", mark="two", code=1)  # no node has 8
    text = on_ray.installation.run("endpoint", "get", "--name", "halves").out
    assert "No node of the Ray cluster has 8 GPUs (the most that one has: 2 GPUs)" in text
    assert on_ray.output("halves", "mark") == "one"
    on_ray.installation.run("endpoint", "delete", "--name", "halves", "--force")


def failures(numbers, calls) -> dict[int, int]:
    """The calls that failed, and in which worker each had begun; none failed otherwise than with its worker. Those that
    it had only been sent ahead of its slot began nowhere."""
    failed = {number: text for number, text in calls.outcome.items() if text != "ok"}
    assert all(text.startswith("502") and "worker_lost" in text for text in failed.values()), failed
    began = numbers.began()
    return {number: began[number][-1] for number in failed if number in began}


def test_a_node_is_lost_and_with_it_its_calls_alone(numbers, ray_cluster):
    node = ray_cluster.add(PLAIN)
    for version in (1, 2, 3):  # Ray places elsewhere what it cannot place on a node that is still new to it
        numbers.deploy("--min-replicas", "4", "--max-replicas", "4", version=version)
        places = numbers.spread(4)
        if there := sum(node_of(where) == ray_cluster.nodes[node][:8] for where in places.values()):
            break
    assert there
    calls = numbers.calls(20)
    calls.start(90)
    wait_for(lambda: len(calls.outcome) > 40, "answers")
    ray_cluster.kill(node)
    wait_for(lambda: any(e["event"]["type"] == "node_lost" for e in numbers.target.events(numbers.name)), "the event")
    wait_for(lambda: len(numbers.places()) == 4 and numbers.places().keys() != places.keys(), "four replicas again")
    calls.stop()
    victims = set(failures(numbers, calls).values())
    assert len(victims) <= there
    assert not any(Path(f"/proc/{pid}").exists() for pid in victims)
    kinds = [each["event"]["type"] for each in numbers.target.events(numbers.name)]
    assert "replica_lost" in kinds
    assert "replica_crashed" not in kinds, "nothing of its own has crashed"
    assert numbers.metric("hotplate_replicas_lost_total") == there
    assert numbers.metric("hotplate_worker_restarts_total") == 0


def test_a_replica_and_the_agent_are_killed_and_a_new_revision_takes_over(numbers):
    numbers.deploy("--min-replicas", "2", "--max-replicas", "2")
    numbers.spread(2)
    calls = numbers.calls(20)
    calls.start(90)
    wait_for(lambda: len(numbers.began()) > 20, "calls")
    worker = next(iter(numbers.began().values()))[0]
    os.kill(parent(worker), signal.SIGKILL)  # hotplate serve; its worker ends with it
    os.kill(the_agent(numbers.target), signal.SIGKILL)
    wait_for(lambda: not Path(f"/proc/{worker}").exists(), "its end")
    numbers.spread(2)
    before = len(calls.outcome)
    numbers.deploy("--min-replicas", "2", "--max-replicas", "2", version=2)
    calls.stop()
    failed = failures(numbers, calls)
    assert set(failed.values()) <= {worker}
    kinds = [each["event"]["type"] for each in numbers.target.events(numbers.name)]
    assert "replica_crashed" in kinds, "its process ended on a node that is there"
    assert "replica_lost" not in kinds
    assert all(number <= before for number in failed), "the new revision cost a call"
    assert numbers.journal.read_text().split()[-1] == "2"


def test_with_the_server_go_the_calls_under_way_and_no_job(numbers, ray_cluster):
    numbers.deploy("--min-replicas", "2", "--max-replicas", "2")
    numbers.spread(2)
    calls = numbers.calls(10)
    calls.start(90)
    made = numbers.target.installation
    jobs = []
    for number in JOBS:
        request = urllib.request.Request(
            f"{made.supervisor['url']}/{numbers.name}/infer",
            json.dumps({"number": number, "seconds": 0.3}).encode(),
            {"authorization": f"Bearer {made.admin}", "content-type": "application/json", "prefer": "respond-async"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            assert answer.status == 202
            jobs.append(json.loads(answer.read())["id"])
    wait_for(lambda: set(numbers.began()) & set(JOBS), "a job under way")
    workers = {pid for pids in numbers.began().values() for pid in pids}
    server = made.run("status", "-o", "json").json()["children"]["server"]
    killed = time.monotonic()
    os.kill(server, signal.SIGKILL)
    wait_for(lambda: gone(server), "the server's end")
    ended_by = time.monotonic()
    wait_for(lambda: set(numbers.began()) >= set(JOBS), "every job to begin")

    def ended() -> bool:
        states = [job(made, numbers.name, each) for each in jobs]
        assert not {"failed", "cancelled", "dead"} & set(states)
        return set(states) == {"completed"}

    wait_for(ended, "every job to end")
    calls.stop()
    failed = {number: text for number, text in calls.outcome.items() if text != "ok"}
    assert all(text.startswith("cut") for text in failed.values()), failed
    assert all(calls.spans[number][0] < ended_by and killed < calls.spans[number][1] for number in failed), failed
    numbers.spread(2)
    assert not any(Path(f"/proc/{pid}").exists() for pid in workers), "a replica of the server before is left"
    left = [each for each in ray_cluster.actors if f"hotplate-{numbers.name}-" in each]
    assert len(left) <= 2, left


def job(made, name: str, number: str) -> str:
    request = urllib.request.Request(
        f"{made.supervisor['url']}/{name}/jobs/{number}", headers={"authorization": f"Bearer {made.admin}"}
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read())["status"]
    except OSError:
        return "unknown"  # the server is being started anew
