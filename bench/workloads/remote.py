"""*remote*: hello through a replica that is reached by HTTP, beside the same endpoint with a worker of this machine.

Both are `hotplate up` with a token in each call and one replica; they are measured one after the other in the same
round. The replica's own server is on the same core as the server that calls it, so that the figure is the cost of
both; on a machine of its own it would take none of that core.
"""

from __future__ import annotations

from bench.cores import pinned
from bench.peers.nginx.peer import PROMPT
from bench.records import Settings
from bench.servers import Server, started, wait_ready
from bench.workloads.base import CPU, ERRORS, P50, P99, RATE, Measured, Variant, Workload
from bench.workloads.hello import greet

LOCAL = "target local"


def _remote(server: Server, settings: Settings) -> Measured:
    return greet(server, server.peer.calls["up"], settings)


def _local(settings: Settings) -> Measured:
    from bench.peers.hotplate.peer import PEER

    call = PEER.calls["up"]
    with pinned({settings.server_core}), started(PEER, "up", {settings.server_core}) as server:
        wait_ready(server, call, PROMPT, PROMPT)
        return greet(server, call, settings)


WORKLOAD = Workload(
    name="remote",
    title="remote: hello through a replica that is reached by HTTP, all on one core",
    task="remote",
    metrics=(RATE, P50, P99, CPU, ERRORS),
    variants=(Variant(name="", call="up", value=PROMPT, expected=PROMPT, measure=_remote),),
    references=(LOCAL,),
    extra={LOCAL: _local},
)
