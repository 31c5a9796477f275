"""*up*: hello through `hotplate up`, with a token in each call, beside the same service through `hotplate run`.

Both have one worker and one core, and are measured one after the other in the same round.
"""

from __future__ import annotations

from bench.cores import pinned
from bench.peers.nginx.peer import PROMPT
from bench.records import Settings
from bench.servers import Server, started, wait_ready
from bench.workloads.base import CPU, ERRORS, P50, P99, RATE, Measured, Variant, Workload
from bench.workloads.hello import greet

RUN = "hotplate run"


def _up(server: Server, settings: Settings) -> Measured:
    return greet(server, server.peer.calls["up"], settings)


def _run(settings: Settings) -> Measured:
    from bench.peers.hotplate.peer import PEER

    call = PEER.calls["hello"]
    with pinned({settings.server_core}), started(PEER, "hello", {settings.server_core}) as server:
        wait_ready(server, call, PROMPT, PROMPT)
        return greet(server, call, settings)


WORKLOAD = Workload(
    name="up",
    title="up: hello through `hotplate up` with a token, one replica, one core for the server",
    task="up",
    metrics=(RATE, P50, P99, CPU, ERRORS),
    variants=(Variant(name="", call="up", value=PROMPT, expected=PROMPT, measure=_up),),
    references=(RUN,),
    extra={RUN: _run},
)
