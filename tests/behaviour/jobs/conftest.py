from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from job_calls import MODEL
from serving import Server, serve, write_project


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    root: Path = tmp_path_factory.mktemp("jobs")
    write_project(root / "model", MODEL)
    env = {"HOTPLATE_HOME": str(root / "home")}
    with serve(root / "model", "--job-attempts", "2", "--job-crashes", "2", "--slots", "2", env=env) as running:
        yield running
