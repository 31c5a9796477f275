"""One measurement: read the counters, drive the load, read them again; do it over where someone else was busy."""

from __future__ import annotations

import time
from collections.abc import Callable

from bench import procfs
from bench.records import BenchError, Load, Settings
from bench.servers import Server

FOREIGN_LIMIT = 0.2
"""How much of a core others may use, over both cores, in a window that counts."""


def measure(server: Server, settings: Settings, drive: Callable[[float], Load]) -> tuple[dict[str, float], bool]:
    """Measure one window; repeat it up to `settings.repeats` times while it was noisy, and keep the quietest.

    `drive(seconds)` runs the load. Gives the values (rate per s, CPU µs per request of the whole server tree,
    foreign load in cores, errors, and what the load generator adds), and whether the window was quiet.
    """
    best: dict[str, float] | None = None
    for _ in range(settings.repeats + 1):
        values = _once(server, settings, drive)
        if best is None or values["foreign_cores"] < best["foreign_cores"]:
            best = values
        if best["foreign_cores"] <= FOREIGN_LIMIT:
            break
    assert best is not None
    return best, best["foreign_cores"] <= FOREIGN_LIMIT


def _once(server: Server, settings: Settings, drive: Callable[[float], Load]) -> dict[str, float]:
    cores = {settings.server_core, settings.client_core}
    for seconds in (settings.window_s, 4 * settings.window_s):
        before = _read(server, cores)
        load = drive(seconds)
        after = _read(server, cores)
        if load.values.get("rate", load.requests):
            break
    else:
        raise BenchError(f"{server.peer.name} answered nothing in {load.duration_s:.1f} s\n{server.log()}")
    clock, busy, served, own = (now - then for now, then in zip(after, before, strict=True))
    return {
        "rate": load.requests / load.duration_s,
        "cpu_us": served / load.requests * 1e6,
        "errors": float(load.errors),
        "foreign_cores": max(0.0, (busy - served - load.client_cpu_s - own) / clock),
        **load.values,
    }


def _read(server: Server, cores: set[int]) -> tuple[float, float, float, float]:
    return (
        time.perf_counter(),
        procfs.busy_s(cores),
        procfs.cpu_s(server.tree()),
        time.process_time(),
    )
