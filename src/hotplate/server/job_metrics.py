"""What /metrics says of jobs."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from hotplate.server.metrics import Histogram, family, histogram

if TYPE_CHECKING:
    from hotplate.jobs.tally import Tally


SECONDS = (0.01, 0.1, 1.0, 10.0, 60.0, 600.0, 3600.0, 86_400.0)


class JobCounts(NamedTuple):
    """What is counted of one endpoint's jobs. `took` is how long their attempts took."""

    tally: Tally
    took: Histogram


def job_lines(counted: Sequence[tuple[dict[str, str], JobCounts]]) -> list[str]:
    """Prometheus' text, for endpoints that have jobs: what tells one from another, and its counts."""
    if not counted:
        return []
    told = [(labels, counts.tally) for labels, counts in counted]
    numbers: tuple[tuple[str, str, str, Callable[[Tally], float]], ...] = (
        ("hotplate_jobs_submitted_total", "counter", "Jobs that were accepted.", lambda tally: tally.submitted),
        ("hotplate_job_attempts_total", "counter", "Attempts that began.", lambda tally: tally.attempts),
        (
            "hotplate_jobs_waiting",
            "gauge",
            "Jobs that wait for a slot or for their next attempt.",
            lambda tally: tally.depth.waiting,
        ),
        (
            "hotplate_jobs_running",
            "gauge",
            "Jobs that run, in any server of this endpoint.",
            lambda tally: tally.depth.running,
        ),
        ("hotplate_jobs_dead", "gauge", "Jobs that used up their attempts.", lambda tally: tally.depth.dead),
        ("hotplate_jobs_oldest_seconds", "gauge", "How long the oldest job that waits has done so.", _oldest_s),
        (
            "hotplate_job_stale_writes_total",
            "counter",
            "Writes refused because the job was no longer ours.",
            lambda tally: tally.stale,
        ),
    )
    lines: list[str] = []
    for name, kind, text, value in numbers:
        lines += family(name, kind, text, [(labels, value(tally)) for labels, tally in told])
    lines += family(
        "hotplate_jobs_ended_total",
        "counter",
        "Jobs that ended, by state.",
        [({**labels, "state": each}, count) for labels, tally in told for each, count in sorted(tally.endings.items())],
    )
    lines += family(
        "hotplate_job_setbacks_total",
        "counter",
        "Attempts that ended without the job, by cause.",
        [
            ({**labels, "cause": each}, count)
            for labels, tally in told
            for each, count in sorted(tally.setbacks.items())
        ],
    )
    lines += histogram(
        "hotplate_job_attempt_seconds",
        "How long attempts took, from when they were handed over.",
        [(labels, counts.took) for labels, counts in counted],
    )
    lines += family(
        "hotplate_webhook_attempts_total",
        "counter",
        "Attempts to deliver a webhook: delivered, missed (it is tried again) or failed.",
        [
            ({**labels, "outcome": each}, count)
            for labels, tally in told
            for each, count in sorted(tally.webhooks.items())
        ],
    )
    return lines


def _oldest_s(tally: Tally) -> float:
    oldest = tally.depth.oldest
    return round(max(0.0, time.time() - oldest), 3) if oldest is not None else 0.0
