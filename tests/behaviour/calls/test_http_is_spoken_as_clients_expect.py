"""HTTP/1.1 and 1.0 on a connection: pipelines, odd but right requests, keep-alive and its end."""

from __future__ import annotations

import time

import pytest
from raw_http import HEAD, Reader, chunked, post
from serving import Server

PING = b"GET /ping HTTP/1.1\r\nHost: localhost\r\n\r\n"


def test_pipelined_requests_are_answered_in_their_order(echo: Server) -> None:
    sent = b"".join(post({"text": str(n)}) for n in range(50))
    with echo.connect() as sock:
        reader = Reader(sock)
        sock.sendall(sent)
        assert [reader.reply().json()["output"] for _ in range(50)] == [str(n) for n in range(50)]


def test_a_pipeline_of_everything(echo: Server) -> None:
    sent = [
        (post({"text": "a"}), 200),
        (PING, 200),
        (post({"wrong": "a"}), 422),
        (post(b"{"), 422),
        (b"GET /nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n", 404),
        (post({"text": "x" * 50_000}), 200),
        (chunked(b'{"text": "b"}', 3), 200),
        (b"\r\n" + post({"text": "after an empty line"}), 200),
        (chunked(b'{"text": "%b"}' % (b"c" * 50_000), 999), 200),
        (post(b"x" * 40_000, "/nowhere"), 404),
        (b"GET /infer HTTP/1.1\r\nHost: localhost\r\n\r\n", 405),
        (PING, 200),
    ]
    with echo.connect() as sock:
        reader = Reader(sock)
        sock.sendall(b"".join(request for request, _ in sent))
        assert [reader.reply().status for _ in sent] == [status for _, status in sent]


def test_a_malformed_request_in_a_pipeline_is_answered_after_those_before_it_and_ends_it(echo: Server) -> None:
    with echo.connect() as sock:
        reader = Reader(sock)
        sock.sendall(post({"text": "a"}) + b"GET / HTTP/1.1\r\n\r\n" + post({"text": "b"}))
        assert [reader.reply().status, reader.reply().status] == [200, 400]
        assert reader.closed()


def test_a_pipeline_without_end_takes_no_memory(echo: Server) -> None:
    """Its sender reads answers, but sends far more than a connection keeps."""
    batch = post({"text": "x"}) * 400
    with echo.connect() as sock:
        sock.settimeout(0.01)
        reader = Reader(sock)
        before = echo.rss_kb()
        sent = answered = 0
        rest = b""
        begun = time.monotonic()
        while time.monotonic() - begun < 2:
            try:
                rest = rest or batch
                done = sock.send(rest)
                sent, rest = sent + done, rest[done:]
            except TimeoutError:
                pass
            try:
                answered += reader.more().count(b"HTTP/1.1 200")
                reader.data = b""
            except TimeoutError:
                pass
        assert answered > 100
        assert echo.rss_kb() - before < 4096, f"after {sent} bytes"


def test_a_head_that_comes_byte_by_byte(echo: Server) -> None:
    with echo.connect() as sock:
        for byte in post({"text": "slowly"}):
            sock.sendall(bytes((byte,)))
        assert Reader(sock).reply().json()["output"] == "slowly"


@pytest.mark.parametrize("empty", [b"\r\n", b"\r\n\r\n", b"\r\n" * 5])
def test_empty_lines_before_a_request_are_skipped(echo: Server, empty: bytes) -> None:
    with echo.connect() as sock:
        reader = Reader(sock)
        sock.sendall(empty + PING)
        assert reader.reply().status == 200
        sock.sendall(empty)
        sock.sendall(PING)
        assert reader.reply().status == 200


def test_connection_close_is_kept(echo: Server) -> None:
    with echo.connect() as sock:
        sock.sendall(post({"text": "a"}, more=b"Connection: close\r\n"))
        reader = Reader(sock)
        reply = reader.reply()
        assert reply.headers["connection"] == "close"
        assert reader.closed()


