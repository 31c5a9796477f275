"""The policy `cortex` beside Cortex's own pseudocode, written down from its source as plainly as it goes."""

from __future__ import annotations

import math

from hypothesis import given, settings
from hypothesis import strategies as st

from hotplate.deployment.records import Scaling
from hotplate.scaling.replay import Trace, replay

TICK = 10.0


def pseudocode(in_flight: list[int], s: Scaling, target: int, current: int) -> list[int]:
    """Version 0.32's pkg/operator/lib/autoscaler/autoscaler.go, a sample and a look every ten seconds."""
    sizes: list[int] = []
    recs: list[tuple[float, int]] = []
    cur = current
    for tick in range(len(in_flight)):
        now = tick * TICK
        seen = [in_flight[i] for i in range(tick + 1) if i * TICK > now - s.window_s]
        avg = sum(seen) / len(seen)
        raw = avg / target
        rec = math.ceil(raw)
        if cur * (1 - s.downscale_tolerance) < raw < cur:
            rec = cur
        if cur < raw < cur * (1 + s.upscale_tolerance):
            rec = cur
        rec = max(rec, min(cur - 1, math.ceil(cur * s.max_downscale_factor)))
        rec = min(rec, max(cur + 1, math.ceil(cur * s.max_upscale_factor)))
        rec = min(max(rec, 1, s.min_replicas), s.max_replicas)
        recs.append((now, rec))
        req = rec
        uptime = now
        if req < cur:
            period = s.downscale_stabilization_period_s
            req = cur if uptime < period else max(req, *(r for at, r in recs if at >= now - period))
        if req > cur:
            period = s.upscale_stabilization_period_s
            req = cur if uptime < period else min(req, *(r for at, r in recs if at >= now - period), math.inf)
        cur = min(max(req, s.min_replicas), s.max_replicas)
        sizes.append(int(cur))
    return sizes


@st.composite
def scalings(draw: st.DrawFn) -> Scaling:
    low = draw(st.integers(1, 4))
    return Scaling(
        policy="cortex",
        min_replicas=low,
        max_replicas=draw(st.integers(low, 12)),
        scale_down_delay_s=1e9,
        window_s=draw(st.sampled_from([10.0, 20.0, 60.0, 120.0])),
        downscale_stabilization_period_s=draw(st.sampled_from([0.0, 10.0, 60.0, 300.0])),
        upscale_stabilization_period_s=draw(st.sampled_from([0.0, 10.0, 60.0])),
        max_downscale_factor=draw(st.sampled_from([0.0, 0.5, 0.75, 0.99])),
        max_upscale_factor=draw(st.sampled_from([1.01, 1.5, 3.0])),
        downscale_tolerance=draw(st.sampled_from([0.0, 0.05, 0.5])),
        upscale_tolerance=draw(st.sampled_from([0.0, 0.05, 2.0])),
    )


@st.composite
def levels(draw: st.DrawFn) -> list[int]:
    """Loads that stay for a while, as real ones do, and noise."""
    found: list[int] = []
    for _ in range(draw(st.integers(1, 8))):
        base = draw(st.integers(0, 30))
        found += [max(0, base + draw(st.integers(-1, 1))) for _ in range(draw(st.integers(1, 20)))]
    return found


@settings(max_examples=1000, deadline=None)
@given(loads=levels(), scaling=scalings(), target=st.integers(1, 4), data=st.data())
def test_it_decides_as_cortex_does(loads: list[int], scaling: Scaling, target: int, data: st.DataObject) -> None:
    current = data.draw(st.integers(scaling.min_replicas, scaling.max_replicas))
    trace = Trace(concurrency=target, size=current, samples=tuple((i * TICK, n, 0) for i, n in enumerate(loads)))
    assert [d.after for d in replay(trace, scaling)] == pseudocode(loads, scaling, target, current)


def test_between_the_looks_nothing_changes() -> None:
    scaling = Scaling(policy="cortex", min_replicas=1, max_replicas=9, upscale_stabilization_period_s=0.0)
    trace = Trace(size=1, samples=tuple((i / 10, 50, 0) for i in range(301)))
    changed = [(d.at, d.after) for d in replay(trace, scaling) if d.changed]
    assert changed == [(0.0, 2), (10.0, 3), (20.0, 5), (30.0, 8)]


def test_an_endpoint_that_may_go_to_zero_does_so_after_its_own_delay_and_comes_back_at_once() -> None:
    scaling = Scaling(policy="cortex", min_replicas=0, max_replicas=9, scale_down_delay_s=30.0)
    samples = [(i / 10, 0, 0) for i in range(400)] + [(40.05, 0, 1)]
    changed = [(d.at, d.before, d.after) for d in replay(Trace(size=1, samples=tuple(samples)), scaling) if d.changed]
    assert changed == [(30.0, 1, 0), (40.05, 0, 1)]
