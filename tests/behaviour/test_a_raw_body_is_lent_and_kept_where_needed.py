"""A large raw body reaches the model without a copy; media that the model keeps survives the call all the same."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator

import pytest
from serving import Server, serve, write_project

RAW = {"content-type": "application/octet-stream"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = write_project(
        tmp_path_factory.mktemp("keeper"),
        {
            "service.py": """
import hashlib
from hotplate import File, Service

class Keeper(Service):
    def setup(self):
        self.kept = []

    def infer(self, data: File) -> str:
        return hashlib.sha256(data.view).hexdigest()

    def owned(self, data: File) -> bool:
        return isinstance(data.view.obj, bytes)

    def keep(self, data: File) -> int:
        self.kept.append(data)
        return len(self.kept)

    def check(self, index: int) -> str:
        return hashlib.sha256(self.kept[index].to_bytes()).hexdigest()
"""
        },
    )
    with serve(folder) as running:
        yield running


def test_the_model_reads_the_shared_memory_itself(server: Server) -> None:
    body = os.urandom(3_000_000)
    assert server.post("/infer", body, headers=RAW).json()["output"] == hashlib.sha256(body).hexdigest()
    assert server.post("/owned", body, headers=RAW).json()["output"] is False


def test_what_the_model_keeps_is_not_overwritten_by_the_next_body(server: Server) -> None:
    bodies = [os.urandom(1_000_000) for _ in range(4)]
    for body in bodies:
        assert server.post("/keep", body, headers=RAW).status == 200
    for _ in range(10):
        server.post("/infer", os.urandom(1_000_000), headers=RAW)
    for index, body in enumerate(bodies):
        assert server.post("/check", {"index": index}).json()["output"] == hashlib.sha256(body).hexdigest()