def test_http_1_0_closes_unless_asked_to_stay(echo: Server) -> None:
    with echo.connect() as sock:
        sock.sendall(post({"text": "a"}, version=b"1.0"))
        reader = Reader(sock)
        assert reader.reply().headers["connection"] == "close"
        assert reader.closed()
    with echo.connect() as sock:
        reader = Reader(sock)
        for _ in range(3):
            sock.sendall(post({"text": "a"}, version=b"1.0", more=b"Connection: keep-alive\r\n"))
            assert reader.reply().headers["connection"] == "keep-alive"
    assert echo.raw(b"GET /ping HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.1 200 "), "1.0 needs no Host"


@pytest.mark.parametrize(
    ("target", "status"),
    [
        (b"/infer", 200),
        (b"http://localhost/infer", 200),
        (b"HTTP://localhost:1234/infer?x=1", 200),
        (b"/infe%72", 200),
        (b"/%69nfer?a=%00", 200),
        (b"/infer%2f", 307),
        (b"/infer/", 307),
        (b"//infer", 404),
        (b"/infer%00", 404),
        (b"/%252e%252e/infer", 404),
        (b"/../infer", 404),
        (b"/infer%ff", 400),
        (b"*", 404),
    ],
)
def test_targets(echo: Server, target: bytes, status: int) -> None:
    answer = echo.raw(
        post({"text": "a"}).replace(b"/infer", target, 1).replace(b"\r\n", b"\r\nConnection: close\r\n", 1)
    )
    assert int(answer.split()[1]) == status, answer


def test_many_requests_on_one_connection(echo: Server) -> None:
    with echo.connect() as sock:
        reader = Reader(sock)
        for n in range(1000):
            sock.sendall(post({"text": str(n)}))
            assert reader.reply().json()["output"] == str(n)
    assert echo.metric("hotplate_connections") <= 1


@pytest.mark.parametrize("path", ["/", "/docs", "/openapi.json", "/healthcheck", "/livez", "/readyz", "/ping"])
def test_head_is_get_without_the_body(echo: Server, path: str) -> None:
    with echo.connect() as sock:
        reader = Reader(sock)
        sock.sendall(b"GET %b HTTP/1.1\r\nHost: localhost\r\n\r\n" % path.encode())
        whole = reader.reply()
        sock.sendall(b"HEAD %b HTTP/1.1\r\nHost: localhost\r\n\r\n" % path.encode() + PING)
        bare = reader.reply(head_only=True)
        assert (bare.status, bare.headers["content-length"]) == (whole.status, whole.headers["content-length"])
        assert reader.reply().json() == {"message": "pong"}


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH"])
def test_other_methods_on_a_route_are_refused_with_those_it_has(echo: Server, method: str) -> None:
    reply = echo.request(method, "/infer")
    assert reply.status == 405
    assert reply.headers["allow"] == "POST"


def test_every_answer_has_a_date_and_a_length_and_calls_an_id(echo: Server) -> None:
    for reply in (echo.post("/infer", {"text": "a"}), echo.get("/ping"), echo.get("/no"), echo.post("/infer", {})):
        assert reply.headers["date"].endswith(" GMT")
        assert int(reply.headers["content-length"]) == len(reply.body)
    ids = [echo.post("/infer", {"text": "a"}).headers["x-request-id"] for _ in range(5)]
    assert len(set(ids)) == 5


@pytest.mark.parametrize(
    ("given", "kept"), [("abc-DEF_123", True), ("x" * 64, True), ("x" * 65, False), ("a b", False)]
)
def test_a_callers_own_id_is_kept_when_it_is_a_plain_one(echo: Server, given: str, kept: bool) -> None:
    for path in ("/infer", "/nap"):  # an answer, and a refusal by the face
        reply = echo.post(path, {"text": "a"}, headers={"x-request-id": given})
        assert (reply.headers["x-request-id"] == given) == kept


def test_a_client_that_leaves_within_a_body_or_a_head_leaves_nothing(echo: Server) -> None:
    for part in (
        HEAD,
        HEAD + b"Content-Length: 1000\r\n\r\nabc",
        HEAD + b"Content-Length: 1000000\r\n\r\nabc",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n10000\r\n" + b"x" * 60_000,
    ):
        with echo.connect() as sock:
            sock.sendall(part)
    echo.wait_for(lambda s: s.metric("hotplate_connections") <= 1, "the end of the connections")
    assert echo.metric("hotplate_body_memory_bytes") == 0
