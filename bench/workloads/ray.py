"""*ray*: hello through a replica in a Ray actor, beside Ray Serve's own proxy, and beside a worker of this machine.

*ray-zero*: a call to an endpoint without replicas, on a node of Ray's that is up, beside Ray Serve, and beside itself
without actors that wait for the next replica (`ray_spares`). Their cost is in the memory while it sleeps.
"""

from __future__ import annotations

import os
import time

from bench import procfs
from bench.peers.nginx.peer import PROMPT
from bench.records import BenchError, Settings
from bench.servers import Server, ask, started, wait_ready
from bench.workloads.base import CPU, ERRORS, P50, P99, RATE, Measured, Metric, Variant, Workload
from bench.workloads.hello import greet
from bench.workloads.zero import wait_asleep

LOCAL = "target local"
NO_SPARES = "ray_spares 0"
SETTLE_S = 3.0
"""Until what has ended is gone, and what waits for the next call is there."""
WAKES = {"hotplate": 10}
"""How often an endpoint is woken in a round."""
FEW = 3


def _hello(server: Server, settings: Settings) -> Measured:
    return greet(server, server.peer.calls["ray"], settings)


def _local(settings: Settings) -> Measured:
    from bench.peers.hotplate.peer import PEER

    with started(PEER, "up", os.sched_getaffinity(0)) as server:
        wait_ready(server, PEER.calls["up"], PROMPT, PROMPT)
        return greet(server, PEER.calls["up"], settings)


def _wake(server: Server, settings: Settings) -> Measured:
    call = server.peer.calls["ray-zero"]
    took: list[float] = []
    for _ in range(WAKES.get(server.peer.name, FEW)):
        wait_asleep(server, "asleep")
        begun = time.perf_counter()
        if ask(server.port, call, PROMPT, timeout_s=60.0) != PROMPT:
            raise BenchError("the endpoint that slept gave a wrong answer")
        took.append((time.perf_counter() - begun) * 1e3)
    took.sort()
    wait_asleep(server, "asleep")
    time.sleep(SETTLE_S)
    asleep_mb = procfs.pss_mb(server.tree())
    return {"p50_ms": took[len(took) // 2], "best_ms": took[0], "worst_ms": took[-1], "asleep_mb": asleep_mb}, True


def _no_spares(settings: Settings) -> Measured:
    from bench.peers.hotplate.peer import PEER

    with started(PEER, "ray-no-spares", os.sched_getaffinity(0)) as server:
        wait_ready(server, PEER.calls["ray-zero"], PROMPT, PROMPT)
        return _wake(server, settings)


RAY = Workload(
    name="ray",
    title="ray: hello through a replica in a Ray actor, unpinned",
    task="ray",
    metrics=(RATE, P50, P99, CPU, ERRORS),
    variants=(Variant(name="", call="ray", value=PROMPT, expected=PROMPT, measure=_hello),),
    references=("rayserve", LOCAL),
    pinned=False,
    extra={LOCAL: _local},
)

RAY_ZERO = Workload(
    name="ray-zero",
    title="ray-zero: a call to an endpoint without replicas, on a Ray that is up, unpinned",
    task="ray",
    metrics=(
        Metric(name="p50_ms", unit="p50 ms", digits=1),
        Metric(name="best_ms", unit="best ms", digits=1),
        Metric(name="worst_ms", unit="worst ms", digits=1),
        Metric(name="asleep_mb", unit="PSS MB asleep, Ray's with it"),
    ),
    variants=(Variant(name="", call="ray-zero", value=PROMPT, expected=PROMPT, measure=_wake),),
    references=("rayserve",),
    pinned=False,
    extra={NO_SPARES: _no_spares},
)
