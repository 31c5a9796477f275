"""`make test` tries again, alone, what failed beside others: once, by name, and never where much failed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SUITE = Path(__file__).resolve().parents[1] / "suite.py"

SHAKY = """
import pathlib
import pytest


@pytest.mark.xdist_group("one")
@pytest.mark.parametrize("what", ["a-b", "c@d"])
def test_shaky(what):
    seen = pathlib.Path(__file__).with_name(f"seen-{what}")
    if not seen.exists():
        seen.touch()
        pytest.fail("not the first time")


def test_fine():
    with open(pathlib.Path(__file__).with_name("fine"), "a") as runs:
        runs.write("x")


@pytest.mark.serial
def test_alone(): ...
"""

CONFTEST = f"""
import sys
import pytest
sys.path.insert(0, {str(SUITE.parent / "support")!r})
import ids
from ids import pytest_itemcollected


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config, items):
    ids.group(config, items)
"""
"""As the suite's own does."""

TOGETHER = """
import os
import pathlib
import pytest


@pytest.mark.xdist_group("together")
@pytest.mark.parametrize("number", range(6))
def test_together(number):
    with open(pathlib.Path(__file__).with_name("process"), "a") as file:
        file.write(os.environ["PYTEST_XDIST_WORKER"] + " ")
"""

BROKEN = """
def test_broken():
    raise SystemError("always")
"""

MANY = """
import pytest


@pytest.mark.parametrize("number", range(9))
def test_many(number):
    assert not number + 1
"""


def suite(folder: Path, processes: int = 1, **files: str) -> subprocess.CompletedProcess[str]:
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "pytest.ini").write_text("[pytest]\nmarkers =\n  serial:\n  torch:\n  soak:\n")
    for name, text in files.items():
        (folder / f"test_{name}.py").write_text(text)
    own = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    own |= {
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTEST_ADDOPTS": "-p xdist",
        "PYTEST_XDIST_AUTO_NUM_WORKERS": str(processes),
    }
    command = [sys.executable, str(SUITE), "."]
    return subprocess.run(command, cwd=folder, env=own, check=False, capture_output=True, text=True, timeout=100)


def test_what_passes_alone_is_named_and_does_not_fail_the_run(tmp_path: Path) -> None:
    run = suite(tmp_path, shaky=SHAKY)
    assert run.returncode == 0, run.stdout
    named = [line for line in run.stdout.splitlines() if line.startswith("passed only at its second try")]
    assert sorted(line.rpartition("::")[2] for line in named) == ["test_shaky[a-b]", "test_shaky[c@d]"]
    assert (tmp_path / "fine").read_text() == "x"


def test_a_group_runs_in_one_process(tmp_path: Path) -> None:
    run = suite(tmp_path, processes=2, together=TOGETHER, shaky=SHAKY)
    assert run.returncode == 0, run.stdout
    ran = (tmp_path / "process").read_text().split()
    assert len(ran) == 6
    assert len(set(ran)) == 1, "each test was handed out by itself"


def test_what_fails_twice_fails_the_run(tmp_path: Path) -> None:
    run = suite(tmp_path, shaky=SHAKY, broken=BROKEN)
    assert run.returncode == 1
    assert run.stdout.count("SystemError: always") > 1
    assert "second try" not in run.stdout.rpartition("one more try")[2]


@pytest.mark.parametrize("others", [{}, {"shaky": SHAKY}])
def test_where_much_fails_nothing_is_tried_again(tmp_path: Path, others: dict[str, str]) -> None:
    run = suite(tmp_path, many=MANY, **others)
    assert run.returncode == 1
    assert "one more try" not in run.stdout
