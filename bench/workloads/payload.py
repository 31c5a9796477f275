"""*payload*: 750,000 bytes, a picture's worth, answered with their number. As base64 in JSON, as a form, as they are.

16 connections. Each system takes them as its own pages say; one that has no such way does not take part.
"""

from __future__ import annotations

import random

from bench.load import wrk
from bench.records import Settings
from bench.servers import Server
from bench.windows import measure
from bench.workloads.base import CPU, ERRORS, P50, P99, RATE, Measured, Variant, Workload

CONNECTIONS = 16
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


WORKLOAD = Workload(
    name="payload",
    title="payload: 750,000 bytes in, their number out, 16 connections",
    task="payload",
    metrics=(RATE, P50, P99, CPU, ERRORS),
    variants=(_variant("json"), _variant("multipart"), _variant("raw")),
    references=("uvicorn",),
)
