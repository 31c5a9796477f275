from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from serving import Server, serve, write_project

from tests.fault.models import MISBEHAVING


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return write_project(tmp_path / "model", MISBEHAVING)


@pytest.fixture
def server(project: Path) -> Iterator[Server]:
    with serve(project) as running:
        yield running
