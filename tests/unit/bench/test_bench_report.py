from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from bench.records import BenchError, Failure, Sample
from bench.report import page, plot, table
from bench.results import Results, joined

SYSTEMS = {
    "hotplate": {"title": "Hotplate", "version": "0.1", "processes": "server, 1 worker"},
    "nginx": {"title": "nginx <return>", "version": "1", "processes": "C"},
}


def results(**more: object) -> Results:
    samples = tuple(
        Sample(
            workload="hello",
            variant="",
            system=system,
            round=number,
            values={"rate": rate * number, "p50_ms": 1.5, "p99_ms": 2, "cpu_us": 10, "errors": 0},
        )
        for number in (1, 2)
        for system, rate in (("hotplate", 40_000.0), ("nginx", 80_000.0))
    )
    return Results(
        date="2026-01-02 03:04:05",
        command="python -m bench",
        machine={"cpu": "X", "cores": 2},
        settings={"rounds": 2},
        systems=SYSTEMS,
        samples=samples,
        **more,  # type: ignore[arg-type]
    )


def test_the_best_stands_first_with_its_ratio() -> None:
    (made,) = table.tables(results())
    assert made.headings[0] == "system"
    assert [row[0] for row in made.rows] == ["nginx <return> 1", "Hotplate 0.1"]
    assert made.rows[1][1] == "60,000"
    assert made.rows[1][-1] == "0.500 (0.500, 0.500)"


def test_markdown_has_as_many_cells_in_each_row() -> None:
    lines = [line for line in table.as_markdown(table.tables(results())[0]).splitlines() if line.startswith("|")]
    assert len(lines) == 4
    assert len({line.count("|") for line in lines}) == 1


def test_the_plot_is_xml_with_a_bar_for_each_system() -> None:
    root = ElementTree.fromstring(plot.svg(results()))  # noqa: S314 our own text
    bars = [node for node in root.iter("{http://www.w3.org/2000/svg}rect") if node.get("rx")]
    assert len(bars) == 2
    widths = [float(bar.get("width", "0")) for bar in bars]
    assert widths[0] > widths[1]


def test_figures_go_between_the_marks_and_the_rest_stays(tmp_path: Path) -> None:
    path = tmp_path / "benchmarks.md"
    path.write_text(f"# Before\n\n{page.BEGIN}\nstale figures\n{page.END}\n\nAfter\n")
    failure = Failure(workload="payload", variant="raw", system="nginx", round=1, why="it said no\nand more")
    for _ in range(2):
        page.write([results(failures=(failure,))], path)
    text = path.read_text()
    assert text.startswith("# Before\n")
    assert text.endswith("\nAfter\n")
    assert "stale" not in text
    assert "60,000" in text
    assert "it said no" in text
    assert text.count("2026-01-02") == 1
    assert path.with_suffix(".svg").read_text().startswith("<svg")


def test_of_several_runs_each_workload_comes_whole_from_its_last(tmp_path: Path) -> None:
    first, other = results(), replace(results(), date="2026-01-03", command="python -m bench --only hop")
    hop = tuple(replace(sample, workload="hop", values={"hop_us": 1.0}) for sample in first.samples)
    again = tuple(replace(sample, values={"rate": 1.0, "errors": 0}) for sample in first.samples[:2])
    one = joined([replace(first, samples=first.samples + hop), replace(other, samples=again)])
    assert [sample.workload for sample in one.samples] == ["hop"] * 4 + ["hello"] * 2
    assert {sample.values["rate"] for sample in one.samples if sample.workload == "hello"} == {1.0}
    path = tmp_path / "benchmarks.md"
    path.write_text(f"{page.BEGIN}\n{page.END}\n")
    page.write([first, replace(other, samples=hop)], path)
    text = path.read_text()
    assert "Measured on 2026-01-02" in text
    assert "Measured on 2026-01-03" in text


def test_a_page_without_marks_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "benchmarks.md"
    path.write_text("nothing")
    with pytest.raises(BenchError, match="once each"):
        page.write([results()], path)
    assert path.read_text() == "nothing"


def test_the_committed_page_has_the_marks() -> None:
    text = page.PAGE.read_text()
    assert text.count(page.BEGIN) == text.count(page.END) == 1
