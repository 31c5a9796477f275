"""Tables of a run: one per workload and variant, a row per system, medians and paired ratios."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench import summary
from bench.records import Sample
from bench.results import Results
from bench.summary import Spread
from bench.workloads import WORKLOADS
from bench.workloads.base import Metric, Variant, Workload

NOISY = "~"
"""Stands behind a figure that comes from noisy windows."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table as text: a title, headings, rows. The first column is text, the others are numbers."""

    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def tables(results: Results) -> list[Table]:
    """Everything that was measured."""
    made: list[Table] = []
    for workload in WORKLOADS.values():
        for variant in workload.variants:
            samples = [
                sample
                for sample in results.samples
                if (sample.workload, sample.variant) == (workload.name, variant.name)
            ]
            if samples:
                made.append(_table(workload, variant, samples, results))
    return made


def _table(workload: Workload, variant: Variant, samples: Sequence[Sample], results: Results) -> Table:
    present = dict.fromkeys(sample.system for sample in samples)
    metrics = [metric for metric in workload.metrics if any(metric.name in sample.values for sample in samples)]
    references = [name for name in workload.references if name in present]
    rows = [_row(workload, variant, system, metrics, references, samples, results) for system in present]
    order = sorted(rows, key=lambda row: row[0], reverse=workload.main.higher_is_better)
    compared = (f"of {_short(results, name)} (min, max)" for name in references)
    return Table(
        title=f"{workload.title} · {variant.name}" if variant.name else workload.title,
        headings=("system", *(metric.unit for metric in metrics), *compared),
        rows=tuple(cells for _, cells in order),
    )


def _row(
    workload: Workload,
    variant: Variant,
    system: str,
    metrics: Sequence[Metric],
    references: Sequence[str],
    samples: Sequence[Sample],
    results: Results,
) -> tuple[float, tuple[str, ...]]:
    figures = [summary.of(samples, workload.name, variant.name, system, metric.name) for metric in metrics]
    main = figures[0].median if figures[0] else 0.0
    numbers = (_number(figure, metric.digits) for figure, metric in zip(figures, metrics, strict=True))
    ratios = (
        _ratio(
            summary.paired(
                samples,
                workload.name,
                variant.name,
                workload.main.name,
                system,
                (reference,),
                higher_is_better=workload.main.higher_is_better,
            )
        )
        for reference in references
    )
    return main, (_title(results, system), *numbers, *ratios)


def _title(results: Results, system: str) -> str:
    told = results.systems.get(system)
    return f"{told['title']} {told['version']}".strip() if told else system


def _short(results: Results, system: str) -> str:
    told = results.systems.get(system)
    return told["title"] if told else system


def _number(figure: Spread | None, digits: int) -> str:
    return "-" if figure is None else f"{figure.median:,.{digits}f}{'' if figure.quiet else NOISY}"


def _ratio(figure: Spread | None) -> str:
    if figure is None:
        return "-"
    return f"{_three(figure.median)} ({_three(figure.low)}, {_three(figure.high)})"


def _three(number: float) -> str:
    """A ratio in about three digits."""
    return f"{number:,.0f}" if number >= 100 else f"{number:.3g}" if number >= 1 else f"{number:.3f}"


def as_text(table: Table) -> str:
    """For a terminal."""
    return "\n".join([table.title, *_lines(table)])


def as_markdown(table: Table) -> str:
    """For a page."""
    bar = "|".join(["---", *("---:" for _ in table.headings[1:])])
    body = (f"| {' | '.join(row)} |" for row in (table.headings, *table.rows))
    first = next(body)
    return "\n".join([f"### {table.title}", "", first, f"|{bar}|", *body])


def _lines(table: Table) -> Iterator[str]:
    rows = (table.headings, *table.rows)
    widths = [max(len(row[at]) for row in rows) for at in range(len(table.headings))]
    for row in rows:
        first, *others = (
            cell.rjust(width) if at else cell.ljust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        yield "  ".join([f"  {first}", *others])
