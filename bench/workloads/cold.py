"""*cold*: from the command to the first correct answer, with every core free and the files in the page cache."""

from __future__ import annotations

import resource
import subprocess
import sys
import time

from bench import procfs
from bench.peers.nginx.peer import PROMPT
from bench.records import Settings
from bench.servers import Server, wait_ready
from bench.workloads.base import Measured, Metric, Variant, Workload

_POLL_S = 0.002


def _measure(server: Server, settings: Settings) -> Measured:
    took = wait_ready(server, server.peer.calls["hello"], PROMPT, PROMPT, poll_s=_POLL_S)
    return {"ready_ms": took * 1e3, "cpu_ms": procfs.cpu_s(server.tree()) * 1e3}, True


def _imports(settings: Settings) -> Measured:
    """An interpreter that imports what a server here cannot do without, and ends."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.monotonic()
    subprocess.run([sys.executable, "-c", "import uvloop, httptools"], check=True, timeout=60)
    took = time.monotonic() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"ready_ms": took * 1e3, "cpu_ms": cpu_s * 1e3}, True


WORKLOAD = Workload(
    name="cold",
    title="cold: command to first correct answer, unpinned",
    task="hello",
    metrics=(Metric(name="ready_ms", unit="ms"), Metric(name="cpu_ms", unit="CPU ms")),
    variants=(Variant(name="", call="hello", value=PROMPT, expected=PROMPT, measure=_measure),),
    references=("fastapi",),
    pinned=False,
    shared=False,
    extra={"python -c 'import uvloop, httptools'": _imports},
)
