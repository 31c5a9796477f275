"""*payload*: 750,000 bytes, a picture's worth, answered with their number. As base64 in JSON, as a form, as they are.

16 connections. Each system takes them as its own pages say; one that has no such way does not take part.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path

from bench.cores import pinned
from bench.load import copy_bound, wrk
from bench.records import Settings
from bench.servers import Server
from bench.windows import measure
from bench.workloads.base import CPU, ERRORS, P50, P99, RATE, Measured, Variant, Workload

CONNECTIONS = 16
COPY = "the copy alone"
SIZE = 750_000
PICTURE = random.Random(1).randbytes(SIZE)
"""The same bytes in every run; they are no picture, and nobody has to decode them as one."""


def _variant(name: str) -> Variant:
    def run(server: Server, settings: Settings) -> Measured:
        call = server.peer.calls[name]

        def drive(seconds: float):
            return wrk.same(server, call, PICTURE, connections=CONNECTIONS, seconds=seconds, core=settings.client_core)

        drive(settings.warmup_s)
        return measure(server, settings, drive)

    return Variant(name=name, call=name, value=PICTURE, expected=SIZE, measure=run)


def _copy(settings: Settings) -> Measured:
    """Bodies that are read from their sockets and nothing else: the kernel's own work."""
    options = (SIZE, settings.window_s, CONNECTIONS, settings.client_core)
    command = [sys.executable, str(Path(copy_bound.__file__)), *map(str, options)]
    with pinned({settings.server_core}):
        done = subprocess.run(command, capture_output=True, check=True, timeout=120)
    return json.loads(done.stdout), True


WORKLOAD = Workload(
    name="payload",
    title="payload: 750,000 bytes in, their number out, 16 connections",
    task="payload",
    metrics=(RATE, P50, P99, CPU, ERRORS),
    variants=(_variant("json"), _variant("multipart"), _variant("raw")),
    references=("uvicorn",),
    extra={COPY: _copy},
    extra_of="raw",
)
