"""What /metrics says of jobs."""

from __future__ import annotations

import time
from collections.abc import Mapping

from hotplate.jobs.tally import Tally
from hotplate.server.metrics import family


def lines(tally: Tally) -> list[str]:
    """Prometheus' text."""
    depth = tally.depth
    oldest = max(0.0, time.time() - depth.oldest) if depth.oldest is not None else 0.0
    found: list[str] = []
    for name, kind, text, value in (
        ("hotplate_jobs_submitted_total", "counter", "Jobs that were accepted.", tally.submitted),
        ("hotplate_job_attempts_total", "counter", "Attempts that began.", tally.attempts),
        ("hotplate_jobs_waiting", "gauge", "Jobs that wait for a slot or for their next attempt.", depth.waiting),
        ("hotplate_jobs_running", "gauge", "Jobs that run, in any server of this endpoint.", depth.running),
        ("hotplate_jobs_dead", "gauge", "Jobs that used up their attempts.", depth.dead),
        ("hotplate_jobs_oldest_seconds", "gauge", "How long the job that is next has waited.", round(oldest, 3)),
        (
            "hotplate_job_stale_writes_total",
            "counter",
            "Writes refused because the job was no longer ours.",
            tally.stale,
        ),
    ):
        found += family(name, kind, text, [({}, value)])
    found += _by("hotplate_jobs_ended_total", "Jobs that ended, by state.", "state", tally.endings)
    found += _by(
        "hotplate_job_setbacks_total", "Attempts that ended without the job, by cause.", "cause", tally.setbacks
    )
    return found


def _by(name: str, text: str, label: str, counts: Mapping[str, int]) -> list[str]:
    return family(name, "counter", text, [({label: each}, count) for each, count in sorted(counts.items())])
