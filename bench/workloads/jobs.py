"""*jobs*: durable submits over HTTP, one call each, beside huey and procrastinate, which are called in their process.

All three have each job flushed to disk before it is acknowledged. The peers run no consumer; of Hotplate the one slot
is held, so that it runs nothing either; in *jobs-running* it runs them meanwhile. *jobs-start* is one job on an idle
server, *jobs-10000* so many at once to the end of the last.
"""

from __future__ import annotations

import http.client
import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from bench import environments, postgres, procfs
from bench.load import child, wrk
from bench.peers.nginx.peer import PROMPT
from bench.records import BenchError, Settings
from bench.servers import HOST, Server, wait_ready
from bench.windows import FOREIGN_LIMIT, measure
from bench.workloads.base import CPU, ERRORS, P50, P99, RATE, Measured, Metric, Variant, Workload

CONNECTIONS = 64
COUNT = 10_000
STARTS = 300
CLIENTS = (1, 16)
"""Clients of procrastinate at once: the better of them counts."""


def _ready(server: Server) -> None:
    wait_ready(server, server.peer.calls["jobs"], PROMPT, PROMPT)
    on_disk(server.scratch)


def on_disk(folder: Path) -> None:
    """Where a flush costs nothing, nothing is measured."""
    found = ("", "")
    for line in Path("/proc/mounts").read_text().splitlines():
        place, kind = line.split()[1:3]
        if folder.is_relative_to(place) and len(place) >= len(found[0]):
            found = (place, kind)
    if found[1] in ("tmpfs", "ramfs"):
        raise BenchError(
            f"{folder} lies in memory ({found[1]}), where a flush is free. Set TMPDIR to a folder on a disk."
        )


def _held(server: Server, settings: Settings) -> Measured:
    _ready(server)
    _hold(server)
    return _submits(server, settings)


def _running(server: Server, settings: Settings) -> Measured:
    _ready(server)
    return _submits(server, settings)


def _submits(server: Server, settings: Settings) -> Measured:
    call = replace(server.peer.calls["jobs"], headers={"Prefer": "respond-async"})

    def drive(seconds: float):
        return wrk.same(server, call, PROMPT, connections=CONNECTIONS, seconds=seconds, core=settings.client_core)

    drive(settings.warmup_s)
    return measure(server, settings, drive)


def _hold(server: Server) -> None:
    """Let a job take the only slot."""
    connection = http.client.HTTPConnection(HOST, server.port, timeout=20)
    headers = {"Content-Type": "application/json", "Prefer": "respond-async"}
    connection.request("POST", "/hold", json.dumps({"seconds": 3600}), headers)
    answer = connection.getresponse()
    job = json.loads(answer.read())
    while job["status"] == "queued":
        time.sleep(0.01)
        connection.request("GET", f"/jobs/{job['id']}")
        job = json.loads(connection.getresponse().read())
    connection.close()
    if job["status"] != "running":
        raise BenchError(f"the slot could not be held: {job}")


def _client(what: str, count: int, *more: int) -> Callable[[Server, Settings], Measured]:
    def measured(server: Server, settings: Settings) -> Measured:
        _ready(server)
        numbers = map(str, (server.port, count, *more))
        values, quiet = _alone(server.tree, [sys.executable, "-m", "bench.load.jobs", what, *numbers], settings)
        return {"cpu_us": values["served_s"] / count * 1e6, **values}, quiet

    return measured


def _alone(tree: Callable[[], Sequence[procfs.Process]], argv: list[str], settings: Settings) -> Measured:
    """Run a client to its end, and see whether others used the cores meanwhile. Repeat it where they did."""
    cores = {settings.server_core, settings.client_core}
    best: dict[str, float] | None = None
    for _ in range(settings.repeats + 1):
        before = time.perf_counter(), procfs.busy_s(cores), procfs.cpu_s(tree()), time.process_time()
        done = child.run(argv, settings.client_core)
        after = time.perf_counter(), procfs.busy_s(cores), procfs.cpu_s(tree()), time.process_time()
        if done.status:
            raise BenchError(f"`{' '.join(argv)}` failed:\n{done.output[-1500:]}")
        clock, busy, served, own = (now - then for now, then in zip(after, before, strict=True))
        foreign = max(0.0, (busy - served - done.cpu_s - own) / clock)
        values: dict[str, float] = {
            **json.loads(done.output.strip().splitlines()[-1]),
            "foreign_cores": foreign,
            "served_s": served,
            "client_s": done.cpu_s,
        }
        if best is None or foreign < best["foreign_cores"]:
            best = values
        if foreign <= FOREIGN_LIMIT:
            break
    assert best is not None
    return best, best["foreign_cores"] <= FOREIGN_LIMIT


