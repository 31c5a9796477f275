from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import pytest

from hotplate.cli import main
from hotplate.dialects.base import Evidence, Match


@dataclass
class Ran:
    """What a command line did."""

    code: int
    out: str
    err: str


@pytest.fixture
def cli(capsys, monkeypatch, tmp_path):
    """Run a command line in this process, in an empty folder and without this shell's settings."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("HOTPLATE_")]:
        monkeypatch.delenv(name)

    def run(*words: str) -> Ran:
        capsys.readouterr()
        try:
            code = main(words)
        except SystemExit as end:
            code = int(str(end.code))
        seen = capsys.readouterr()
        return Ran(code, seen.out, seen.err)

    return run


@dataclass
class FakeServer:
    """Takes the place of the server and the dialects, and remembers what it was called with."""

    runs: list[dict[str, Any]] = field(default_factory=list)
    detected: list[tuple[Any, Any]] = field(default_factory=list)
    code: int = 0
    failure: BaseException | None = None
    match: Match = Match(
        dialect="service",
        entry="service:Hello",
        evidence=(Evidence(file="service.py", line=3, text="class Hello(Service)"),),
    )
    contract: Any = None

    def detect(self, project, dialect=None):
        self.detected.append((project, dialect))
        return self.match

    def get(self, name):
        assert name == self.match.dialect
        return self

    def describe(self, project, match, settings=None):
        return self.contract

    def run(self, **arguments):
        self.runs.append(arguments)
        if self.failure is not None:
            raise self.failure
        return self.code


@pytest.fixture
def server(monkeypatch):
    fake = FakeServer()
    for name, exported in {
        "hotplate.server": ("run", "describe"),
        "hotplate.dialects.registry": ("detect", "get"),
    }.items():
        module = ModuleType(name)
        for word in exported:
            setattr(module, word, getattr(fake, word))
        monkeypatch.setitem(sys.modules, name, module)
    return fake
