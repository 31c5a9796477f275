"""The default policy: enough replicas for the calls in flight, at once; fewer when fewer would have done for long."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

from hotplate.scaling.decision import Wish, calls, replicas

if TYPE_CHECKING:
    from hotplate.deployment.records import Scaling
    from hotplate.scaling.history import History


def wish(history: History, current: int, settings: Scaling, concurrency: int, now: float) -> Wish:
    """The calls in flight, on average over the last second or over the window (the larger), by `concurrency` each.

    More is wanted at once. Fewer is taken only when no more was wanted for `scale_down_delay_s`.
    """
    recent, mean = history.recent.mean or 0.0, history.window.mean or 0.0
    load = max(recent, mean)
    wanted = ceil(load / concurrency)
    delay = settings.scale_down_delay_s
    inputs = {"recent_mean": round(recent, 3), "window_mean": round(mean, 3), "wanted": wanted}
    over = history.recent.length_s if recent >= mean else history.window.length_s
    what = f"{calls(load)} in flight on average over {over:g} s, {concurrency} a replica"
    if wanted >= current:
        return Wish(wanted, f"{what}: {replicas(wanted)} wanted", wanted, inputs)
    uptime = now - history.begun
    if uptime < delay:
        return Wish(current, f"{what}, but watched for only {uptime:.0f} of {delay:g} s", wanted, inputs)
    peak = max(wanted, history.highs.since(now - delay) or 0)
    if peak >= current:
        return Wish(current, f"{what}, but {replicas(peak)} wanted within the last {delay:g} s", wanted, inputs)
    return Wish(peak, f"no more than {replicas(peak)} wanted for {delay:g} s", wanted, inputs | {"peak": peak})
