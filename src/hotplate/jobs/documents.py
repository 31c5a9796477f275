"""Jobs as JSON, for callers of `/jobs`."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import msgspec

from hotplate.edge.response import encode_json
from hotplate.jobs.records import Filter, Job

TRAINING = "deepaas"
"""The origin of jobs that are trainings."""


def document(job: Job, prefix: str) -> dict[str, Any]:
    """One job, a training with its arguments. `prefix` is the path under which the endpoint lies."""
    place = f"{prefix}/jobs/{job.id}"
    progress = None
    if job.progress is not None or job.progress_text:
        progress = {"fraction": job.progress, "text": job.progress_text}
    error = None
    if job.state != "completed" and (job.code or job.error):
        error = {"code": job.code, "message": job.error, "last_output": job.last_output}
    arguments = {"arguments": msgspec.json.decode(job.note)} if job.origin == TRAINING and job.note else {}
    return {
        "id": job.id,
        "status": job.state,
        "route": f"{job.method} {job.path}",
        **arguments,
        "priority": job.priority,
        "attempt": job.attempt,
        "failures": job.failures,
        "crashes": job.crashes,
        "losses": job.losses,
        "progress": progress,
        "error": error,
        "result_status": job.status,
        "created_at": stamp(job.created_at),
        "started_at": stamp(job.started_at),
        "finished_at": stamp(job.finished_at),
        "links": {"self": place, "result": f"{place}/result", "events": f"{place}/events"},
    }


def page_of(jobs: list[Job], prefix: str, wanted: Filter) -> dict[str, Any]:
    """A list of jobs, and what to give as `before` for those that follow.

    One that the store counts as running and that still waits is in no list of running ones.
    """
    after = jobs[-1].seq if len(jobs) == wanted.limit else None
    shown = [job for job in jobs if not wanted.states or job.state in wanted.states]
    return {"jobs": [document(job, prefix) for job in shown], "next_before": after}


def stamp(seconds: float | None) -> str | None:
    """`2026-11-25T21:50:01.123Z`."""
    if seconds is None:
        return None
    whole, micros = divmod(round(seconds * 1_000_000), 1_000_000)
    return f"{_second(whole)}.{micros // 1000:03d}Z"


@lru_cache(maxsize=4)
def _second(whole: int) -> str:
    """Thousands of jobs begin in the same one."""
    return datetime.fromtimestamp(whole, UTC).isoformat().removesuffix("+00:00")


def event(name: str, value: Any) -> bytes:
    """A server-sent event."""
    return b"event: %b\ndata: %b\n\n" % (name.encode(), encode_json(value))


def message(job: Job, event: str, at: float) -> str:
    """What a webhook is sent, as Standard Webhooks say: a type, the time, and the job as it was then."""
    shown = document(job, "")
    del shown["links"]
    data = {"endpoint": job.endpoint.partition("/")[0], **shown}
    return encode_json({"type": f"job.{event}", "timestamp": stamp(at), "data": data}).decode()
