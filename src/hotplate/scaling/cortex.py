"""Cortex's autoscaler, formula and names as in its version 0.32 (pkg/operator/lib/autoscaler/autoscaler.go).

The formula is meant for a look every ten seconds: its factors limit how much may change at each.
"""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

from hotplate.scaling.decision import Wish, calls, replicas

if TYPE_CHECKING:
    from hotplate.deployment.records import Scaling
    from hotplate.scaling.history import History

TICK_S = 10.0


def wish(history: History, current: int, settings: Scaling, concurrency: int, now: float) -> Wish:
    """Mean over the window by target concurrency; tolerances; factors; then the stabilisation periods."""
    mean = history.window.mean
    if mean is None:
        return Wish(current, "nothing was sampled yet", None, {})
    raw = mean / concurrency
    wanted = recommend(raw, current, settings)
    uptime = now - history.begun
    inputs = {
        "window_mean": round(mean, 3),
        "raw": round(raw, 3),
        "recommendation": wanted,
        "uptime_s": round(uptime, 1),
    }
    what = f"{calls(mean)} in flight on average over {history.window.length_s:g} s, {concurrency} a replica"
    what = f"{what}: {replicas(wanted)} recommended"
    size = wanted
    held = ""
    if size < current:
        period = settings.downscale_stabilization_period_s
        highest = max(wanted, history.highs.since(now - period) or 0)
        inputs |= {"highest": highest}
        size = current if uptime < period else highest
        held = f", but up for only {uptime:.0f} of {period:g} s"
        if uptime >= period:
            held = f", but up to {highest} within the last {period:g} s"
    if size > current:  # also after the lines above, as in Cortex
        period = settings.upscale_stabilization_period_s
        lowest = history.lows.since(now - period)
        lowest = wanted if lowest is None else min(wanted, lowest)
        inputs |= {"lowest": lowest}
        size = current if uptime < period else min(size, lowest)
        held = f", but up for only {uptime:.0f} of {period:g} s"
        if uptime >= period:
            held = f", but as few as {lowest} within the last {period:g} s"
    return Wish(size, what if size == wanted else what + held, wanted, inputs)


def recommend(raw: float, current: int, settings: Scaling) -> int:
    """The recommendation of one look, before the stabilisation periods."""
    wanted = ceil(raw)
    if current * (1 - settings.downscale_tolerance) < raw < current:
        wanted = current
    if current < raw < current * (1 + settings.upscale_tolerance):
        wanted = current
    wanted = max(wanted, min(current - 1, ceil(current * settings.max_downscale_factor)))  # one fewer is always allowed
    wanted = min(wanted, max(current + 1, ceil(current * settings.max_upscale_factor)))  # and one more
    return min(max(wanted, 1, settings.min_replicas), settings.max_replicas)
