"""The policies by name, and the rules that stand above all of them: floor, ceiling, from zero, to zero."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hotplate.scaling import concurrency as by_concurrency
from hotplate.scaling import cortex
from hotplate.scaling.decision import Decision, Wish, calls, replicas

if TYPE_CHECKING:
    from hotplate.deployment.records import Scaling
    from hotplate.scaling.history import History

WISHES = {"concurrency": by_concurrency.wish, "cortex": cortex.wish}
TICKS_S = {"concurrency": 0.0, "cortex": cortex.TICK_S}
"""How often a policy is asked; 0: at each sample."""

EARLY_S = 0.01
"""A look that is this much early is in time: timers and clocks do not agree to the microsecond."""


def initial(settings: Scaling) -> int:
    """How many replicas an endpoint begins with."""
    first = settings.min_replicas if settings.initial_replicas is None else settings.initial_replicas
    return bounded(first, settings)


def bounded(size: int, settings: Scaling) -> int:
    """The size within floor and ceiling; the ceiling has the last word."""
    return min(max(size, settings.min_replicas), settings.max_replicas)


def step(
    history: History, running: int, queued: int, current: int, settings: Scaling, concurrency: int, now: float
) -> Decision:
    """Take one sample, and decide. The same history and the same samples give the same decisions."""
    history.sample(now, running + queued)
    due = history.asked is None or now - history.asked >= TICKS_S[settings.policy] - EARLY_S
    wish = Wish(current, "nothing has changed", None, {})
    if due:
        history.asked = now
        wish = WISHES[settings.policy](history, current, settings, concurrency, now)
        if wish.wanted is not None:
            history.note(now, wish.wanted, _memory_s(settings))
    size, reason = _zero(history, current, wish, settings, now)
    after = bounded(size, settings)
    if after != size:
        bound = f"min_replicas is {after}" if after > size else f"max_replicas is {after}"
        reason = f"{reason}, but {bound}"
    inputs = {
        "running": running,
        "queued": queued,
        "concurrency": concurrency,
        "min_replicas": settings.min_replicas,
        "max_replicas": settings.max_replicas,
        **wish.inputs,
    }
    return Decision(at=now, policy=settings.policy, before=current, after=after, reason=reason, inputs=inputs)


def _zero(history: History, current: int, wish: Wish, settings: Scaling, now: float) -> tuple[int, str]:
    """No replica where nothing has been asked for `scale_down_delay_s`; one at once where something is."""
    waiting = history.in_flight
    if waiting:
        if current == 0:
            size = max(1, wish.size)
            return size, wish.reason if size > 1 else f"{calls(waiting)} waiting and no replica"
        return max(1, wish.size), wish.reason
    if current == 0:
        return 0, "no call, no replica"
    idle_s = 0.0 if history.idle_since is None else now - history.idle_since
    delay = settings.scale_down_delay_s
    if idle_s >= delay and now - history.begun >= delay:
        return 0, f"no call for {idle_s:.0f} s"
    if wish.size == 0:
        return min(1, current), f"no call for only {idle_s:.0f} of {delay:g} s: {replicas(1)} stays"
    return wish.size, wish.reason


def _memory_s(settings: Scaling) -> float:
    return max(
        settings.scale_down_delay_s,
        settings.downscale_stabilization_period_s,
        settings.upscale_stabilization_period_s,
    )
