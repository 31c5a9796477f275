from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench import cores, procfs


def write(proc: Path, pid: int, *, parent: int, session: int, ticks: tuple[int, int, int, int], pss_kb: int) -> None:
    folder = proc / str(pid)
    folder.mkdir(parents=True)
    fields = ["S", parent, 0, session, *[0] * 7, *ticks, *[0] * 4, 1000 + pid, 0]
    # A name may hold brackets and blanks, and still the fields after it have to be found.
    (folder / "stat").write_text(f"{pid} (a) (b c) {' '.join(map(str, fields))}")
    (folder / "smaps_rollup").write_text(f"Rss: 1 kB\nPss:   {pss_kb} kB\nPss_Dirty: 7 kB\n")


@pytest.fixture
def proc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(procfs, "PROC", tmp_path)
    monkeypatch.setattr(procfs, "TICKS_PER_S", 100)
    write(tmp_path, 10, parent=1, session=10, ticks=(100, 50, 25, 25), pss_kb=1000)
    write(tmp_path, 11, parent=10, session=10, ticks=(1, 2, 3, 4), pss_kb=500)
    write(tmp_path, 12, parent=11, session=12, ticks=(0, 0, 0, 0), pss_kb=250)  # left the session
    write(tmp_path, 13, parent=1, session=10, ticks=(0, 0, 0, 0), pss_kb=250)  # lost its parent
    write(tmp_path, 20, parent=1, session=20, ticks=(900, 900, 900, 900), pss_kb=9000)  # someone else
    return tmp_path


def test_a_tree_is_the_descendants_and_the_session(proc: Path) -> None:
    assert {found.pid for found in procfs.tree(10)} == {10, 11, 12, 13}


def test_cpu_counts_children_that_are_gone_too(proc: Path) -> None:
    assert procfs.cpu_s(procfs.tree(10)) == pytest.approx(2.1)


def test_pss_is_added_up_in_megabytes(proc: Path) -> None:
    assert procfs.pss_mb(procfs.tree(10)) == pytest.approx(2000 * 1024 / 1e6)


def test_a_process_that_is_gone_is_none(proc: Path) -> None:
    assert procfs.process(99) is None


def test_only_the_named_cores_are_busy(proc: Path) -> None:
    (proc / "stat").write_text(
        "cpu  9 9 9 9 9 9 9 9 0 0\n"
        "cpu0 100 0 100 5000 70 0 50 50 0 0\ncpu1 7 0 0 1 1 0 0 0 0 0\ncpu10 900 0 0 0 0 0 0 0\n"
    )
    assert procfs.busy_s({0}) == pytest.approx(3.0)


def test_this_process_reads_itself() -> None:
    mine = procfs.tree(os.getpid())
    assert os.getpid() in {found.pid for found in mine}
    assert procfs.pss_mb(mine) > 1


def test_a_child_inherits_the_core_and_the_parent_gets_its_own_back() -> None:
    before = os.sched_getaffinity(0)
    one = min(before)
    with cores.pinned({one}):
        code = "import os; print(*os.sched_getaffinity(0))"
        seen = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert seen.split() == [str(one)]
    assert os.sched_getaffinity(0) == before


def test_the_client_is_kept_off_the_other_thread_of_the_servers_core(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {2, 3, 4})
    monkeypatch.setattr(cores, "siblings", lambda core: {core, core + 1})
    assert cores.choose() == (2, 4)
