"""*hello*: a short JSON text in, the same text out, typed, one worker process, 64 connections.

*hello-unique* is the same with requests of which no two are alike, so that nothing can be kept from one to the next.
*dialects* is *hello* written in each of Hotplate's dialects and asked in that dialect's own wire format.
"""

from __future__ import annotations

from bench.load import wrk
from bench.peers.nginx.peer import PROMPT
from bench.records import Call, Settings
from bench.servers import Server
from bench.windows import measure
from bench.workloads.base import CPU, ERRORS, P50, P99, RATE, Measured, Variant, Workload

CONNECTIONS = 64


def greet(server: Server, call: Call, settings: Settings) -> Measured:
    """Ask for the same greeting again and again, from as many connections as this workload has."""

    def drive(seconds: float):
        return wrk.same(server, call, PROMPT, connections=CONNECTIONS, seconds=seconds, core=settings.client_core)

    drive(settings.warmup_s)
    return measure(server, settings, drive)


def _same(server: Server, settings: Settings, name: str = "hello") -> Measured:
    return greet(server, server.peer.calls[name], settings)


def _unique(server: Server, settings: Settings) -> Measured:
    call = server.peer.calls["hello"]

    def drive(seconds: float):
        return wrk.unique(server, call, connections=CONNECTIONS, seconds=seconds, core=settings.client_core)

    drive(settings.warmup_s)
    return measure(server, settings, drive)


HELLO = Workload(
    name="hello",
    title="hello: JSON in and out, typed, 64 connections, one core for the server",
    task="hello",
    metrics=(RATE, P50, P99, CPU, ERRORS),
    variants=(Variant(name="", call="hello", value=PROMPT, expected=PROMPT, measure=_same),),
    references=("nginx", "uvicorn"),
)

HELLO_UNIQUE = Workload(
    name="hello-unique",
    title="hello-unique: the same, but no two requests alike",
    task="hello",
    metrics=(RATE, P50, P99, CPU, ERRORS),
    variants=(Variant(name="", call="hello", value=PROMPT, expected=PROMPT, measure=_unique),),
    references=("nginx", "uvicorn"),
)

DIALECTS = Workload(
    name="dialects",
    title="dialects: the same in every dialect and its own wire format, compared with `service`",
    task="dialects",
    metrics=(RATE, P50, P99, CPU, ERRORS),
    variants=(
        Variant(
            name="",
            call="dialects",
            value=PROMPT,
            expected=PROMPT,
            measure=lambda server, settings: _same(server, settings, "dialects"),
        ),
    ),
    references=("hotplate",),
)