def _rate(measured: Measured) -> Measured:
    """Per second; and the CPU time of the process that submits, and of its database, by the number."""
    values, quiet = measured
    used = values["served_s"] + values["client_s"]
    return {"rate": values["count"] / values["seconds"], "cpu_us": used / values["count"] * 1e6, **values}, quiet


def _huey(settings: Settings) -> Measured:
    """On the client's core, alone: SQLite writes in the process that submits."""
    with tempfile.TemporaryDirectory(prefix="bench-huey-") as folder:
        on_disk(Path(folder))
        argv = [str(environments.ensure("huey")), str(environments.PEERS / "huey" / "submits.py")]
        values, quiet = _alone(list, [*argv, f"{folder}/huey.db", str(settings.window_s), PROMPT], settings)
    return _rate((values, quiet))


def _procrastinate(settings: Settings) -> Measured:
    """The application on the client's core, PostgreSQL on the server's."""
    python = str(environments.ensure("procrastinate"))
    script = str(environments.PEERS / "procrastinate" / "submits.py")
    found: list[Measured] = []
    with postgres.running(settings.server_core) as (url, pid):
        for clients in CLIENTS:
            argv = [python, script, url, str(settings.window_s), str(clients), PROMPT]
            found.append(_rate(_alone(lambda: procfs.tree(pid), argv, settings)))
    return max(found, key=lambda measured: measured[0]["rate"])


SUBMITS = Workload(
    name="jobs",
    title="jobs: durable submits, one call each; ours over HTTP with 64 connections, peers in their own process",
    task="jobs",
    metrics=(RATE, P50, P99, CPU, ERRORS),
    variants=(Variant(name="", call="jobs", value=PROMPT, expected=PROMPT, measure=_held),),
    references=("huey", "procrastinate"),
    shared=False,
    extra={"huey": _huey, "procrastinate": _procrastinate},
)

RUNNING = Workload(
    name="jobs-running",
    title="jobs-running: the same while its one worker runs them, on the same core",
    task="jobs",
    metrics=(RATE, P50, P99, CPU, ERRORS),
    variants=(Variant(name="", call="jobs", value=PROMPT, expected=PROMPT, measure=_running),),
    shared=False,
)

STARTED = Workload(
    name="jobs-start",
    title="jobs-start: from a submit to the first line of the function, on an idle server",
    task="jobs",
    metrics=(
        Metric(name="p99_ms", unit="p99 ms", digits=2),
        Metric(name="p50_ms", unit="p50 ms", digits=2),
        Metric(name="result_p99_ms", unit="to result p99 ms", digits=2),
        Metric(name="result_p50_ms", unit="to result p50 ms", digits=2),
    ),
    variants=(Variant(name="", call="jobs", value=PROMPT, expected=PROMPT, measure=_client("starts", STARTS)),),
    shared=False,
)

FLOOD = Workload(
    name="jobs-10000",
    title="jobs-10000: so many empty jobs from the first submit to the end of the last",
    task="jobs",
    metrics=(
        Metric(name="total_s", unit="s", digits=2),
        Metric(name="submitted_s", unit="submitted after s", digits=2),
        Metric(name="rate", unit="jobs/s", higher_is_better=True),
        CPU,
    ),
    variants=(
        Variant(name="", call="jobs", value=PROMPT, expected=PROMPT, measure=_client("flood", COUNT, CONNECTIONS)),
    ),
    shared=False,
)
