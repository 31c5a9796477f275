"""Which core the servers get, which the client, and how a child is started on one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.records import BenchError


def choose() -> tuple[int, int]:
    """A core for the server and another for the client, not two threads of one core where there is a choice."""
    allowed = sorted(os.sched_getaffinity(0))
    if len(allowed) < 2:
        raise BenchError("The bench needs two CPU cores: one for the server, one for the client.")
    server = allowed[0]
    beside = siblings(server)
    return server, next((core for core in allowed[1:] if core not in beside), allowed[1])


def siblings(core: int) -> set[int]:
    """The hardware threads that share a physical core, itself among them."""
    try:
        text = Path(f"/sys/devices/system/cpu/cpu{core}/topology/thread_siblings_list").read_text().strip()
    except OSError:
        return {core}
    found: set[int] = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        found.update(range(int(first), int(last or first) + 1))
    return found


@contextmanager
def pinned(cores: set[int]) -> Iterator[None]:
    """Whatever is started inside stays on these cores: a child inherits the affinity of the thread that starts it."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
