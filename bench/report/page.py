"""Puts the figures of a run into docs/benchmarks.md, between two marks, and its plot beside it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench import gates
from bench.environments import ROOT
from bench.records import BenchError
from bench.report import plot, table
from bench.results import Results, joined

PAGE = ROOT / "docs" / "benchmarks.md"
BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"


def write(runs: Sequence[Results], page: Path = PAGE) -> None:
    """Replace what stands between the marks by what the runs found. The text around them, which tells the method,
    stays."""
    text = page.read_text()
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        raise BenchError(f"{page} must hold {BEGIN} and {END} once each.")
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    page.write_text(f"{before}{BEGIN}\n\n{figures(runs)}\n\n{END}{after}")
    page.with_suffix(".svg").write_text(plot.svg(joined(runs)))


def figures(runs: Sequence[Results]) -> str:
    """The figures as Markdown: where and when, the goals, the tables, and who could not be measured."""
    results = joined(runs)
    systems = [f"| {told['title']} | {told['version']} | {told['processes']} |" for told in results.systems.values()]
    parts = [
        *(_header(run) for run in runs),
        "![A bar per system for each workload](benchmarks.svg)",
        "\n".join(["| system | version | processes |", "|---|---|---|", *systems]),
        "### Floors and goals\n\n```text\n" + "\n".join(gates.lines(gates.judge(results.samples))) + "\n```",
        *(table.as_markdown(made) for made in table.tables(results)),
    ]
    if results.failures:
        told = [
            f"- {failure.system}, {failure.workload}, round {failure.round}: {failure.why.splitlines()[0]}"
            for failure in results.failures
        ]
        parts.append("### Not measured\n\n" + "\n".join(told))
    return "\n\n".join(parts)


def _header(run: Results) -> str:
    machine = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in run.machine.items())
    settings = ", ".join(f"{name.replace('_', ' ')} {value:g}" for name, value in run.settings.items())
    return f"Measured on {run.date} with `{run.command}`.\nMachine: {machine}.\nSettings: {settings}."
