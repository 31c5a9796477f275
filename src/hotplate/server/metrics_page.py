"""The metrics of one endpoint or of many, in Prometheus' text format. Each family is written once, for all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from hotplate.server.cold_starts import NAME as COLD_START_NAME
from hotplate.server.cold_starts import TEXT as COLD_START_TEXT
from hotplate.server.counted import counted_lines
from hotplate.server.endpoint import Endpoint
from hotplate.server.job_metrics import JobCounts, job_lines
from hotplate.server.metrics import family, histogram
from hotplate.server.replica import Counts
from hotplate.server.totals import Totals


class Subject(NamedTuple):
    """What is told of one endpoint. `labels` set it apart; `endpoints` are those of its revisions in service.

    `counts` and `decisions` are there for endpoints that are scaled.
    """

    labels: dict[str, str]
    totals: Totals
    endpoints: Sequence[Endpoint]
    counts: Counts | None = None
    decisions: int = 0
    jobs: JobCounts | None = None


def endpoint_lines(subjects: Sequence[Subject]) -> list[str]:
    """All families of endpoints."""
    return [
        *_routes(subjects),
        *_numbers(subjects),
        *_scaling(subjects),
        *_times(subjects),
        *_own(subjects),
        *_jobs(subjects),
    ]


def _routes(subjects: Iterable[Subject]) -> list[str]:
    routes = [(each.labels, route) for each in subjects for route in each.totals.routes.values()]
    lines = family(
        "hotplate_requests_total",
        "counter",
        "Answers by route and status code.",
        [
            ({**labels, "route": route.path, "code": code}, count)
            for labels, route in routes
            for code, count in sorted(route.codes.items())
        ],
    )
    lines += histogram(
        "hotplate_request_duration_seconds",
        "From the last byte of a request to its answer.",
        [({**labels, "route": route.path}, route.duration) for labels, route in routes],
    )
    lines += histogram(
        "hotplate_batch_size",
        "Items per call of a batched function.",
        [({**labels, "route": route.path}, route.batch_size) for labels, route in routes if route.batch_size],
    )
    return lines


def _numbers(subjects: Sequence[Subject]) -> list[str]:
    lines: list[str] = []
    told: tuple[tuple[str, str, str, Callable[[Subject], float]], ...] = (
        (
            "hotplate_requests_in_progress",
            "gauge",
            "Calls that are with a worker.",
            lambda each: sum(endpoint.in_progress for endpoint in each.endpoints),
        ),
        (
            "hotplate_queue_depth",
            "gauge",
            "Requests that wait for a slot.",
            lambda each: sum(endpoint.waiting for endpoint in each.endpoints),
        ),
        (
            "hotplate_requests_refused_total",
            "counter",
            "Requests refused because the queue was full.",
            lambda each: each.totals.refused,
        ),
        (
            "hotplate_workers_ready",
            "gauge",
            "Workers that take calls.",
            lambda each: sum(link.ready for endpoint in each.endpoints for link in endpoint.links),
        ),
        (
            "hotplate_worker_restarts_total",
            "counter",
            "Workers started to replace one that died.",
            lambda each: each.totals.restarts,
        ),
        (
            "hotplate_replicas_lost_total",
            "counter",
            "Replicas that were lost with the machine or the place that they ran on.",
            lambda each: each.totals.losses,
        ),
        (
            "hotplate_calls_lost_total",
            "counter",
            "Calls that ran in a worker that died.",
            lambda each: each.totals.lost_calls,
        ),
    )
    for name, kind, text, value in told:
        lines += family(name, kind, text, [(each.labels, value(each)) for each in subjects])
    return lines


def _scaling(subjects: Iterable[Subject]) -> list[str]:
    scaled = [(each, each.counts) for each in subjects if each.counts is not None]
    if not scaled:
        return []
    lines = family(
        "hotplate_replicas",
        "gauge",
        "Replicas by state.",
        [
            ({**each.labels, "state": state}, count)
            for each, counts in scaled
            for state, count in (
                ("starting", counts.starting),
                ("ready", counts.ready),
                ("busy", counts.busy),
                ("stopping", counts.stopping),
            )
        ],
    )
    lines += family(
        "hotplate_scaling_decisions_total",
        "counter",
        "Decisions of the autoscaler that changed the number of replicas.",
        [(each.labels, each.decisions) for each, _ in scaled],
    )
    return lines


def _times(subjects: Iterable[Subject]) -> list[str]:
    lines = histogram(
        "hotplate_queue_wait_seconds",
        "Time in the queue, of requests that waited.",
        [(each.labels, each.totals.queue_wait) for each in subjects],
    )
    cold = [
        ({**each.labels, "level": level, "part": part}, times)
        for each in subjects
        for (level, part), times in sorted(each.totals.cold_starts.items())
    ]
    return lines + (histogram(COLD_START_NAME, COLD_START_TEXT, cold) if cold else [])


def _jobs(subjects: Iterable[Subject]) -> list[str]:
    return job_lines([(each.labels, each.jobs) for each in subjects if each.jobs is not None])


def _own(subjects: Iterable[Subject]) -> list[str]:
    return counted_lines([(each.labels, each.totals.counted) for each in subjects])
