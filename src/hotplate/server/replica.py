"""One worker as its pool sees it: how far it is, what it has said of itself, and what becomes of its calls."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from time import monotonic_ns, time
from typing import TYPE_CHECKING

import msgspec

from hotplate.edge.exchange import Exchange
from hotplate.wire import frames
from hotplate.wire.failure import Failure

if TYPE_CHECKING:
    from hotplate.server.endpoint import Endpoint
    from hotplate.server.links import AnyLink, AnyProcess
    from hotplate.server.output import Output

DOING = {
    "UNINITIALIZED": "while it started",
    "LAUNCH_PREDICT_LOOP": "while it loaded the project",
    "SETUP_SERVICE": "in setup()",
}
"""What a worker does in each state before it runs."""

PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
DRAIN_TURNS = 3
DRAIN_TURN_S = 0.005


class Counts(msgspec.Struct, frozen=True):
    """How many workers a pool has: `starting`, `ready` (idle), `busy` (with calls) and `stopping`."""

    starting: int = 0
    ready: int = 0
    busy: int = 0
    stopping: int = 0

    @property
    def live(self) -> int:
        """Those that take calls, or will."""
        return self.starting + self.ready + self.busy


class ReplicaState(msgspec.Struct, frozen=True, kw_only=True):
    """What is told of one worker. `started_at` is Unix time; `level` says how it was started, `where` on which machine,
    if not on this one: there its `pid` is 0."""

    number: int
    pid: int
    state: str
    level: str
    in_flight: int
    started_at: float
    rss_bytes: int
    where: str = ""


class Replica:
    """One worker. `asked_ns` is when the pool wanted it; `marks` when it reached each state (monotonic)."""

    def __init__(self, number: int, process: AnyProcess, link: AnyLink, output: Output, asked_ns: int) -> None:
        self.number = number
        self.process = process
        self.link = link
        self.output = output
        self.state = frames.STATES[0]
        self.failure: Failure | None = None
        self.stopping = False
        self.started_at = time()
        self.asked_ns = asked_ns
        self.first: Exchange | None = None  # the call that waited for it, until it is answered
        self.marks: dict[str, int] = {self.state: monotonic_ns(), **process.marks}
        self.ended = asyncio.get_running_loop().create_future()
        self.setup_timer: asyncio.TimerHandle | None = None

    @property
    def running(self) -> bool:
        """Whether it takes calls."""
        return self.state == "RUNNING" and not self.stopping

    @property
    def idle(self) -> bool:
        """Whether it runs and has nothing to do."""
        return self.running and not self.link.pending

    def reached(self, state: str, at_ns: int) -> None:
        """It is in this state since then."""
        self.state = state
        self.marks.setdefault(state, at_ns)
        if state == "RUNNING" and self.setup_timer is not None:
            self.setup_timer.cancel()

    def describe(self) -> ReplicaState:
        """What is told of it."""
        return ReplicaState(
            number=self.number,
            pid=self.process.pid,
            state="STOPPING" if self.stopping else self.state,
            level=self.process.level,
            in_flight=len(self.link.pending),
            started_at=self.started_at,
            rss_bytes=resident_bytes(self.process.pid) if self.process.pid else self.process.rss_bytes,
            where=self.process.where,
        )

    def after_answers(self, then: Callable[[], None], turns: int = DRAIN_TURNS) -> None:
        """Call `then` when what the worker sent before its end has been read: it is still in the socket."""
        loop = asyncio.get_running_loop()
        if not turns or self.link.closed:
            loop.call_soon(then)
        else:
            loop.call_later(DRAIN_TURN_S, self.after_answers, then, turns - 1)

    def close(self) -> None:
        """Let go of everything that belonged to a worker that has ended."""
        self.link.forget()
        self.output.close()
        self.process.close()
        if not self.ended.done():
            self.ended.set_result(None)


def resident_bytes(pid: int) -> int:
    """The memory of a process, shared memory included; 0 where the system does not tell."""
    try:
        with open(f"/proc/{pid}/statm", "rb") as file:
            return int(file.read().split()[1]) * PAGE_BYTES
    except (OSError, IndexError):
        return 0


def fail_calls(endpoint: Endpoint, link: AnyLink, last_output: str = "") -> int:
    """Answer the calls that ran in a worker that is gone; put those that had not begun back into the queue.

    `last_output` is what it printed before it died.
    """
    again: list[Exchange] = []
    lost = 0
    for exchange in list(link.pending.values()):
        if exchange.abandoned:
            if exchange.extent is not None:
                exchange.extent.free()
        elif exchange.streaming:
            lost += 1
            exchange.connection.close_stream(exchange, 502, whole=False)
        elif link.never_started(exchange):
            again.append(exchange)
        else:
            lost += 1
            endpoint.refuse(
                exchange,
                "worker_lost",
                "The worker process died while it ran this call. It is being replaced; try again.",
                last_output,
            )
            if exchange.extent is not None:
                exchange.extent.free()
    link.pending.clear()
    endpoint.lost_calls += lost
    if again:
        endpoint.requeue(again)
    return lost
