"""*dashboard*: hello through all of `hotplate up`, while nobody looks at the dashboard, and while somebody does.

Server, worker, supervisor and control share one core, which the calls of wrk keep busy from the other. So whatever an
open page costs is taken from the calls. The list of endpoints and the endpoint's own page are opened and left again and
again. The window before and the one after such a change are a pair: they lie seconds apart, in one run of the calls,
and pairs begin with either in turn, so that what changes with time changes for both. Of each pair the ratio of
processor time per request of the whole tree counts, control's included; the figure is the middle of these ratios, and
its interval.

What control itself takes of a core is told beside it: of all that an open page costs, that is the part that can be read
without comparing.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from bench import procfs
from bench.intervals import interval
from bench.load import wrk
from bench.load.onlooker import Onlooker
from bench.peers.nginx.peer import PROMPT
from bench.records import BenchError, Load, Settings
from bench.servers import Server
from bench.windows import FOREIGN_LIMIT
from bench.workloads.base import CPU, ERRORS, RATE, Measured, Metric, Variant, Workload
from bench.workloads.hello import CONNECTIONS

PAGES = ("/ui/", "/ui/e/hello")
PAIRS_PER_S, LEAST_PAIRS = 8.0, 4
"""For each second of an ordinary window, in all rounds together; and in each round at least."""
WINDOWS = 2.0
"""How many ordinary windows one of these lasts: pages change every two seconds."""
OPENED_S, LEFT_S = 1.5, 4.5
"""How long after pages were opened, or left, until control does no more and no less than it goes on to do."""
MARGIN_S = 3.0
CONTROL = b"hotplate.control"

COST = Metric(name="cost_percent", unit="% more CPU/req", digits=2)
LOW = Metric(name="cost_low", unit="95 % from", digits=2)
HIGH = Metric(name="cost_high", unit="to", digits=2)
SERVED = Metric(name="served_percent", unit="% more in server and worker", digits=2)
WATCHED = Metric(name="control_percent", unit="control: % of a core", digits=2)
ALONE = Metric(name="control_alone_percent", unit="and unwatched", digits=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """What one window saw. Times are of processors, in seconds."""

    watched: bool
    seconds: float
    requests: float
    control_s: float
    others_s: float
    foreign_cores: float

    @property
    def cpu_us(self) -> float:
        """Per request, of all processes."""
        return (self.control_s + self.others_s) / self.requests * 1e6

    @property
    def served_us(self) -> float:
        """Per request, of all but control."""
        return self.others_s / self.requests * 1e6


@dataclass(frozen=True, slots=True)
class Reading:
    """Counters at one moment."""

    at: float
    busy_s: float
    bench_s: float
    requests: float
    run_s: dict[int, float]
    control: frozenset[int]


def _measure(server: Server, settings: Settings) -> Measured:
    onlooker = Onlooker(server)
    windows: list[Window] = []
    loads: list[Load] = []
    for number in range(max(LEAST_PAIRS, round(PAIRS_PER_S * settings.window_s / settings.rounds))):
        pair, load = _pair(server, settings, onlooker, watched_first=bool(number % 2))
        windows += pair
        loads.append(load)
    values, quiet = figures(windows)
    rate = sum(load.requests for load in loads) / sum(load.duration_s for load in loads)
    return {**values, "rate": rate, "errors": float(sum(load.errors for load in loads))}, quiet


def _pair(server: Server, settings: Settings, onlooker: Onlooker, *, watched_first: bool) -> tuple[list[Window], Load]:
    """A window with the pages open and one without, in this order or the other, in one run of the calls."""
    seconds = settings.window_s * WINDOWS
    pauses = (settings.warmup_s, OPENED_S, LEFT_S) if watched_first else (settings.warmup_s, OPENED_S)
    lasts = 2 * seconds + sum(pauses) + MARGIN_S
    call = server.peer.calls["dashboard"]

    def window(watched: bool) -> Window:
        before = _read(server, settings)
        time.sleep(seconds)
        if calls.done():
            raise BenchError(f"The calls ended before their window did: {calls.exception() or calls.result()}")
        return between(before, _read(server, settings), watched=watched)

    with ThreadPoolExecutor(1) as pool:
        calls = pool.submit(
            wrk.same, server, call, PROMPT, connections=CONNECTIONS, seconds=lasts, core=settings.client_core
        )
        time.sleep(settings.warmup_s)
        found = [] if watched_first else [window(False)]
        with onlooker.looking(PAGES, changes=max(1, int(seconds / 2) - 1)):
            time.sleep(OPENED_S)
            found.append(window(True))
        if watched_first:
            time.sleep(LEFT_S)
            found.append(window(False))
        return found, calls.result()


def _read(server: Server, settings: Settings) -> Reading:
    from hotplate.control.server_link import endpoint_states, read_state

    tree = server.tree()
    state = endpoint_states(read_state(server.scratch / "home" / "run" / "server.sock")).get("hello")
    if state is None:
        raise BenchError(f"The server does not say what it did.\n{server.log()}")
    return Reading(
        time.perf_counter(),
        procfs.busy_s({settings.server_core, settings.client_core}),
        procfs.cpu_s(procfs.tree(os.getpid())),
        float(state["requests_total"]),
        {each.pid: procfs.run_s(each.pid) for each in tree},
        frozenset(each.pid for each in tree if CONTROL in procfs.command(each.pid)),
    )


def between(before: Reading, after: Reading, *, watched: bool) -> Window:
    """What happened between two readings."""
    run = {pid: now - before.run_s.get(pid, 0.0) for pid, now in after.run_s.items()}
    control_s = sum(run[pid] for pid in after.control)
    clock = after.at - before.at
    foreign = (after.busy_s - before.busy_s) - (after.bench_s - before.bench_s)
    return Window(
        watched=watched,
        seconds=clock,
        requests=after.requests - before.requests,
        control_s=control_s,
        others_s=sum(run.values()) - control_s,
        foreign_cores=max(0.0, foreign / clock),
    )


def figures(windows: Sequence[Window]) -> Measured:
    """What the pairs say: of the quiet ones if at least half of them were quiet."""
    pairs = [sorted(windows[at : at + 2], key=lambda window: window.watched) for at in range(0, len(windows), 2)]
    still = [pair for pair in pairs if all(window.foreign_cores <= FOREIGN_LIMIT for window in pair)]
    quiet = 2 * len(still) >= len(pairs)
    counted = still if quiet else pairs

    def more(value: Callable[[Window], float]) -> list[float]:
        return [(value(seen) / value(alone) - 1) * 100 for alone, seen in counted]

    def of_a_core(watched: bool) -> float:
        return statistics.median(pair[watched].control_s / pair[watched].seconds * 100 for pair in counted)

    cost = interval(more(lambda window: window.cpu_us))
    return {
        "cost_percent": cost.middle,
        "cost_low": cost.low,
        "cost_high": cost.high,
        "served_percent": interval(more(lambda window: window.served_us)).middle,
        "control_percent": of_a_core(True),
        "control_alone_percent": of_a_core(False),
        "cpu_us": statistics.median(pair[True].cpu_us for pair in counted),
        "pairs": float(len(counted)),
        "foreign_cores": max(window.foreign_cores for window in windows),
    }, quiet


WORKLOAD = Workload(
    name="dashboard",
    title="dashboard: hello through all of `hotplate up` on one core, while two pages of the dashboard are open",
    task="whole",
    metrics=(COST, LOW, HIGH, SERVED, WATCHED, ALONE, RATE, CPU, ERRORS),
    variants=(Variant(name="", call="dashboard", value=PROMPT, expected=PROMPT, measure=_measure),),
)
