"""A plot of a run as SVG, drawn by hand: a panel per question, a bar per system, on a logarithmic scale."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from bench import summary
from bench.results import Results
from bench.workloads import WORKLOADS
from bench.workloads.base import Workload

WIDTH = 860
LABELS = 190
VALUES = 110
BAR = 18
GAP = 6
HEAD = 40
INK, FAINT, OURS, THEIRS, BOUND = "#1f2328", "#656d76", "#d9480f", "#8c959f", "#c9d1d9"
BOUNDS = ("nginx", "multiprocessing.Queue")
"""What is no server of models, but a line to measure against."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One system in one panel."""

    system: str
    label: str
    value: float


def svg(results: Results) -> str:
    """The whole picture; an SVG without bars where nothing was measured."""
    y = 16
    parts: list[str] = []
    for workload in WORKLOADS.values():
        for variant in workload.variants:
            bars = _bars(results, workload, variant.name)
            if bars:
                title = workload.title + (f" · {variant.name}" if variant.name else "")
                parts += _panel(y, title, workload, bars)
                y += HEAD + len(bars) * (BAR + GAP) + 18
    style = "font: 13px system-ui, -apple-system, 'Segoe UI', sans-serif"
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y}" width="{WIDTH}" height="{y}" '
            f'style="{style}" role="img" aria-label="Measurements by workload and system">',
            f'<rect width="{WIDTH}" height="{y}" fill="#ffffff"/>',
            *parts,
            "</svg>\n",
        ]
    )


def _bars(results: Results, workload: Workload, variant: str) -> list[Bar]:
    seen = dict.fromkeys(
        sample.system for sample in results.samples if sample.workload == workload.name and sample.variant == variant
    )
    bars: list[Bar] = []
    for system in seen:
        figure = summary.of(results.samples, workload.name, variant, system, workload.main.name)
        if figure and figure.median > 0:
            told = results.systems.get(system)
            bars.append(Bar(system, told["title"] if told else system, figure.median))
    return sorted(bars, key=lambda bar: bar.value, reverse=workload.main.higher_is_better)


def _panel(y: int, title: str, workload: Workload, bars: Sequence[Bar]) -> list[str]:
    room = WIDTH - LABELS - VALUES
    low = math.log10(min(bar.value for bar in bars)) - 0.35
    high = max(math.log10(max(bar.value for bar in bars)), low + 0.7)
    better = "more is better" if workload.main.higher_is_better else "less is better"
    unit = f"{workload.main.unit}, {better}, logarithmic"
    parts = [
        f'<text x="12" y="{y + 12}" font-weight="600" fill="{INK}">{escape(title)}</text>',
        f'<text x="12" y="{y + 28}" font-size="11" fill="{FAINT}">{escape(unit)}</text>',
    ]
    for at, bar in enumerate(bars):
        top = y + HEAD + at * (BAR + GAP)
        length = max(2.0, room * (math.log10(bar.value) - low) / (high - low))
        colour = OURS if bar.system == "hotplate" else BOUND if bar.system in BOUNDS else THEIRS
        weight = "600" if bar.system == "hotplate" else "400"
        middle = top + BAR - 5
        parts += [
            f'<text x="{LABELS - 8}" y="{middle}" text-anchor="end" font-weight="{weight}" fill="{INK}">'
            f"{escape(bar.label)}</text>",
            f'<rect x="{LABELS}" y="{top}" width="{length:.1f}" height="{BAR}" rx="2" fill="{colour}"/>',
            f'<text x="{LABELS + length + 6:.1f}" y="{middle}" font-weight="{weight}" fill="{INK}">'
            f"{bar.value:,.{workload.main.digits}f}</text>",
        ]
    return parts
