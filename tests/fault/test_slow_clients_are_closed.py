"""Silent, slow and stalled clients are closed within the limits, and cost nobody else anything."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from serving import Server, read_all, serve, write_project

from tests.fault.models import MISBEHAVING

HEAD = b"POST /infer HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = write_project(tmp_path_factory.mktemp("strict"), MISBEHAVING)
    limits = ("--first-byte-timeout", "1s", "--header-timeout", "1s", "--body-idle-timeout", "1s", "--keep-alive", "1s")
    with serve(folder, *limits) as running:
        yield running


def closes(sock: socket.socket, seconds: float = 8.0) -> bytes:
    """Read to its end, which comes after a second; a busy machine may need more."""
    begun = time.monotonic()
    sock.settimeout(seconds)
    got = read_all(sock)
    assert time.monotonic() - begun < seconds, "still open"
    return got


def test_one_that_sends_nothing(strict: Server) -> None:
    with strict.connect() as sock:
        assert closes(sock) == b""


@pytest.mark.parametrize("sent", [b"P", HEAD], ids=["one byte", "half a head"])
def test_one_that_stops_in_the_head(strict: Server, sent: bytes) -> None:
    with strict.connect() as sock:
        sock.sendall(sent)
        assert closes(sock).startswith(b"HTTP/1.1 408 ")


def test_one_that_drips_its_head(strict: Server) -> None:
    with strict.connect() as sock:
        begun = time.monotonic()
        with pytest.raises(OSError):  # noqa: PT012 - reset or broken pipe, whenever it comes
            while time.monotonic() - begun < 8:
                sock.sendall(b"X")
                time.sleep(0.1)
        assert time.monotonic() - begun < 5, "each byte renewed the deadline"


@pytest.mark.parametrize(
    "head",
    [HEAD + b"Content-Length: 1000\r\n\r\n{", HEAD + b"Content-Length: 1000000\r\n\r\n{"]
    + [HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\n{"],
    ids=["small body", "large body", "chunked body"],
)
def test_one_that_stops_in_the_body(strict: Server, head: bytes) -> None:
    with strict.connect() as sock:
        sock.sendall(head)
        assert closes(sock).startswith(b"HTTP/1.1 408 ")


def test_an_idle_connection_is_closed_after_its_time(strict: Server) -> None:
    with strict.connect() as sock:
        sock.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b" 200 " in sock.recv(4096)
        assert closes(sock) == b""


def test_a_reader_that_stalls_is_cut(tmp_path: Path) -> None:
    write_project(
        tmp_path,
        {
            "service.py": """
from typing import AsyncIterator
from hotplate import Service
class Flood(Service):
    async def infer(self, size: int) -> AsyncIterator[str]:
        for n in range(100000):
            yield "x" * size
"""
        },
    )
    with serve(tmp_path, "--write-stall-timeout", "1s") as server, server.connect() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        body = b'{"size": 10000}'
        sock.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        server.wait_for(lambda s: s.metric("hotplate_requests_in_progress") == 1, "the stream")
        status = Path(f"/proc/{server.process.pid}/status").read_text()
        server.wait_for(lambda s: s.metric("hotplate_requests_in_progress") == 0, "the cut")
        grown = Path(f"/proc/{server.process.pid}/status").read_text()
        assert rss_kb(grown) - rss_kb(status) < 8 * 1024, "the stream was kept in memory"


def rss_kb(status: str) -> int:
    return int(status.split("VmRSS:")[1].split()[0])


def test_hundreds_of_them_at_once_leave_good_clients_alone(strict: Server) -> None:
    slow = [strict.connect() for _ in range(400)]
    try:
        for number, sock in enumerate(slow):
            sock.sendall((b"", b"P", HEAD, HEAD + b"Content-Length: 100000\r\n\r\n{")[number % 4])
        times: list[float] = []
        for n in range(50):
            begun = time.monotonic()
            assert strict.post("/infer", {"prompt": str(n)}).status == 200
            times.append(time.monotonic() - begun)
        assert sorted(times)[45] < 0.5
        strict.wait_for(lambda s: s.metric("hotplate_connections") < 20, "their end")
    finally:
        for sock in slow:
            sock.close()
