"""How calls are served, and what is written of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hotplate.config.setting import setting


@dataclass(frozen=True, kw_only=True, init=False, repr=False, eq=False)
class Serving:
    """How calls are served, and what is written of it."""

    __slots__ = ()  # `Settings` has them

    host: str = setting(
        "127.0.0.1",
        "text",
        "serving",
        "Address to listen on. Any address but loopback needs `--i-know`, as long as calls carry no tokens.",
    )
    port: int = setting(
        8080, "integer", "serving", "Port to listen on; 0 takes a free one.", low=0, high=65535, short="-p"
    )
    workers: int = setting(
        1, "integer", "serving", "Worker processes. Each loads its own copy of the model.", low=1, high=256
    )
    slots: int | None = setting(
        None,
        "integer",
        "serving",
        "Calls that one worker runs at the same time. auto: what the author's code says, else 1.",
        why="Model code is rarely safe in threads.",
        low=1,
        high=1024,
        auto=True,
    )
    queue_size: int | None = setting(
        None,
        "integer",
        "serving",
        "Calls that may wait for a slot; the next one gets 503 with Retry-After. "
        "auto: 10 for each slot, at least 100 and at most 1000.",
        why="A longer queue only turns a quick refusal into a late one.",
        low=0,
        high=100_000,
        auto=True,
    )
    timeout_s: float = setting(
        300.0,
        "seconds",
        "serving",
        "Deadline of a call, its wait in the queue included; then 504. Of a stream: to its first piece, and from each "
        "piece to the next; then it is cut.",
        why="A full queue makes a call wait ten times the model's own time, and a plain function cannot be stopped "
        "half way: a shorter deadline would turn answers into errors and free nothing.",
        low=0.1,
        high=3600,
    )
    setup_timeout_s: float = setting(
        900.0,
        "seconds",
        "serving",
        "How long a worker may take to load the model.",
        why="Weights of several gigabytes may be downloaded first.",
        low=1,
        high=86_400,
    )
    grace_s: float = setting(
        25.0,
        "seconds",
        "serving",
        "How long calls in flight may take to finish after SIGTERM.",
        why="Kubernetes kills after 30s. Docker after 10s, unless told otherwise with `docker stop --time`.",
        low=0,
        high=3600,
    )
    drain_delay_s: float = setting(
        0.0,
        "seconds",
        "serving",
        "Wait between reporting not ready and closing the port at SIGTERM, for load balancers to notice.",
        low=0,
        high=600,
    )
    env: Mapping[str, str] = setting(
        None,
        "mapping",
        "serving",
        "Environment variable for the workers; `KEY` alone passes on this shell's value. Repeatable.",
        in_env=False,
        secret=True,
        short="-e",
        metavar="KEY=VALUE",
    )
    reload: bool = setting(
        False, "flag", "serving", "Start the workers afresh when a file of the project changes.", in_file=False
    )

    log_level: str = setting(
        "info", "choice", "logs", "Least severe log line to write.", choices=("debug", "info", "warning", "error")
    )
    log_format: str = setting(
        "auto",
        "choice",
        "logs",
        "How log lines look. auto: text on a terminal, otherwise one JSON object a line.",
        choices=("auto", "text", "json"),
    )
    access_log: str = setting(
        "auto", "switch", "logs", "One log line for each call. auto: on when the log goes to a terminal."
    )
    traces: str = setting(
        "off",
        "choice",
        "logs",
        'Whether calls are traced with OpenTelemetry (`pip install "hotplate[otel]"`). Where to: OTEL_* variables.',
        choices=("off", "on"),
        in_file=False,
    )
