"""A body that is too large is refused by its length, or as soon as it passes the limit; memory stays flat."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from raw_http import HEAD, Reader, chunked, post
from serving import Server, serve

MIB = 1 << 20


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory, echo: Server) -> Iterator[Server]:
    """The same project with a limit below what a frame holds, and little memory for bodies."""
    words = list(echo.process.args)  # pyright: ignore
    folder = Path(words[words.index("run") + 1])
    with serve(folder, "--max-body-size", "1000", "--max-upload-size", "3MiB", "--body-memory-size", "4MiB") as running:
        yield running


def refused(reply: object, status: int = 413) -> None:
    assert reply.status == status, reply  # pyright: ignore
    assert reply.headers["connection"] == "close"  # pyright: ignore
    assert "x-request-id" in reply.headers  # pyright: ignore


def test_a_length_over_the_limit_is_refused_before_a_byte_of_the_body(echo: Server) -> None:
    with echo.connect() as sock:
        sock.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % (10 * MIB + 1))
        reply = Reader(sock).reply()
        refused(reply)
        assert reply.json()["code"] == "limit_exceeded"


def test_uploads_have_a_limit_of_their_own(echo: Server) -> None:
    head = HEAD.replace(b"application/json", b"application/octet-stream").replace(b"/infer", b"/digest")
    with echo.connect() as sock:
        sock.sendall(head + b"Content-Length: %d\r\n\r\n" % (100 * MIB + 1))
        refused(Reader(sock).reply())
    assert echo.post("/digest", b"x" * (11 * MIB), headers={"content-type": "text/plain"}).status == 200


def test_a_chunked_body_is_refused_when_it_passes_the_limit(echo: Server) -> None:
    before = echo.rss_kb()
    with echo.connect() as sock:
        sock.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
        sent = 0
        sock.settimeout(5)
        try:
            while sent < 60 * MIB:
                sock.sendall(b"10000\r\n" + b"x" * 65536 + b"\r\n")
                sent += 65536
        except OSError:
            pass
        refused(Reader(sock).reply())
    assert echo.rss_kb() - before < 18 * 1024, "limit and 8 MiB"
    assert echo.metric("hotplate_body_memory_bytes") == 0


def test_a_chunk_that_says_it_will_pass_the_limit_is_refused_at_once(echo: Server) -> None:
    with echo.connect() as sock:
        sock.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\nffffffff\r\n")
        refused(Reader(sock).reply())


def test_a_refusal_can_be_read_by_a_client_that_is_still_sending(echo: Server) -> None:
    """Such a client would get a reset, and no answer, from a server that just closed."""
    with echo.connect() as sock:
        sock.sendall(HEAD + b"Content-Length: 50000000\r\n\r\n")
        sender = threading.Thread(target=flood, args=(sock, 50_000_000))
        sender.start()
        sender.join(10)
        refused(Reader(sock).reply())


def flood(sock: socket.socket, size: int) -> None:
    for _ in range(size // 50_000):
        sock.sendall(b"x" * 50_000)


def test_a_client_that_goes_on_sending_is_cut_in_the_end(echo: Server) -> None:
    with echo.connect() as sock, pytest.raises(OSError):  # noqa: PT012
        sock.sendall(HEAD + b"Content-Length: 10000000000\r\n\r\n")
        for _ in range(600):
            sock.sendall(b"x" * 1000)
            threading.Event().wait(0.01)


def test_expect_continue_is_answered_before_the_body(echo: Server) -> None:
    body = b'{"text": "%b"}' % (b"x" * 100_000)
    for length in (b"Content-Length: %d\r\n" % len(body), b"Transfer-Encoding: chunked\r\n"):
        with echo.connect() as sock:
            reader = Reader(sock)
            sock.sendall(HEAD + length + b"Expect: 100-continue\r\n\r\n")
            assert reader.until(b"\r\n\r\n") == b"HTTP/1.1 100 Continue"
            sock.sendall(body if length.startswith(b"Content") else b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body))
            assert reader.reply().status == 200


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (HEAD + b"Content-Length: 100000000\r\n", 413),
        (HEAD.replace(b"/infer", b"/nowhere") + b"Content-Length: 100000\r\n", 404),
        (HEAD.replace(b"POST", b"PUT") + b"Content-Length: 100000\r\n", 405),
    ],
)
def test_a_body_that_would_be_refused_is_not_asked_for(echo: Server, head: bytes, status: int) -> None:
    with echo.connect() as sock:
        sock.sendall(head + b"Expect: 100-continue\r\n\r\n")
        refused(Reader(sock).reply(), status)


def test_no_100_comes_when_the_body_came_with_the_head(echo: Server) -> None:
    with echo.connect() as sock:
        sock.sendall(post({"text": "x" * 50_000}, more=b"Expect: 100-continue\r\n"))
        assert Reader(sock).reply().status == 200


@pytest.mark.parametrize("size", [990, 1001, 31_000, 40_000])
def test_a_limit_below_the_size_of_a_frame_holds(strict: Server, size: int) -> None:
    text = b'{"text": "%b"}' % (b"x" * (size - 12))
    expected = 200 if size <= 1000 else 413
    with strict.connect() as sock:
        sock.sendall(post(text))
        assert Reader(sock).reply().status == expected
    with strict.connect() as sock:
        sock.sendall(chunked(text, 100))
        assert Reader(sock).reply().status == expected


def test_memory_for_bodies_is_limited_together_and_comes_back(strict: Server) -> None:
    """A caller that only says how much it will send reserves room; so the room has an end."""
    head = b"POST /digest HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\nContent-Length: 2500000\r\n\r\n"
    with strict.connect() as first, strict.connect() as second:
        first.sendall(head + b"x")
        strict.wait_for(lambda s: s.metric("hotplate_body_memory_bytes") == 2_500_000, "the room")
        second.sendall(head)
        reply = Reader(second).reply()
        refused(reply, 503)
        assert reply.headers["retry-after"] == "1"
        assert strict.post("/infer", {"text": "small ones pass"}).status == 200
        first.sendall(b"x" * 2_499_999)
        assert Reader(first).reply().status == 200
    strict.wait_for(lambda s: s.metric("hotplate_body_memory_bytes") == 0, "the room")
    assert strict.post("/digest", b"x" * 2_500_000, headers={"content-type": "image/png"}).status == 200
