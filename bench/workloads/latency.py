"""*latency*: hello over a single connection, so that nothing ever waits in a queue."""

from __future__ import annotations

from bench.load import wrk
from bench.peers.nginx.peer import PROMPT
from bench.records import Settings
from bench.servers import Server
from bench.windows import measure
from bench.workloads.base import CPU, ERRORS, P99, RATE, Measured, Metric, Variant, Workload


def _measure(server: Server, settings: Settings) -> Measured:
    call = server.peer.calls["hello"]

    def drive(seconds: float):
        return wrk.same(server, call, PROMPT, connections=1, seconds=seconds, core=settings.client_core)

    return measure(server, settings, drive)


WORKLOAD = Workload(
    name="latency",
    title="latency: hello over one connection",
    task="hello",
    metrics=(Metric(name="p50_ms", unit="p50 ms", digits=3), P99, RATE, CPU, ERRORS),
    variants=(Variant(name="", call="hello", value=PROMPT, expected=PROMPT, measure=_measure),),
    references=("nginx", "uvicorn"),
)
