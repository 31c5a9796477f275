"""Jobs as JSON, for callers of `/jobs`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from hotplate.edge.response import encode_json
from hotplate.jobs.records import Job


def document(job: Job, prefix: str) -> dict[str, Any]:
    """One job. `prefix` is the path under which the endpoint lies."""
    place = f"{prefix}/jobs/{job.id}"
    progress = None
    if job.progress is not None or job.progress_text:
        progress = {"fraction": job.progress, "text": job.progress_text}
    error = None
    if job.state != "completed" and (job.code or job.error):
        error = {"code": job.code, "message": job.error, "last_output": job.last_output}
    return {
        "id": job.id,
        "status": job.state,
        "route": f"{job.method} {job.path}",
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


def page_of(jobs: list[Job], prefix: str, limit: int) -> dict[str, Any]:
    """A list of jobs, and what to give as `before` for those that follow."""
    after = jobs[-1].seq if len(jobs) == limit else None
    return {"jobs": [document(job, prefix) for job in jobs], "next_before": after}


def stamp(seconds: float | None) -> str | None:
    """`2026-11-25T21:50:01.123Z`."""
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def event(name: str, value: Any) -> bytes:
    """A server-sent event."""
    return b"event: %b\ndata: %b\n\n" % (name.encode(), encode_json(value))
