"""What is kept: where, how often a job is tried, and who is told of its end."""

from __future__ import annotations

from dataclasses import dataclass

from hotplate.config.setting import setting
from hotplate.config.values import MIB


@dataclass(frozen=True, kw_only=True, init=False, repr=False, eq=False)
class Jobs:
    """What is kept: where, how often a job is tried, and who is told of its end."""

    __slots__ = ()  # `Settings` has them

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
