"""What docs/build.md says of files, packages and limits is what the code does."""

from __future__ import annotations

import re
from pathlib import Path

from hotplate.build import bundle, clash, worker_needs
from hotplate.build.ignore_rules import BUILT_IN
from hotplate.build.requirement_file import Need
from hotplate.build.requirements import Wanted

PAGE = (Path(__file__).parents[2] / "docs/build.md").read_text("utf-8")


def row(start: str) -> str:
    return next(line for line in PAGE.splitlines() if line.startswith(f"| {start}"))


def test_every_built_in_pattern_is_listed():
    assert re.findall(r"`([^`]+)`", row("what is made again")) == [*BUILT_IN["cache"], "pyvenv.cfg"]
    assert re.findall(r"`([^`]+)`", row("what may hold keys")) == [*BUILT_IN["private"]]


def test_the_limits_are_those():
    assert f"{bundle.MAX_FILES:,} files and {bundle.MAX_BYTES >> 30} GiB" in PAGE


def test_what_the_worker_imports_is_listed():
    names = [worker_needs.name_of(text) for text in worker_needs.of_worker(welcome=False)]
    said = re.search(r"worker imports \(([^;]+); ([^)]+)\)", " ".join(PAGE.split()))
    assert said is not None
    assert {name.lower() for name in said[1].split(", ")} == set(names) == worker_needs.NEEDED
    assert all(name in said[2] for name in worker_needs.WELCOME)


def test_the_clash_is_worded_so():
    wanted = Wanted(needs=(Need("msgspec<0.15", "requirements.txt", 2),))
    error = clash.explain_clash(wanted, ["msgspec>=0.19"], {}, "you require msgspec<0.15 and msgspec>=0.19")
    assert f"error: {error.file}:{error.line}: {error.message}\n  {error.hint}\n" in PAGE
