"""*jobs-lease*: taking the next job from a store that keeps a million finished ones, beside one that keeps none.

The store alone, in this process: `load/leases.py` runs it on the server's core. A lease is one transaction, from its
begin to the end of its statements; the flush, which costs the same in both, is told apart.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

from bench import environments
from bench.load import child
from bench.records import BenchError, Settings
from bench.servers import Server
from bench.workloads.base import Measured, Metric, Variant, Workload

FINISHED = 1_000_000
FULL, EMPTY = "a million finished", "none finished"


def _leases(rows: int) -> Callable[[Settings], Measured]:
    def measured(settings: Settings) -> Measured:
        argv = [sys.executable, "-m", "bench.load.leases", str(environments.CACHE / "jobs"), str(rows)]
        return child.figures(argv, settings.server_core, "the store"), True

    return measured


def nobody(server: Server, settings: Settings) -> Measured:
    """What a workload of stand-ins alone measures of servers."""
    raise BenchError("no server is asked for this")


WORKLOAD = Workload(
    name="jobs-lease",
    title="jobs-lease: taking one of 100 waiting jobs from the SQLite store",
    task="jobs-lease",
    metrics=(
        Metric(name="lease_us", unit="µs", digits=0),
        Metric(name="best_us", unit="best µs", digits=0),
        Metric(name="committed_us", unit="with its flush µs", digits=0),
    ),
    variants=(Variant(name="", call="jobs-lease", value=None, expected=None, measure=nobody),),
    references=(EMPTY,),
    extra={EMPTY: _leases(0), FULL: _leases(FINISHED)},
)
