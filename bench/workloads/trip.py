"""*trip*: 10 MB that one process has, to a function in another one and back with a short answer.

The bytes lie where the server receives bodies, in the memory that it shares with its worker: what is measured is the
hand-over alone, one call after the other, by the server's own link and a real worker, and beside it by two
multiprocessing queues. The two processes have a core each. `load/trips.py` runs both.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

from bench.load import child
from bench.records import Settings
from bench.workloads.base import Measured, Metric, Variant, Workload
from bench.workloads.lease import nobody

SIZE = 10_000_000
WIRE, QUEUE = "Hotplate's wire", "multiprocessing.Queue"


def _trips(way: str, repeats: int) -> Callable[[Settings], Measured]:
    def measured(settings: Settings) -> Measured:
        argv = [sys.executable, "-m", "bench.load.trips", way, str(SIZE), str(repeats), str(settings.client_core)]
        return child.figures(argv, settings.server_core, "the trips"), True

    return measured


WORKLOAD = Workload(
    name="trip",
    title="trip: 10 MB in hand, to a function in another process and back",
    task="trip",
    metrics=(
        Metric(name="trip_us", unit="µs", digits=0),
        Metric(name="best_us", unit="best µs", digits=0),
        Metric(name="there_us", unit="to the function µs", digits=0),
    ),
    variants=(Variant(name="", call="trip", value=None, expected=None, measure=nobody),),
    references=(QUEUE,),
    extra={QUEUE: _trips("queue", 20), WIRE: _trips("wire", 200)},
)
