"""*zero*: a call to an endpoint without replicas, from its first byte to its answer, by the way replicas are started.

Beside it stand Ray Serve, which has one way to start a replica, and BentoML, whose server is started for the call.

*shared*: the memory of eight replicas that a template has loaded for, by that of one replica alone.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from bench import live, procfs
from bench.peers.nginx.peer import PROMPT
from bench.records import BenchError, Settings
from bench.servers import Server, ask, started, wait_ready
from bench.workloads.base import Measured, Metric, Variant, Workload

STARTS = {"hello-off": 10, "hello-imports": 30, "slow-loaded": 20, "heavy-loaded": 20}
"""How often each endpoint is woken in a round."""
REPLICAS = 8


FEW = 3
"""How often a peer is woken: it takes seconds."""
STARTED_FOR_IT = {"bentoml": {"hello-off": "hello", "slow-loaded": "slow"}}
"""Peers that cannot go down to nothing and back: a server of this task is started for the call, and ended after it."""
REPLICAS_OF = {
    "hello-off": b"ServeReplica:asleep:",
    "asleep": b"ServeReplica:asleep:",
    "slow-loaded": b"ServeReplica:slow:",
}
"""What a replica of Ray Serve calls itself. A worker that has none yet waits under another name."""


def _none(revision: dict[str, object]) -> bool:
    return not revision["replicas"]


def wait_asleep(server: Server, endpoint: str) -> None:
    """Wait until an endpoint has no replica."""
    if server.peer.name != "rayserve":
        live.wait_until(server, endpoint, "no replica", _none)
        return
    end = time.perf_counter() + live.PATIENCE_S
    while any(REPLICAS_OF[endpoint] in procfs.command(member.pid) for member in server.tree()):
        if time.perf_counter() > end:
            raise BenchError(f"{endpoint} does not scale down")
        time.sleep(live.POLL_S)


def _measure(endpoint: str) -> Callable[[Server, Settings], Measured]:
    def measure(server: Server, settings: Settings) -> Measured:
        call = server.peer.calls[endpoint]
        task = STARTED_FOR_IT.get(server.peer.name, {}).get(endpoint)
        took: list[float] = []
        for _ in range(STARTS[endpoint] if server.peer.name == "hotplate" else FEW):
            if task is not None:
                with started(server.peer, task, os.sched_getaffinity(0)) as fresh:
                    took.append(wait_ready(fresh, call, PROMPT, PROMPT, poll_s=0.002) * 1e3)
                continue
            wait_asleep(server, endpoint)
            begun = time.perf_counter()
            if ask(server.port, call, PROMPT, timeout_s=60.0) != PROMPT:
                raise BenchError(f"{endpoint} gave a wrong answer")
            took.append((time.perf_counter() - begun) * 1e3)
        took.sort()
        return {"p90_ms": took[int(0.9 * len(took))], "p50_ms": took[len(took) // 2], "best_ms": took[0]}, True

    return measure


def _memory(server: Server, settings: Settings) -> Measured:
    def ready(count: int) -> Callable[[dict[str, list[dict[str, object]]]], bool]:
        def found(revision: dict[str, list[dict[str, object]]]) -> bool:
            return [replica["state"] for replica in revision["replicas"]] == ["running"] * count

        return found

    one = live.wait_until(server, "one", "one replica", ready(1))
    eight = live.wait_until(server, "eight", "eight replicas", ready(REPLICAS))
    by_pid = {member.pid: member for member in server.tree()}
    one_mb = procfs.pss_mb(by_pid[replica["pid"]] for replica in one["replicas"])
    pids = [eight["template_pid"], *(replica["pid"] for replica in eight["replicas"])]
    eight_mb = procfs.pss_mb(by_pid[pid] for pid in pids)
    return {"times_one": eight_mb / one_mb, "one_mb": one_mb, "eight_mb": eight_mb}, True


ZERO = Workload(
    name="zero",
    title="zero: a call to an endpoint without replicas, unpinned",
    task="zero",
    metrics=(
        Metric(name="p90_ms", unit="p90 ms", digits=1),
        Metric(name="p50_ms", unit="p50 ms", digits=1),
        Metric(name="best_ms", unit="best ms", digits=1),
    ),
    variants=tuple(
        Variant(name=name, call=name, value=PROMPT, expected=PROMPT, measure=_measure(name)) for name in STARTS
    ),
    pinned=False,
)

SHARED = Workload(
    name="shared",
    title="shared: PSS of 8 replicas of a 500 MB model, template included, by that of one",
    task="shared",
    metrics=(
        Metric(name="times_one", unit="times one", digits=2),
        Metric(name="one_mb", unit="MB of one"),
        Metric(name="eight_mb", unit="MB of eight"),
    ),
    variants=(Variant(name="", call="eight", value=PROMPT, expected=PROMPT, measure=_memory),),
    pinned=False,
)
