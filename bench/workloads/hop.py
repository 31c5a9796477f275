"""*hop*: how long 10 MB take from the server that has them to the user's function in another process.

For a server: from the whole body in its hands to the function, by its own clock where it tells (Hotplate does in
every answer, and counts the encoding of the answer too), and beside that from the last byte on the client's side
(`load/last_byte.py`). Against it the same bytes through a multiprocessing.Queue, from `put` to the child that has
them, on the same core (`load/queue_hop.py`), and the least that waking another Python costs (`load/doorbell.py`).
Bare uvicorn has no second process: its figure is the cost of the last byte alone, with the body joined in memory.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from pathlib import Path

from bench.cores import pinned
from bench.load import last_byte
from bench.records import Settings
from bench.servers import Server
from bench.workloads.base import Measured, Metric, Variant, Workload

SIZE = 10_000_000
BODY = bytes(SIZE)
REPEATS = 10
_QUEUE = Path(last_byte.__file__).with_name("queue_hop.py")
_DOORBELL = Path(last_byte.__file__).with_name("doorbell.py")


class _Entered:
    """Equal to `[monotonic nanoseconds, length]` with the right length."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, list) and len(other) == 2 and other[1] == SIZE

    __hash__ = None


def _measure(server: Server, settings: Settings) -> Measured:
    call = server.peer.calls["hop"]
    with pinned({settings.client_core}):
        seen = [last_byte.entered_us(server, call, BODY) for _ in range(REPEATS + 2)][2:]
    hop, entered, answered = zip(*seen, strict=True)
    return {
        "hop_us": statistics.median(hop),
        "best_us": min(hop),
        "entered_us": statistics.median(entered),
        "answered_us": statistics.median(answered),
    }, True


def _queue(settings: Settings) -> Measured:
    with pinned({settings.server_core}):
        done = subprocess.run(
            [sys.executable, str(_QUEUE), str(SIZE), str(REPEATS)], capture_output=True, check=True, timeout=120
        )
    took = json.loads(done.stdout)
    return {"hop_us": took["median_us"], "best_us": min(took["all_us"])}, True


def _doorbell(settings: Settings) -> Measured:
    command = [sys.executable, str(_DOORBELL), str(SIZE), str(REPEATS), str(settings.client_core)]
    with pinned({settings.server_core}):
        done = subprocess.run(command, capture_output=True, check=True, timeout=120)
    took = json.loads(done.stdout)
    return {"hop_us": took["median_us"], "best_us": min(took["all_us"])}, True


WORKLOAD = Workload(
    name="hop",
    title="hop: 10 MB from the server to the function",
    task="hop",
    metrics=(
        Metric(name="hop_us", unit="µs", digits=0),
        Metric(name="best_us", unit="best µs"),
        Metric(name="entered_us", unit="from last byte µs"),
        Metric(name="answered_us", unit="to answer µs"),
    ),
    variants=(Variant(name="", call="hop", value=BODY, expected=_Entered(), measure=_measure),),
    references=("multiprocessing.Queue",),
    extra={"multiprocessing.Queue": _queue, "the wake-up alone": _doorbell},
)
