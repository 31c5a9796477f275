"""Send a body that a process has to another one and wait for its short answer, over and over.

Runs as a process of its own, `python -m bench.load.trips WAY SIZE REPEATS CORE`, whose other process is on CORE. WAY is
`wire` (Hotplate's own: the server's link to a real worker, and a body in their shared memory) or `queue` (two
multiprocessing queues). Writes the µs as JSON: of the whole trip, and of the way there, by the clock of the function.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import statistics
import sys
import time
from collections.abc import Callable
from multiprocessing.queues import Queue
from pathlib import Path
from typing import Any

from bench.peers.hotplate.peer import HERE

WARMUP = 5
Trip = tuple[int, int, int]
"""When it began, when the function was entered, when the answer was there (monotonic ns)."""


# -- multiprocessing.Queue


def _child(requests: Queue[Any], answers: Queue[Any], core: int) -> None:
    os.sched_setaffinity(0, {core})
    while (body := requests.get()) is not None:
        answers.put((time.monotonic_ns(), len(body)))


def by_queue(size: int, repeats: int, core: int) -> list[Trip]:
    """The child is spawned, as model servers do."""
    context = multiprocessing.get_context("spawn")
    requests, answers = context.Queue(), context.Queue()
    child = context.Process(target=_child, args=(requests, answers, core), daemon=True)
    child.start()
    body = bytes(size)

    def trip() -> Trip:
        began = time.monotonic_ns()
        requests.put(body)
        entered, length = answers.get(timeout=60)
        ended = time.monotonic_ns()
        assert length == size
        return began, entered, ended

    took = [trip() for _ in range(repeats)]
    requests.put(None)
    child.join()
    return took


# -- Hotplate's wire


class _Plan:
    """What a plan of the server tells its link of a raw body of this type."""

    index = 0
    named_id = b""
    patience_ns = None
    deadline_ns = 60 * 10**9

    def __init__(self) -> None:
        from hotplate.wire.frames import Meta, encode_meta

        self.meta = encode_meta(Meta(content_type="image/png"))


class _Caller:
    """The connection of a client, which waits for its answer."""

    def __init__(self) -> None:
        self.answered: asyncio.Future[tuple[int, bytes]] = asyncio.get_running_loop().create_future()

    def answer(self, exchange: Any, status: int, body: bytes, extra: bytes) -> None:
        self.answered.set_result((status, body))


async def by_wire(size: int, repeats: int, core: int) -> list[Trip]:
    """The worker is the one of `hotplate run`, with one slot."""
    from hotplate.cli.opening import open_project
    from hotplate.config.resolve import resolve
    from hotplate.dialects.registry import detect
    from hotplate.edge.exchange import Exchange
    from hotplate.edge.head import HeadRules, parse_head
    from hotplate.server.environment import worker_environment
    from hotplate.server.foreground import worker_spec
    from hotplate.server.log import make_log
    from hotplate.server.memory import Memory, Place
    from hotplate.server.process import Process, spawn
    from hotplate.server.solo import SoloWorker

    class Kept(Place):
        """Room that is not given back with the answer: the body stays where it is for the next trip."""

        def free(self) -> None:
            pass

    opened = open_project([str(HERE / "trip")])
    match, settings = detect(opened.project, dialect=opened.dialect), resolve().settings
    memory = Memory()

    def start(_: int) -> Process:
        environment = worker_environment(opened.project, match, settings)
        process = spawn(sys.executable, memory.fd, {**os.environ, **environment})
        os.sched_setaffinity(process.pid, {core})
        process.instruct(worker_spec(opened.project, match, settings, "trip-"))
        process.socket.setblocking(False)
        return process

    worker = SoloWorker(make_log("error", "json"), start, memory=memory, setup_timeout_s=60, id_prefix="trip-")
    if not await worker.ready:
        raise SystemExit("the worker did not start")
    offset = memory.arena.allocate(size)
    assert offset is not None
    place = Kept(memory, offset, size)
    place.view[:] = bytes(size)
    head = parse_head(b"POST /infer HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\n\r\n", HeadRules())
    head.plan = _Plan()

    async def trip() -> Trip:
        caller = _Caller()
        began = time.monotonic_ns()
        worker.submit(Exchange(caller, head, b"", place, began))  # pyright: ignore[reportArgumentType]
        status, body = await caller.answered
        ended = time.monotonic_ns()
        assert status == 200, body
        entered, length = json.loads(body)["output"]
        assert length == size
        return began, entered, ended

    took = [await trip() for _ in range(repeats)]
    worker.stop()
    return took


def _by_wire(size: int, repeats: int, core: int) -> list[Trip]:
    import uvloop

    return uvloop.run(by_wire(size, repeats, core))


WAYS: dict[str, Callable[[int, int, int], list[Trip]]] = {"queue": by_queue, "wire": _by_wire}


def main() -> None:
    """Measure one way."""
    way, size, repeats, core = sys.argv[1], *map(int, sys.argv[2:])
    os.chdir(Path(__file__).parents[2])
    trips = WAYS[way](size, repeats + WARMUP, core)[WARMUP:]
    whole = [(ended - began) / 1e3 for began, _, ended in trips]
    there = [(entered - began) / 1e3 for began, entered, _ in trips]
    told = {"trip_us": statistics.median(whole), "best_us": min(whole), "there_us": statistics.median(there)}
    print(json.dumps(told))


if __name__ == "__main__":
    main()
