"""A large raw body reaches the model without a copy; media that the model keeps survives the call all the same."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import threading
from collections.abc import Iterator
from http.client import HTTPResponse

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


def test_large_and_small_bodies_take_turns_on_one_connection(server: Server) -> None:
    """Where a connection receives changes with the size of its bodies; pipelined ones lie behind one another there."""
    sizes = [200_000, 10, 3_900, 5_000, 70_000, 0x10000, 1, 900_000, 4_096, 30_000, 300_000, 300_001, 2]
    bodies = [os.urandom(size) for size in sizes]
    kinds = [f"application/octet-stream; n={number % 3}" for number in range(len(sizes))]
    requests = b"".join(
        b"POST /infer HTTP/1.1\r\nHost: localhost\r\nContent-Type: %b\r\nContent-Length: %d\r\n\r\n%b"
        % (kind.encode(), len(body), body)
        for kind, body in zip(kinds, bodies, strict=True)
    )
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as sock:
        sender = threading.Thread(target=sock.sendall, args=(requests,))
        sender.start()
        answers = []
        for _ in bodies:
            answer = HTTPResponse(sock)
            answer.fp = sock.makefile("rb", buffering=0)  # so that the next answer stays in the socket
            answer.begin()
            told = json.loads(answer.read())
            assert answer.status == 200, (len(answers), told)
            answers.append(told["output"])
        sender.join()
    assert answers == [hashlib.sha256(body).hexdigest() for body in bodies]
