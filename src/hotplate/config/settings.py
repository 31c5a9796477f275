"""Every setting, declared once: its type, default, unit, help and limits.

A setting `timeout_s` is `--timeout` on the command line, `HOTPLATE_TIMEOUT` in the environment and `timeout` in
`hotplate.yaml`: units are written with the value (`30s`, `10MiB`) instead of in the name. This module is on the path
to the first answer, so it imports next to nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

from hotplate.config.setting import ENV_PREFIX as ENV_PREFIX
from hotplate.config.setting import GROUPS as GROUPS
from hotplate.config.setting import Setting as Setting
from hotplate.config.setting import image_setting, ray_setting, setting

KIB = 1024
MIB = 1024 * KIB


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Settings:
    """What one run is configured with. Frozen: nothing changes after start."""

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

    store: str | None = setting(
        None,
        "text",
        "store",
        "Where `hotplate up` keeps endpoints, tokens, secrets and, unless `jobs_store` says otherwise, jobs. auto: "
        "where they were the last time, else in files in HOTPLATE_HOME. A `postgresql://` URL (it may hold a password) "
        "lets several servers share them. `files`: in HOTPLATE_HOME again.",
        auto=True,
        secret=True,
        in_flags=False,
        in_file=False,
        metavar="URL",
    )

    jobs: str = setting(
        "on",
        "choice",
        "jobs",
        "Whether calls with `Prefer: respond-async` become jobs. off: they are answered at once, like any other.",
        choices=("on", "off"),
    )
    jobs_store: str | None = setting(
        None,
        "text",
        "jobs",
        "Where jobs are kept. auto: as `store` says under `hotplate up`, else SQLite in HOTPLATE_HOME. A "
        "`postgresql://` URL (it may hold a password) lets "
        "servers on several hosts share them.",
        auto=True,
        secret=True,
        metavar="URL",
    )
    jobs_blobs: str | None = setting(
        None,
        "text",
        "jobs",
        "Where inputs and results over 256 KiB are kept. auto: in files, or in the PostgreSQL of `jobs_store`. "
        "`s3://BUCKET/PREFIX`: in a bucket, with the keys, region and endpoint of AWS_ACCESS_KEY_ID and its like.",
        auto=True,
        metavar="URL",
    )
    job_timeout_s: float = setting(
        900.0,
        "seconds",
        "jobs",
        "How long one attempt of a job may take; then it has failed, and its worker is replaced if it does not stop.",
        low=0.1,
        high=7 * 86_400,
    )
    job_attempts: int = setting(
        4,
        "integer",
        "jobs",
        "How often a job may fail (a 5xx answer, or `job_timeout`) before it is dead. Between attempts it waits up to "
        "1s, 2s, 4s and so on, at most 5m.",
        low=1,
        high=100,
    )
    job_crashes: int = setting(
        3,
        "integer",
        "jobs",
        "How often the worker may die under a job before the job is dead.",
        why="A job that kills its worker takes the calls beside it along.",
        low=1,
        high=100,
    )
    job_lease_s: float = setting(
        30.0,
        "seconds",
        "jobs",
        "How long a server that gives no sign may keep a job before another one runs it.",
        why="A server that was killed is noticed at once; this is for one that hangs or is stopped.",
        low=1,
        high=3600,
    )
    job_retention_s: float = setting(
        86_400.0,
        "seconds",
        "jobs",
        "How long results and Idempotency-Keys are kept. What happened to a job is known seven times as long.",
        low=1,
        high=10 * 86_400,
    )
    max_jobs: int = setting(
        100_000,
        "integer",
        "jobs",
        "Jobs that may wait; the next one gets 429 with Retry-After.",
        low=1,
        high=10_000_000,
    )
    max_job_result_bytes: int = setting(
        100 * MIB, "bytes", "jobs", "Largest result of a job; with a larger one it has failed.", low=1, high=1024 * MIB
    )

    webhook: str = setting(
        "",
        "text",
        "jobs",
        "URL that is told how each job ended, with a signed POST. A submit can name one of its own besides.",
        metavar="URL",
    )
    webhook_events: tuple[str, ...] = setting(
        (),
        "list",
        "jobs",
        "Event that `webhook` is told of: started, retrying, completed, failed, dead or cancelled. None given: the "
        "four that end a job.",
        metavar="EVENT",
    )
    webhook_secret: str | None = setting(
        None,
        "text",
        "jobs",
        "What webhooks are signed with: `whsec_` and the base64 of 24 to 64 bytes. auto: one that is made with the "
        "first message, and kept as `webhook-secret` beside the jobs.",
        auto=True,
        secret=True,
        in_file=False,
        metavar="SECRET",
    )

    max_body_bytes: int = setting(
        10 * MIB, "bytes", "limits", "Largest JSON body; a larger one gets 413.", low=1, high=4096 * MIB
    )
    max_upload_bytes: int = setting(
        100 * MIB,
        "bytes",
        "limits",
        "Largest multipart or raw media body; a larger one gets 413.",
        low=1,
        high=64 * 1024 * MIB,
    )
    body_memory_bytes: int = setting(
        1024 * MIB,
        "bytes",
        "limits",
        "Memory for large bodies, from their first byte to their answer; past it 503 with Retry-After. "
        "One body alone may be larger.",
        why="Room is reserved when a caller says how much it will send, so it must not be endless.",
        low=1,
        high=64 * 1024 * MIB,
    )
    max_header_bytes: int = setting(
        32 * KIB, "bytes", "limits", "Largest request head; a larger one gets 431.", low=256, high=MIB
    )
    max_headers: int = setting(64, "integer", "limits", "Most headers of a request; more get 431.", low=1, high=1000)
    max_uri_bytes: int = setting(
        8 * KIB, "bytes", "limits", "Longest path and query; a longer one gets 414.", low=64, high=64 * KIB
    )
    first_byte_timeout_s: float = setting(
        10.0, "seconds", "limits", "How long a new connection may stay silent.", low=0.1, high=3600
    )
    header_timeout_s: float = setting(
        10.0, "seconds", "limits", "How long a request head may take to arrive.", low=0.1, high=3600
    )
    body_idle_timeout_s: float = setting(30.0, "seconds", "limits", "Longest pause inside a body.", low=0.1, high=3600)
    body_min_rate_bytes_s: int = setting(
        KIB,
        "bytes",
        "limits",
        "Slowest body, in bytes a second on average, after its first ten seconds.",
        low=0,
        high=1024 * MIB,
    )
    keep_alive_s: float = setting(
        75.0, "seconds", "limits", "How long an idle connection stays open for the next call.", low=0, high=3600
    )
    write_stall_timeout_s: float = setting(
        60.0,
        "seconds",
        "limits",
        "How long a client may take none of its answer before it is cut off.",
        low=0.1,
        high=3600,
    )
    max_connections: int = setting(
        10_000, "integer", "limits", "Most open connections; more are refused.", low=1, high=1_000_000
    )
    max_connections_per_ip: int = setting(
        256,
        "integer",
        "limits",
        "Most open connections from one address. Loopback is exempt.",
        why="A proxy on this machine speaks for many.",
        low=1,
        high=1_000_000,
    )

    allowed_hosts: tuple[str, ...] = setting(
        (),
        "list",
        "access",
        "Host header to answer to; `*.example.com` stands for every name below. None given: every host.",
        metavar="HOST",
    )
    allow_origin: str = setting(
        "",
        "text",
        "access",
        "Origin whose web pages may call from a browser, such as `https://app.example.com`; `*` for every one. "
        "None given: no page of another origin.",
        metavar="ORIGIN",
    )
    fetch_allow: tuple[str, ...] = setting(
        (),
        "list",
        "access",
        "Host or network (`10.1.0.0/16`) that media URLs may point to although it is private.",
        metavar="HOST",
    )
    i_know: bool = setting(
        False,
        "flag",
        "access",
        "Allow `--host` to be an address that other machines can reach: anybody there can call the model.",
        why="Never read from a project file: who runs it decides.",
        in_file=False,
    )

    target: str = setting(
        "local",
        "choice",
        "containers",
        "Where the replicas of endpoints run: processes of this machine, containers of its engine, (loopback) "
        "processes of this machine that are reached by HTTP, as those of another machine are, actors of a Ray cluster, "
        "or, where a project says so, pods of a Kubernetes cluster.",
        choices=("local", "docker", "loopback", "ray", "kubernetes"),
        in_flags=False,
    )
    base_image: str = image_setting(
        "Image to build on; it has Python, and apt for packages. None given: `python:X.Y-slim`.", in_file=True
    )
    build_network: str = image_setting(
        "The engine's network for the steps of an image's build. None given: as the engine has it."
    )
    certificates: str = image_setting("File of CA certificates of this machine's that images are to trust.")
    docker_network: str = image_setting(
        "The engine's network that replicas are in; `none` for no network, and so no way out. auto: one of their own, "
        "in which they reach neither each other, nor this machine, nor link-local addresses; none where the engine has "
        "no bridge. Any other is taken as it is.",
        default="auto",
    )
    link_callback: str = setting(
        "",
        "text",
        "elsewhere",
        "URL at which replicas on other machines reach this server, to call other endpoints. None given: the address "
        "that it listens on, which is of use there unless it is a loopback address.",
        in_flags=False,
        in_file=False,
    )
    link_ca: str = setting(
        "",
        "text",
        "elsewhere",
        "File of the CA certificates by which replicas that speak TLS are known. None given: the system's.",
        in_flags=False,
        in_file=False,
    )
    link_unverified: bool = setting(
        False,
        "flag",
        "elsewhere",
        "Let replicas that speak TLS be anybody: nobody on the way can read along, but who is at the other end is not "
        "known. Otherwise they have to prove that they are the machine that was called.",
        in_flags=False,
        in_file=False,
    )
    link_cert: str = setting(
        "",
        "text",
        "elsewhere",
        "File with the certificate of a replica (`serve --replica`), which then speaks TLS.",
        in_flags=False,
        in_file=False,
    )
    link_key: str = setting(
        "", "text", "elsewhere", "File with the key of that certificate.", in_flags=False, in_file=False
    )
    probe_interval_s: float = setting(
        2.0,
        "seconds",
        "elsewhere",
        "How often a replica on another machine is asked whether it is there.",
        low=0.1,
        high=60,
        in_flags=False,
    )
    probe_timeout_s: float = setting(
        2.0, "seconds", "elsewhere", "How long such a replica may take to say so.", low=0.1, high=60, in_flags=False
    )
    probe_failures: int = setting(
        3,
        "integer",
        "elsewhere",
        "After how many such questions in a row without an answer it counts as lost, and is replaced.",
        low=1,
        high=100,
        in_flags=False,
    )

    ray_address: str = ray_setting(
        "auto",
        "text",
        "Ray cluster of the target `ray`: `HOST:PORT` of its head where this machine is one of its nodes, "
        "`ray://HOST:10001` where it is not, `auto` for the one that runs here.",
        in_file=False,
    )
    ray_python: str = ray_setting(
        "",
        "text",
        "Interpreter that has the cluster's versions of Ray and Python. None given: the one that runs Hotplate.",
        in_file=False,
    )
    ray_placement: str = ray_setting(
        "spread",
        "text",
        "Which node a replica comes to: `spread` over the nodes, `pack` to fill nodes up to half first, or `node:NODE` "
        "(the beginning of its id, its address or its name). An endpoint may have its own.",
    )
    ray_runtime_env: str = ray_setting(
        "",
        "text",
        'Ray\'s `runtime_env` of the actors, as JSON: `{"image_uri": "…"}` runs replicas in an image that has Ray and '
        "the revision. An endpoint may have its own.",
    )
    ray_grows: bool = ray_setting(
        False,
        "flag",
        "An autoscaler adds nodes to the cluster: what no node has now is waited for instead of refused.",
        in_file=False,
    )
    ray_spares: int = ray_setting(
        1,
        "integer",
        "How many actors wait on each node on which replicas were started, so that the next one starts sooner. They "
        "take none of the cluster's resources, but memory. 0: none.",
        low=0,
        high=100,
        in_file=False,
    )
    ray_start_timeout_s: float = ray_setting(
        300.0,
        "seconds",
        "How long a replica may wait for room on the cluster, and for its packages on a new node.",
        low=1,
        high=86_400,
    )
    ray_files: str = ray_setting(
        "auto",
        "choice",
        "How a revision comes to a node: `auto` uses it where it lies on a node that sees the same files, and ships it "
        "to others; `ship` always does that.",
        choices=("auto", "ship"),
        in_file=False,
    )
    ray_cache: str = ray_setting(
        "~/.cache/hotplate",
        "text",
        "Folder on the nodes in which shipped revisions and their environments are kept.",
        in_file=False,
    )


SETTINGS: Mapping[str, Setting] = {item.name: Setting(name=item.name, **item.metadata) for item in fields(Settings)}
"""Every setting by its name, in the order in which documentation shows them."""
