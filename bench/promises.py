"""The floors that must hold and the goals above them, as a table. `gates.py` holds results against it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

SYSTEM = "hotplate"
PEERS = ("litserve", "bentoml", "mlserver", "octoai", "fastapi")

Kind = Literal["times", "times faster", "at most times", "at least", "at most"]
"""How the figure is made: own rate over the reference's; the reference's time over ours; our time over the
reference's; or our own value, compared upwards or downwards."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """One promise: a floor that must hold, a goal to reach."""

    what: str
    workload: str
    metric: str
    kind: Kind
    floor: float
    goal: float
    variant: str = ""
    references: tuple[str, ...] = ()
    system: str = SYSTEM

    @property
    def upwards(self) -> bool:
        """Whether more is better."""
        return self.kind not in ("at most times", "at most")


def _hello(workload: str) -> tuple[Gate, ...]:
    def against(reference: str, floor: float, goal: float) -> Gate:
        what = f"{workload} against {reference}"
        return Gate(
            what=what, workload=workload, metric="rate", kind="times", floor=floor, goal=goal, references=(reference,)
        )

    # Heads that never come twice must be parsed each time, as uvicorn parses every head.
    bound = against("uvicorn", 0.85, 1.0) if workload == "hello-unique" else against("nginx", 0.35, 0.55)
    return (
        bound,
        against("fastapi", 5, 8),
        *(against(peer, 25, 50) for peer in ("litserve", "bentoml", "octoai", "mlserver")),
    )


def _dialect(name: str) -> Gate:
    """A dialect may cost a quarter more than `service`, which is 0.8 of its rate."""
    return Gate(
        what=f"hello in the dialect {name} against service",
        workload="dialects",
        metric="rate",
        kind="times",
        floor=0.8,
        goal=0.95,
        references=(SYSTEM,),
        system=f"{SYSTEM}-{name}",
    )


GATES: tuple[Gate, ...] = (
    Gate(
        what="hello on Ray against Ray Serve",
        workload="ray",
        metric="rate",
        kind="times",
        floor=20,
        goal=50,
        references=("rayserve",),
    ),
    Gate(
        what="hello on Ray against the target local",
        workload="ray",
        metric="rate",
        kind="times",
        floor=0.4,
        goal=0.5,
        references=("target local",),
    ),
    Gate(
        what="waking an endpoint on Ray against Ray Serve",
        workload="ray-zero",
        metric="p50_ms",
        kind="at most times",
        floor=0.5,
        goal=0.3,
        references=("rayserve",),
    ),
    *_hello("hello"),
    *_hello("hello-unique"),
    Gate(
        what="latency of one connection against bare uvicorn",
        workload="latency",
        metric="p50_ms",
        kind="at most times",
        floor=1.5,
        goal=1.15,
        references=("uvicorn",),
    ),
    Gate(
        what="raw payload against bare uvicorn",
        workload="payload",
        variant="raw",
        metric="rate",
        kind="times",
        floor=3,
        goal=6,
        references=("uvicorn",),
    ),
    Gate(
        what="base64 payload against the best peer",
        workload="payload",
        variant="json",
        metric="rate",
        kind="times",
        floor=4,
        goal=8,
        references=PEERS,
    ),
    Gate(what="batch, share of the bound", workload="batch", metric="share", kind="at least", floor=0.94, goal=0.98),
    Gate(
        what="10 MB in hand to the worker and back against multiprocessing.Queue",
        workload="trip",
        metric="trip_us",
        kind="times faster",
        floor=100,
        goal=300,
        references=("multiprocessing.Queue",),
        system="Hotplate's wire",
    ),
    Gate(
        what="10 MB just received, into the worker, against multiprocessing.Queue",
        workload="hop",
        metric="hop_us",
        kind="times faster",
        floor=50,
        goal=100,
        references=("multiprocessing.Queue",),
    ),
    Gate(
        what="cold start against FastAPI on uvicorn",
        workload="cold",
        metric="ready_ms",
        kind="times faster",
        floor=2.5,
        goal=4.5,
        references=("fastapi",),
    ),
    *(
        Gate(
            what=f"first answer from no replica, {what}, p90 ms",
            workload="zero",
            variant=variant,
            metric="p90_ms",
            kind="at most",
            floor=floor,
            goal=goal,
        )
        for what, variant, floor, goal in (
            ("hello", "hello-off", 300, 150),
            ("hello forked", "hello-imports", 25, 8),
            ("3 s model forked", "slow-loaded", 40, 15),
            ("500 MB model forked", "heavy-loaded", 40, 15),
        )
    ),
    Gate(
        what="memory of 8 forked replicas of 500 MB, times that of one",
        workload="shared",
        metric="times_one",
        kind="at most",
        floor=1.3,
        goal=1.1,
    ),
    Gate(
        what="hello through `hotplate up` with a token against `hotplate run`",
        workload="up",
        metric="rate",
        kind="times",
        floor=0.8,
        goal=0.95,
        references=("hotplate run",),
    ),
    Gate(
        what="processor time that calls cost more while the dashboard is open, %",
        workload="dashboard",
        metric="cost_percent",
        kind="at most",
        floor=2,
        goal=1,
    ),
    Gate(
        what="hello through a replica that is reached by HTTP against one of this machine",
        workload="remote",
        metric="rate",
        kind="times",
        floor=0.4,
        goal=0.5,
        references=("target local",),
    ),
    *(
        Gate(
            what=f"durable submits over HTTP against {reference} in its process",
            workload="jobs",
            metric="rate",
            kind="times",
            floor=1.0,
            goal=3.0,
            references=(reference,),
        )
        for reference in ("huey", "procrastinate")
    ),
    Gate(
        what="submit to start on an idle server, p99 ms",
        workload="jobs-start",
        metric="p99_ms",
        kind="at most",
        floor=20,
        goal=10,
    ),
    Gate(
        what="lease beside a million finished jobs, times one beside none",
        workload="jobs-lease",
        metric="lease_us",
        kind="at most times",
        floor=1.2,
        goal=1.05,
        references=("none finished",),
        system="a million finished",
    ),
    Gate(
        what="hello through a container's replica against target local",
        workload="contained",
        metric="rate",
        kind="times",
        floor=0.7,
        goal=0.9,
        references=("local",),
        system="docker",
    ),
    *(
        Gate(
            what=f"image after a changed line, {system}, s",
            workload="images",
            metric="rebuild_s",
            kind="at most",
            floor=floor,
            goal=goal,
            system=system,
        )
        for system, floor, goal in (("hotplate, docker", 5, 3), ("hotplate, oci", 3, 1.5))
    ),
    Gate(
        what="image after a changed line against `docker build` itself",
        workload="images",
        metric="rebuild_s",
        kind="at most times",
        floor=4,
        goal=2,
        references=("docker build",),
        system="hotplate, docker",
    ),
    Gate(
        what="hello's image over its base, MB",
        workload="images",
        metric="added_mb",
        kind="at most",
        floor=40,
        goal=40,
        system="hotplate, docker",
    ),
    Gate(
        what="start of a container against an empty one and `hotplate run`",
        workload="container",
        metric="ready_ms",
        kind="at most times",
        floor=1.5,
        goal=1.1,
        references=("empty container + hotplate run",),
        system="container",
    ),
    Gate(what="memory idle, MB", workload="memory", metric="idle_mb", kind="at most", floor=60, goal=40),
    Gate(what="memory in use, MB", workload="memory", metric="used_mb", kind="at most", floor=60, goal=40),
    *(_dialect(name) for name in ("function", "input_schema", "routes", "predictor", "entry_point")),
)
