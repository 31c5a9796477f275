"""Every setting, declared once: its type, default, unit, help and limits.

A setting `timeout_s` is `--timeout` on the command line, `HOTPLATE_TIMEOUT` in the environment and `timeout` in
`hotplate.yaml`: units are written with the value (`30s`, `10MiB`) instead of in the name. This module is on the path
to the first answer, so it imports next to nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from hotplate.config.values import Kind

KIB = 1024
MIB = 1024 * KIB
ENV_PREFIX = "HOTPLATE_"

GROUPS = {
    "serving": "Serving",
    "logs": "Logs",
    "jobs": "Jobs",
    "limits": "Limits and deadlines",
    "access": "Who may reach what",
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Setting:
    """One setting as data. `help` says what it does, `why` what the default rests on.

    `low` and `high` are inclusive. `auto` says that the value may be left to be worked out (None). `in_flags`,
    `in_env` and `in_file` say where it may be set. The values of a `secret` setting are never shown.
    """

    name: str
    kind: Kind
    default: Any
    help: str
    group: str
    why: str = ""
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    auto: bool = False
    secret: bool = False
    in_env: bool = True
    in_file: bool = True
    short: str = ""
    metavar: str = ""

    @property
    def key(self) -> str:
        """The name in `hotplate.yaml`: `timeout` for `timeout_s`, `max_body_size` for `max_body_bytes`."""
        if self.name.endswith("_bytes"):
            return self.name.removesuffix("bytes") + "size"
        return self.name.removesuffix("_s").removesuffix("_bytes")

    @property
    def flag(self) -> str:
        """The name on the command line."""
        return "--" + self.key.replace("_", "-")

    @property
    def variable(self) -> str:
        """The name in the environment."""
        return ENV_PREFIX + self.key.upper()


def _set(default: Any, kind: Kind, group: str, help: str, **more: Any) -> Any:  # noqa: A002 - the field's own name
    facts = {"kind": kind, "group": group, "help": help, **more}
    if kind == "mapping":
        return field(default_factory=dict[str, str], repr=False, metadata={**facts, "default": {}})
    return field(default=default, metadata={**facts, "default": default})


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Settings:
    """What one run is configured with. Frozen: nothing changes after start."""

    host: str = _set(
        "127.0.0.1",
        "text",
        "serving",
        "Address to listen on. Any address but loopback needs `--i-know`, as long as calls carry no tokens.",
    )
    port: int = _set(
        8080, "integer", "serving", "Port to listen on; 0 takes a free one.", low=0, high=65535, short="-p"
    )
    workers: int = _set(
        1, "integer", "serving", "Worker processes. Each loads its own copy of the model.", low=1, high=256
    )
    slots: int | None = _set(
        None,
        "integer",
        "serving",
        "Calls that one worker runs at the same time. auto: what the author's code says, else 1.",
        why="Model code is rarely safe in threads.",
        low=1,
        high=1024,
        auto=True,
    )
    queue_size: int | None = _set(
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
    timeout_s: float = _set(
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
    setup_timeout_s: float = _set(
        900.0,
        "seconds",
        "serving",
        "How long a worker may take to load the model.",
        why="Weights of several gigabytes may be downloaded first.",
        low=1,
        high=86_400,
    )
    grace_s: float = _set(
        25.0,
        "seconds",
        "serving",
        "How long calls in flight may take to finish after SIGTERM.",
        why="Kubernetes kills after 30s. Docker after 10s, unless told otherwise with `docker stop --time`.",
        low=0,
        high=3600,
    )
    drain_delay_s: float = _set(
        0.0,
        "seconds",
        "serving",
        "Wait between reporting not ready and closing the port at SIGTERM, for load balancers to notice.",
        low=0,
        high=600,
    )
    env: Mapping[str, str] = _set(
        None,
        "mapping",
        "serving",
        "Environment variable for the workers; `KEY` alone passes on this shell's value. Repeatable.",
        in_env=False,
        secret=True,
        short="-e",
        metavar="KEY=VALUE",
    )
    reload: bool = _set(
        False, "flag", "serving", "Start the workers afresh when a file of the project changes.", in_file=False
    )

    log_level: str = _set(
        "info", "choice", "logs", "Least severe log line to write.", choices=("debug", "info", "warning", "error")
    )
    log_format: str = _set(
        "auto",
        "choice",
        "logs",
        "How log lines look. auto: text on a terminal, otherwise one JSON object a line.",
        choices=("auto", "text", "json"),
    )
    access_log: str = _set(
        "auto", "switch", "logs", "One log line for each call. auto: on when the log goes to a terminal."
    )

    jobs: str = _set(
        "on",
        "choice",
        "jobs",
        "Whether calls with `Prefer: respond-async` become jobs. off: they are answered at once, like any other.",
        choices=("on", "off"),
    )
    jobs_store: str | None = _set(
        None,
        "text",
        "jobs",
        "Where jobs are kept. auto: SQLite in HOTPLATE_HOME. A `postgresql://` URL (it may hold a password) lets "
        "servers on several hosts share them.",
        auto=True,
        secret=True,
        metavar="URL",
    )
    job_timeout_s: float = _set(
        900.0,
        "seconds",
        "jobs",
        "How long one attempt of a job may take; then it has failed, and its worker is replaced if it does not stop.",
        low=0.1,
        high=7 * 86_400,
    )
    job_attempts: int = _set(
        4,
        "integer",
        "jobs",
        "How often a job may fail (a 5xx answer, or `job_timeout`) before it is dead. Between attempts it waits up to "
        "1s, 2s, 4s and so on, at most 5m.",
        low=1,
        high=100,
    )
    job_crashes: int = _set(
        3,
        "integer",
        "jobs",
        "How often the worker may die under a job before the job is dead.",
        why="A job that kills its worker takes the calls beside it along.",
        low=1,
        high=100,
    )
    job_lease_s: float = _set(
        30.0,
        "seconds",
        "jobs",
        "How long a server that gives no sign may keep a job before another one runs it.",
        why="A server that was killed is noticed at once; this is for one that hangs or is stopped.",
        low=1,
        high=3600,
    )
    job_retention_s: float = _set(
        86_400.0,
        "seconds",
        "jobs",
        "How long results and Idempotency-Keys are kept. What happened to a job is known seven times as long.",
        low=1,
        high=10 * 86_400,
    )
    max_jobs: int = _set(
        100_000,
        "integer",
        "jobs",
        "Jobs that may wait; the next one gets 429 with Retry-After.",
        low=1,
        high=10_000_000,
    )
    max_job_result_bytes: int = _set(
        100 * MIB, "bytes", "jobs", "Largest result of a job; with a larger one it has failed.", low=1, high=1024 * MIB
    )

    max_body_bytes: int = _set(
        10 * MIB, "bytes", "limits", "Largest JSON body; a larger one gets 413.", low=1, high=4096 * MIB
    )
    max_upload_bytes: int = _set(
        100 * MIB,
        "bytes",
        "limits",
        "Largest multipart or raw media body; a larger one gets 413.",
        low=1,
        high=64 * 1024 * MIB,
    )
    body_memory_bytes: int = _set(
        1024 * MIB,
        "bytes",
        "limits",
        "Memory for large bodies, from their first byte to their answer; past it 503 with Retry-After. "
        "One body alone may be larger.",
        why="Room is reserved when a caller says how much it will send, so it must not be endless.",
        low=1,
        high=64 * 1024 * MIB,
    )
    max_header_bytes: int = _set(
        32 * KIB, "bytes", "limits", "Largest request head; a larger one gets 431.", low=256, high=MIB
    )
    max_headers: int = _set(64, "integer", "limits", "Most headers of a request; more get 431.", low=1, high=1000)
    max_uri_bytes: int = _set(
        8 * KIB, "bytes", "limits", "Longest path and query; a longer one gets 414.", low=64, high=64 * KIB
    )
    first_byte_timeout_s: float = _set(
        10.0, "seconds", "limits", "How long a new connection may stay silent.", low=0.1, high=3600
    )
    header_timeout_s: float = _set(
        10.0, "seconds", "limits", "How long a request head may take to arrive.", low=0.1, high=3600
    )
    body_idle_timeout_s: float = _set(30.0, "seconds", "limits", "Longest pause inside a body.", low=0.1, high=3600)
    body_min_rate_bytes_s: int = _set(
        KIB,
        "bytes",
        "limits",
        "Slowest body, in bytes a second on average, after its first ten seconds.",
        low=0,
        high=1024 * MIB,
    )
    keep_alive_s: float = _set(
        75.0, "seconds", "limits", "How long an idle connection stays open for the next call.", low=0, high=3600
    )
    write_stall_timeout_s: float = _set(
        60.0,
        "seconds",
        "limits",
        "How long a client may take none of its answer before it is cut off.",
        low=0.1,
        high=3600,
    )
    max_connections: int = _set(
        10_000, "integer", "limits", "Most open connections; more are refused.", low=1, high=1_000_000
    )
    max_connections_per_ip: int = _set(
        256,
        "integer",
        "limits",
        "Most open connections from one address. Loopback is exempt.",
        why="A proxy on this machine speaks for many.",
        low=1,
        high=1_000_000,
    )

    allowed_hosts: tuple[str, ...] = _set(
        (),
        "list",
        "access",
        "Host header to answer to; `*.example.com` stands for every name below. None given: every host.",
        metavar="HOST",
    )
    allow_origin: str = _set(
        "",
        "text",
        "access",
        "Origin whose web pages may call from a browser, such as `https://app.example.com`; `*` for every one. "
        "None given: no page of another origin.",
        metavar="ORIGIN",
    )
    fetch_allow: tuple[str, ...] = _set(
        (),
        "list",
        "access",
        "Host or network (`10.1.0.0/16`) that media URLs may point to although it is private.",
        metavar="HOST",
    )
    i_know: bool = _set(
        False,
        "flag",
        "access",
        "Allow `--host` to be an address that other machines can reach: anybody there can call the model.",
        why="Never read from a project file: who runs it decides.",
        in_file=False,
    )


SETTINGS: Mapping[str, Setting] = {item.name: Setting(name=item.name, **item.metadata) for item in fields(Settings)}
"""Every setting by its name, in the order in which documentation shows them."""
