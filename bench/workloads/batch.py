"""*batch*: a model that takes 5 ms and 0.1 ms more per item, at most 32 items at a time, asked by 64 clients.

The model sleeps, so arithmetic gives the bound: 32 items per 8.2 ms. What is missing to it is the server's.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from bench.cores import pinned
from bench.load import sleeps, wrk
from bench.peers.nginx.peer import PROMPT
from bench.records import Settings
from bench.servers import Server
from bench.windows import measure
from bench.workloads.base import CPU, ERRORS, P50, P99, RATE, Measured, Metric, Variant, Workload

CLIENTS = 64
LARGEST = 32
BOUND = LARGEST / (0.005 + 0.0001 * LARGEST)


def _measure(server: Server, settings: Settings) -> Measured:
    call = server.peer.calls["batch"]

    def drive(seconds: float):
        return wrk.same(server, call, PROMPT, connections=CLIENTS, seconds=seconds, core=settings.client_core)

    drive(settings.warmup_s)
    values, quiet = measure(server, settings, drive)
    return {**values, "share": values["rate"] / BOUND}, quiet


def _sleeps(settings: Settings) -> Measured:
    """The same sleeps with nothing between them."""
    command = [sys.executable, str(Path(sleeps.__file__)), str(LARGEST / BOUND), str(settings.window_s)]
    with pinned({settings.server_core}):
        done = subprocess.run(command, capture_output=True, check=True, timeout=120)
    rate = float(done.stdout) * LARGEST
    return {"rate": rate, "share": rate / BOUND}, True


WORKLOAD = Workload(
    name="batch",
    title=f"batch: 5 ms + 0.1 ms an item, at most 32, 64 clients; bound {BOUND:,.0f} req/s",
    task="batch",
    metrics=(RATE, Metric(name="share", unit="of bound", digits=3, higher_is_better=True), P50, P99, CPU, ERRORS),
    variants=(Variant(name="", call="batch", value=PROMPT, expected=PROMPT, measure=_measure),),
    bound=BOUND,
    extra={"the sleeps alone": _sleeps},
)
