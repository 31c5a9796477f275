"""Bodies arrive as they were sent, whatever their size and framing: in a frame, in shared memory, spilled."""

from __future__ import annotations

import hashlib
import os
import random
from concurrent.futures import ThreadPoolExecutor

import pytest
from raw_http import Reader, chunked, post
from serving import Server

KIB, MIB = 1 << 10, 1 << 20
BINARY = {"content-type": "application/octet-stream"}


def check(server: Server, data: bytes) -> None:
    reply = server.post("/digest", data, headers=BINARY, timeout_s=60)
    assert reply.json()["output"] == f"{len(data)} {hashlib.sha256(data).hexdigest()}"


@pytest.mark.parametrize("size", [1, 32 * KIB - 1, 32 * KIB, 32 * KIB + 1, 64 * KIB, 256 * KIB, MIB, 10 * MIB])
def test_raw(echo: Server, size: int) -> None:
    check(echo, os.urandom(size))


@pytest.mark.parametrize("size", [0, 1, 32_000, 32_757, 32_758, 32_768, 33_000, 300_000, 5_000_000])
def test_json_there_and_back(echo: Server, size: int) -> None:
    text = random.Random(size).randbytes(size // 2 + 1).hex()[:size]
    assert echo.post("/infer", {"text": text}).json()["output"] == text


def test_random_sizes_on_one_connection(echo: Server) -> None:
    rng = random.Random(5)
    with echo.connect() as sock:
        reader = Reader(sock)
        for n in range(40):
            text = rng.randbytes(rng.choice((10, 1000, 20_000, 200_000))).hex()
            body = b'{"text": "%b"}' % text.encode()
            sock.sendall(chunked(body, rng.randint(1000, 100_000)) if n % 2 else post({"text": text}))
            reply = reader.reply()
            assert reply.status == 200
            assert reply.json()["output"] == text


def test_several_that_together_are_larger_than_the_shared_memory(echo: Server) -> None:
    data = [os.urandom(30 * MIB) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda one: check(echo, one), data))
    assert echo.metric("hotplate_body_memory_bytes") == 0


@pytest.mark.parametrize(("size", "piece"), [(100, 7), (40_000, 7), (100, 5000), (40_000, 5000), (3_000_000, 5000)])
def test_chunked(echo: Server, size: int, piece: int) -> None:
    body = b'{"text": "%b"}' % os.urandom(size // 2).hex().encode()
    with echo.connect() as sock:
        sock.sendall(chunked(body, piece, trailer=b"X-Checksum: 1\r\n"))
        assert Reader(sock).reply().json()["output"].encode() == body[10:-2]


def test_three_million_chunks_of_one_byte_take_little_time_and_memory(echo: Server) -> None:
    body = b'{"text": "%b"}' % (b"y" * 3_000_000)
    sent = chunked(body, 1)
    before, used = echo.rss_kb(), echo.cpu_s()
    with echo.connect(30) as sock:
        sock.sendall(sent)
        assert len(Reader(sock).reply().json()["output"]) == 3_000_000
    assert echo.cpu_s() - used < 2.0
    assert echo.rss_kb() - before < 24 * KIB


@pytest.mark.parametrize("size", [30_000, 40_000, 1_000_000, 60_000_000, 100_000_000])
def test_answers_of_any_size(echo: Server, size: int) -> None:
    reply = echo.post("/answer", {"size": size}, timeout_s=60)
    assert reply.headers["content-length"] == str(len(reply.body))
    assert reply.body.count(b"x") == size


def test_several_large_answers_at_once(echo: Server) -> None:
    with ThreadPoolExecutor(4) as pool:
        for reply in pool.map(lambda n: echo.post("/answer", {"size": 20_000_000 + n}, timeout_s=60), range(4)):
            assert reply.body.count(b"x") >= 20_000_000
