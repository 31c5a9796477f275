"""*stream*: 50 event streams at once, 100 tokens each, a few bytes a token and no pause between them.

*generator* is a plain generator of the author's, *async generator* an asynchronous one. MLServer's streams run in its
server process, which is the only way it has for them.
"""

from __future__ import annotations

from bench.load import streams
from bench.peers.nginx.peer import PROMPT
from bench.records import Settings
from bench.servers import Server
from bench.windows import measure
from bench.workloads.base import ERRORS, Measured, Metric, Variant, Workload

CONNECTIONS = 50
TOKENS = 100


class _Whole:
    """Equal to any answer that has every token in it: each peer frames them in its own way."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and other.encode().count(streams.MARKER) == TOKENS

    __hash__ = None

    def __repr__(self) -> str:
        return f"a stream of {TOKENS} tokens"


def _variant(name: str) -> Variant:
    def run(server: Server, settings: Settings) -> Measured:
        call = server.peer.calls[name]

        def drive(seconds: float):
            return streams.drive(
                server,
                call,
                PROMPT,
                connections=CONNECTIONS,
                tokens=TOKENS,
                seconds=seconds,
                core=settings.client_core,
            )

        drive(settings.warmup_s)
        return measure(server, settings, drive)

    return Variant(name=name, call=name, value=PROMPT, expected=_Whole(), measure=run)


WORKLOAD = Workload(
    name="stream",
    title=f"stream: {CONNECTIONS} event streams of {TOKENS} tokens",
    task="stream",
    metrics=(
        Metric(name="rate", unit="tokens/s", higher_is_better=True),
        Metric(name="first_ms", unit="first ms", digits=1),
        Metric(name="events_per_read", unit="tokens/read", digits=1),
        Metric(name="cpu_us", unit="CPU µs/token", digits=2),
        ERRORS,
    ),
    variants=(_variant("generator"), _variant("async generator")),
    references=("uvicorn",),
)
