from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # repository.py, whatever pytest's import mode is

from repository import ROOT, Source, names, read


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def texts() -> list[Source]:
    """Every text file of the repository."""
    return read(names())


@pytest.fixture(scope="session")
def package(texts: list[Source]) -> list[Source]:
    """The Python files of the package. Scaffolds are users' code: they follow a user's habits."""
    return [
        source
        for source in texts
        if source.name.startswith("src/hotplate/")
        and source.name.endswith(".py")
        and not source.name.startswith("src/hotplate/scaffolds/")
    ]
