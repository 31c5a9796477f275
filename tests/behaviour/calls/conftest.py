"""Servers that the tests of this folder share: started once for each file."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from serving import Server, serve, write_project

ECHO = """
import hashlib, time
from hotplate import File, Service

class Echo(Service):
    def infer(self, text: str) -> str:
        return text

    def digest(self, file: File) -> str:
        data = file.to_bytes()
        return f"{len(data)} {hashlib.sha256(data).hexdigest()}"

    def answer(self, size: int) -> str:
        return "x" * size

    def nap(self, seconds: float) -> str:
        time.sleep(seconds)
        return "slept"
"""


@pytest.fixture(scope="module")
def echo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = write_project(tmp_path_factory.mktemp("echo"), {"service.py": ECHO})
    with serve(folder) as running:
        yield running
        assert running.metric("hotplate_body_memory_bytes") == 0, "some body kept its room"
        assert running.metric("hotplate_requests_in_progress") == 0
        assert running.metric("hotplate_queue_depth") == 0
        assert running.metric("hotplate_worker_restarts_total") == 0
