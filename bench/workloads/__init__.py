"""What is measured, in the order of a round. A new one is a file with a WORKLOAD, and a line here.

Workloads that share a task and are pinned share one start of each server: `memory` comes first of them, because what
a server takes when idle can only be read before anything else was asked of it.
"""

from __future__ import annotations

from bench.workloads.base import Workload
from bench.workloads.batch import WORKLOAD as BATCH
from bench.workloads.cold import WORKLOAD as COLD
from bench.workloads.contained import WORKLOAD as CONTAINED
from bench.workloads.dashboard import WORKLOAD as DASHBOARD
from bench.workloads.hello import DIALECTS, HELLO, HELLO_UNIQUE
from bench.workloads.hop import WORKLOAD as HOP
from bench.workloads.images import IMAGES, START
from bench.workloads.jobs import FLOOD, RUNNING, STARTED, SUBMITS
from bench.workloads.latency import WORKLOAD as LATENCY
from bench.workloads.lease import WORKLOAD as LEASE
from bench.workloads.memory import WORKLOAD as MEMORY
from bench.workloads.payload import WORKLOAD as PAYLOAD
from bench.workloads.ray import RAY, RAY_ZERO
from bench.workloads.remote import WORKLOAD as REMOTE
from bench.workloads.stream import WORKLOAD as STREAM
from bench.workloads.trip import WORKLOAD as TRIP
from bench.workloads.up import WORKLOAD as UP
from bench.workloads.zero import SHARED, ZERO

WORKLOADS: dict[str, Workload] = {
    workload.name: workload
    for workload in (
        MEMORY,
        HELLO,
        HELLO_UNIQUE,
        LATENCY,
        PAYLOAD,
        BATCH,
        STREAM,
        HOP,
        TRIP,
        COLD,
        DIALECTS,
        ZERO,
        SHARED,
        UP,
        DASHBOARD,
        CONTAINED,
        IMAGES,
        START,
        REMOTE,
        SUBMITS,
        RUNNING,
        STARTED,
        FLOOD,
        LEASE,
        RAY,
        RAY_ZERO,
    )
}
