"""A real Ray cluster on this machine, all on loopback: `python ray_cluster.py FOLDER NODES` runs it, told by lines.

Run by an interpreter that has Ray. NODES is JSON: for each node its resources, the head's first. It prints the
cluster's address as JSON when the nodes are there; then a line {"kill": 1} kills a node with kill -9 and answers,
{"add": {…}} adds one, {"drain": 1, "seconds": 5} announces the end of one, as a cloud does that takes it back,
{"head": "kill"} and {"head": "start"} end the cluster's store (GCS) and start it again, and {"ask": "actors"} and
{"ask": "used"} answer which named actors there are and how many CPUs are taken. It ends with its standard input.
"""

import json
import os
import signal
import sys
import time
from pathlib import Path

os.environ.update(
    RAY_TMPDIR=sys.argv[1],
    RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER="0",  # what makes a node's address 127.0.0.1
    RAY_USAGE_STATS_ENABLED="0",
    RAY_raylet_start_wait_time_s="120",
    RAY_health_check_initial_delay_ms="2000",
    RAY_health_check_period_ms="1000",
    RAY_health_check_failure_threshold="3",
)

import ray
from ray.cluster_utils import Cluster
from ray.core.generated import autoscaler_pb2

OUT = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)  # whatever Ray prints is not for the tests
STORE_BYTES = 100_000_000


def main():
    Path(sys.argv[1], "ray").mkdir(exist_ok=True)
    cluster = Cluster()
    made = [add(cluster, each) for each in json.loads(sys.argv[2])]
    say(address=cluster.address, nodes=[node.node_id for node in made])
    for line in sys.stdin:
        told = json.loads(line)
        if "kill" in told:
            node = made[told["kill"]]
            processes = node.all_processes["raylet"]
            for each in processes:
                os.kill(each.process.pid, signal.SIGKILL)
            say(killed=node.node_id)
            cluster.remove_node(node, allow_graceful=False)
        elif "add" in told:
            made.append(add(cluster, told["add"]))
            connect(cluster)
            while made[-1].node_id not in ray._private.state.available_resources_per_node():
                time.sleep(0.02)  # it is there, and the head places nothing on it yet
            say(added=made[-1].node_id)
        elif "drain" in told:
            until_ms = time.time_ns() // 1_000_000 + told["seconds"] * 1000
            why = autoscaler_pb2.DrainNodeReason.Value("DRAIN_NODE_REASON_PREEMPTION")
            client = ray._raylet.GcsClient(address=cluster.address)
            say(accepted=client.drain_node(made[told["drain"]].node_id, why, "it is taken back", until_ms)[0])
        elif "ask" in told:
            connect(cluster)
            if told["ask"] == "actors":
                say(answer=[each["name"] for each in ray.util.list_named_actors(all_namespaces=True)])
            else:
                say(answer=ray.cluster_resources()["CPU"] - ray.available_resources().get("CPU", 0))
        elif told.get("head") == "kill":
            cluster.head_node.kill_gcs_server(check_alive=False)
            say(head="killed")
        elif told.get("head") == "start":
            cluster.head_node.start_gcs_server()
            say(head="started")
    ray.shutdown()
    cluster.shutdown()


def connect(cluster):
    if not ray.is_initialized():
        ray.init(cluster.address, log_to_driver=False, logging_level="ERROR")


def add(cluster, resources):
    head = {"include_dashboard": False} if cluster.head_node is None else {}
    if "client_port" in resources:  # for `ray://` addresses
        head["ray_client_server_port"] = resources["client_port"]
    return cluster.add_node(
        node_ip_address="127.0.0.1",
        num_cpus=resources.get("cpus", 1),
        num_gpus=resources.get("gpus", 0),
        memory=resources.get("memory", 4 << 30),
        resources=resources.get("resources", {}),
        labels=resources.get("labels"),
        object_store_memory=STORE_BYTES,
        **head,
    )


def say(**told):
    print(json.dumps(told), file=OUT, flush=True)


main()
