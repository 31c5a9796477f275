"""*memory*: PSS of the whole process tree of hello, when it has answered once and while 64 connections use it."""

from __future__ import annotations

import threading
import time

from bench import procfs
from bench.load import wrk
from bench.peers.nginx.peer import PROMPT
from bench.records import Settings
from bench.servers import Server
from bench.workloads.base import Measured, Metric, Variant, Workload
from bench.workloads.hello import CONNECTIONS

_SETTLE_S = 0.3


def _measure(server: Server, settings: Settings) -> Measured:
    time.sleep(_SETTLE_S)
    idle = server.tree()
    idle_mb = procfs.pss_mb(idle)
    call = server.peer.calls["hello"]
    during: list[float] = []
    reader = threading.Timer(settings.window_s * 0.6, lambda: during.append(procfs.pss_mb(server.tree())))
    reader.start()
    wrk.same(server, call, PROMPT, connections=CONNECTIONS, seconds=settings.window_s, core=settings.client_core)
    reader.join()
    used_mb = max(*during, procfs.pss_mb(server.tree()))
    return {"used_mb": used_mb, "idle_mb": idle_mb, "processes": float(len(idle))}, True


WORKLOAD = Workload(
    name="memory",
    title="memory: PSS of the process tree, hello",
    task="hello",
    metrics=(
        Metric(name="used_mb", unit="MB in use", digits=1),
        Metric(name="idle_mb", unit="MB idle", digits=1),
        Metric(name="processes", unit="processes"),
    ),
    variants=(Variant(name="", call="hello", value=PROMPT, expected=PROMPT, measure=_measure),),
)
