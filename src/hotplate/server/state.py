"""The live state of a fleet as JSON values: what control and the dashboard show, and a person reads."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import msgspec

from hotplate.server.metrics import SECONDS, Histogram
from hotplate.server.totals import Totals, answers

if TYPE_CHECKING:
    from hotplate.server.fleet import Fleet
    from hotplate.server.served import Served
    from hotplate.server.variant import Variant


def state_of(fleet: Fleet) -> dict[str, Any]:
    """Everything that goes on now. `durations` of an endpoint counts its answers by the `duration_bounds` (seconds)."""
    return {
        "pid": os.getpid(),
        "snapshot": fleet.number,
        "url": fleet.url,
        "duration_bounds": list(SECONDS),
        "connections": len(fleet.edge.connections) if fleet.edge is not None else 0,
        "endpoints": {name: _endpoint(served) for name, served in fleet.served.items()},
    }


def _endpoint(served: Served) -> dict[str, Any]:
    rollout = served.rollout
    variants = rollout.running()
    endpoints = [variant.deployed.endpoint for variant in variants]
    totals = rollout.past.with_live(endpoints)
    total, errors = answers(totals.routes.values())
    durations = Histogram(SECONDS)
    for route in totals.routes.values():
        durations.add(route.duration)
    shares = {variant: share for share, variant in rollout.traffic}
    return {
        "generation": rollout.generation,
        "paused": served.spec.paused,
        "rollout": {"state": rollout.state, "text": rollout.text},
        "revisions": [_variant(variant, shares.get(variant, 0.0)) for variant in variants],
        "queue_depth": sum(endpoint.waiting for endpoint in endpoints),
        "in_flight": sum(endpoint.in_progress for endpoint in endpoints),
        "requests_total": total,
        "errors_total": errors,
        "refused_total": totals.refused,
        "restarts_total": totals.restarts,
        "replicas_lost_total": totals.losses,
        "trouble": next((endpoint.trouble for endpoint in endpoints if endpoint.trouble), ""),
        "p50_s": quantile(durations, 0.5),
        "p99_s": quantile(durations, 0.99),
        "durations": durations.counts,
        "cold_starts": _cold_starts(totals),
    }


def _cold_starts(totals: Totals) -> dict[str, list[float]]:
    """By level: how many workers were started, and the seconds that it took them until they could answer."""
    found: dict[str, list[float]] = {}
    for (level, part), times in totals.cold_starts.items():
        if part in ("spawn", "import", "setup"):
            held = found.setdefault(level, [0, 0.0])
            held[0] = max(held[0], sum(times.counts))
            held[1] += times.total
    return found


def _variant(variant: Variant, percent: float) -> dict[str, Any]:
    replicas: Iterable[Any] = variant.deployed.pool.replicas()
    return {
        "revision": variant.digest,
        "percent": percent,
        "target": variant.deployed.pool.size,
        "next_start": variant.starter.level,
        "template_pid": variant.starter.pid,
        "replicas": [
            {**msgspec.to_builtins(replica), "state": _word(replica.state), "revision": variant.digest}
            for replica in replicas
        ],
    }


def _word(state: str) -> str:
    """A replica's state in the words of the glossary."""
    return {"RUNNING": "running", "STOPPING": "stopping"}.get(state, "starting")


def quantile(histogram: Histogram, share: float) -> float | None:
    """The upper bound under which a share of the values lies; None where there are none."""
    wanted = sum(histogram.counts) * share
    seen = 0
    for bound, count in zip(histogram.bounds, histogram.counts, strict=False):
        seen += count
        if seen and seen >= wanted:
            return bound
    return histogram.bounds[-1] if sum(histogram.counts) else None
