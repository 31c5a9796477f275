"""The fetcher over a scripted network: what it sends, what it reads, how it ends."""

from __future__ import annotations

import socket
import ssl
import threading
import tracemalloc
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scripted_network import ScriptedNetwork, redirect, reply

from hotplate.errors import BlockedURL, FetchFailed, LimitExceeded, SettingError
from hotplate.media import Image, fetch
from hotplate.media.fetch import FetchSettings, Network, configure, current, opened

HERE = Path(__file__).parent
QUICK = FetchSettings(total_s=5, connect_s=2)
NAMES = {"a.example": ["93.184.216.34"], "b.example": ["93.184.216.35"]}


def get(web: ScriptedNetwork, url: str = "http://a.example/x", **changes: object) -> bytes:
    follow = changes.pop("follow_redirects", True)
    try:
        return fetch.fetch(
            url,
            follow_redirects=bool(follow),
            settings=replace(QUICK, **changes),  # type: ignore[arg-type]
            network=web.network,
        )
    finally:
        web.join()


@pytest.mark.parametrize(
    "answer",
    [
        reply(b"hello"),
        reply(b"hello", "X-Long: " + "x" * 20_000),
        reply(b"hello", length=False),
        reply(b"hello", "Content-Encoding: identity"),
        b"HTTP/1.0 200\r\n\r\nhello",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + reply(b"hello"),
        reply(b"5\r\nhello\r\n0\r\n\r\n", "Transfer-Encoding: chunked", length=False),
        reply(b"1;x=y\r\nh\r\n04 \r\nello\r\n0\r\nTrailer: 1\r\n\r\n", "Transfer-Encoding: Chunked", length=False),
        reply(b"5\r\nhello\r\n0\r\n\r\n", "Content-Length: 3", "Transfer-Encoding: chunked", length=False),
        reply(b"hello") + b"more that is not read",
    ],
)
def test_it_reads_every_framing(answer: bytes) -> None:
    assert get(ScriptedNetwork(NAMES, [answer])) == b"hello"


def test_it_reads_an_answer_that_comes_byte_by_byte() -> None:
    def drip(sock: socket.socket, _: bytes) -> None:
        for byte in reply(b"2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", "Transfer-Encoding: chunked", length=False):
            sock.sendall(bytes([byte]))

    assert get(ScriptedNetwork(NAMES, [drip])) == b"hello"


def test_what_it_sends(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    web = ScriptedNetwork(NAMES, [reply(b"")])
    get(web, "http://A.example:80/x?y=1#z")
    assert web.connections == [("93.184.216.34", 80)]
    head, _, body = web.requests[0].partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert lines[0] == "GET /x?y=1 HTTP/1.1"
    assert {line.partition(":")[0] for line in lines[1:]} == {
        "Host",
        "User-Agent",
        "Accept",
        "Accept-Encoding",
        "Connection",
    }
    assert "Host: a.example" in lines
    assert "Accept-Encoding: identity" in lines
    assert body == b""


def test_another_method_with_a_body() -> None:
    web = ScriptedNetwork(NAMES, [redirect("http://b.example/")])
    with opened(
        "http://a.example/hook", method="POST", headers={"X-A": "1"}, body=b"{}", settings=QUICK, network=web.network
    ) as answer:
        assert answer.status == 302
    web.join()
    assert web.requests[0].startswith(b"POST /hook HTTP/1.1\r\n")
    assert b"Content-Length: 2\r\n" in web.requests[0]
    assert b"X-A: 1\r\n" in web.requests[0]


@pytest.mark.parametrize("value", ["a\r\nX: y", "a\nX: y", "a\rb", "é", "a\0"])
def test_a_header_cannot_be_split(value: str) -> None:
    web = ScriptedNetwork(NAMES, [reply(b"")])
    with (
        pytest.raises(ValueError, match="header"),
        opened("http://a.example/", headers={"X": value}, settings=QUICK, network=web.network),
    ):
        pass
    web.join()


@pytest.mark.parametrize("status", ["404 Not Found", "500 Oops", "206 Partial Content", "304 Not Modified", "204 None"])
def test_a_status_other_than_200_fails(status: str) -> None:
    with pytest.raises(FetchFailed) as caught:
        get(ScriptedNetwork(NAMES, [reply(b"", status=status)]), "http://a.example/x?sig=SECRET")
    assert caught.value.message == f"status {status[:3]} (http://a.example/x)"


def test_redirects_are_followed_to_the_third() -> None:
    answers = [redirect("/1"), redirect("http://b.example/2", "301 Moved"), redirect("3", "307 T"), reply(b"end")]
    web = ScriptedNetwork(NAMES, answers)
    assert get(web) == b"end"
    assert [r.split(b" ")[1] for r in web.requests] == [b"/x", b"/1", b"/2", b"/3"]
    assert web.lookups == ["a.example", "a.example", "b.example", "b.example"]
    with pytest.raises(LimitExceeded, match="more than 3 times"):
        get(ScriptedNetwork(NAMES, [redirect("/1")] * 5))


def test_redirects_are_not_followed_where_the_caller_says_so() -> None:
    with pytest.raises(FetchFailed, match=r"status 302 \(http://a.example/x\)"):
        get(ScriptedNetwork(NAMES, [redirect("/1")]), follow_redirects=False)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200 OK\r\n",
        b"garbage\r\n\r\n",
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA: b\r\n folded\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA : b\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" * 20,
        reply(b"hell", "Content-Length: 5", length=False),
        reply(b"hello", "Content-Length: 5", "Content-Length: 4", length=False),
        reply(b"hello", "Content-Length: -5", length=False),
        reply(b"hello", "Content-Length: 5x", length=False),
        reply(b"hello", "Transfer-Encoding: gzip, chunked"),
        reply(b"hello", "Content-Encoding: gzip"),
        reply(b"hello", "Content-Encoding: br"),
        reply(b"x\r\nhello\r\n", "Transfer-Encoding: chunked", length=False),
        reply(b"-1\r\nhello\r\n", "Transfer-Encoding: chunked", length=False),
        reply(b"5\r\nhelloXX0\r\n\r\n", "Transfer-Encoding: chunked", length=False),
        reply(b"5\r\nhello\r\n", "Transfer-Encoding: chunked", length=False),
        reply(b"5\r\nhel", "Transfer-Encoding: chunked", length=False),
    ],
)
def test_a_damaged_answer_fails(answer: bytes) -> None:
    with pytest.raises((FetchFailed, LimitExceeded)):
        get(ScriptedNetwork(NAMES, [answer]))


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    st.binary(max_size=200),
    st.sampled_from([b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"]),
)
def test_no_answer_raises_anything_unexpected(answer: bytes, start: bytes) -> None:
    try:
        assert isinstance(get(ScriptedNetwork(NAMES, [start + answer])), bytes)
    except (FetchFailed, LimitExceeded, BlockedURL):
        pass


@pytest.mark.parametrize("declared", [True, False])
def test_a_head_without_end_is_cut_off(declared: bool) -> None:
    web = ScriptedNetwork(NAMES)
    start = b"HTTP/1.1 200 OK\r\n" if declared else b"A"
    web.answers.append(web.flood(start, b"X-A: " + b"b" * 1000 + b"\r\n", 50 << 20))
    with pytest.raises(LimitExceeded, match="too long"):
        get(web)
    assert web.sent_bytes < 2 << 20


def test_a_declared_length_over_the_cap_is_refused_before_a_byte_is_read() -> None:
    web = ScriptedNetwork(NAMES)
    web.answers.append(web.flood(b"HTTP/1.1 200 OK\r\nContent-Length: 2000000\r\n\r\n", b"x" * 65536, 2_000_000))
    with pytest.raises(LimitExceeded, match="larger than 1,000,000 bytes"):
        get(web, max_bytes=1_000_000)
    assert web.sent_bytes < 1_000_000


@pytest.mark.parametrize(
    ("head", "piece"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 65536),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"8000\r\n" + b"x" * 0x8000 + b"\r\n"),
    ],
)
def test_an_endless_body_stops_at_the_cap(head: bytes, piece: bytes) -> None:
    web = ScriptedNetwork(NAMES)
    web.answers.append(web.flood(head, piece, 200 << 20))
    tracemalloc.start()
    try:
        with pytest.raises(LimitExceeded, match="larger than"):
            get(web, max_bytes=4 << 20)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert web.sent_bytes < 6 << 20  # the cap and what the socket buffers hold
    assert peak < 8 << 20


def test_one_huge_chunk_is_refused_by_its_size_line() -> None:
    answer = reply(b"FFFFFFFF\r\n", "Transfer-Encoding: chunked", length=False)
    with pytest.raises(LimitExceeded):
        get(ScriptedNetwork(NAMES, [answer]))


def test_exactly_the_cap_is_fine() -> None:
    assert get(ScriptedNetwork(NAMES, [reply(b"x" * 1000)]), max_bytes=1000) == b"x" * 1000
    assert get(ScriptedNetwork(NAMES, [reply(b"x" * 1000, length=False)]), max_bytes=1000) == b"x" * 1000


def stall(sock: socket.socket, start: bytes) -> None:
    sock.sendall(start)
    sock.recv(1)  # until the client leaves


@pytest.mark.parametrize("start", [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"])
def test_a_silent_host_is_left_at_the_deadline(start: bytes) -> None:
    web = ScriptedNetwork(NAMES, [lambda sock, _: stall(sock, start)])
    with pytest.raises(LimitExceeded, match=r"longer than 0.2 s"):
        get(web, total_s=0.2)


def test_a_slow_host_is_left_when_a_window_brings_too_little() -> None:
    web = ScriptedNetwork(NAMES, [lambda sock, _: stall(sock, b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc")])
    with pytest.raises(LimitExceeded, match="slower than 1,024 bytes a second"):
        get(web, rate_window_s=0.1)


def test_the_time_before_the_first_byte_is_not_held_to_the_rate() -> None:
    def think(sock: socket.socket, _: bytes) -> None:
        sock.settimeout(0.3)
        try:
            sock.recv(1)
        except TimeoutError:
            sock.sendall(reply(b"hello"))

    assert get(ScriptedNetwork(NAMES, [think]), rate_window_s=0.1) == b"hello"


def test_a_name_lookup_cannot_hold_the_fetch() -> None:
    hold = threading.Event()

    def resolve(host: str, port: int) -> list[str]:
        hold.wait(10)
        return []

    with pytest.raises(FetchFailed, match=r"a\.example"):
        fetch.fetch("http://a.example/", settings=replace(QUICK, connect_s=0.1), network=Network(resolve=resolve))
    hold.set()


@pytest.mark.parametrize("names", [{}, {"a.example": []}, {"a.example": ["not an address"]}])
def test_a_name_without_address_fails(names: dict[str, list[str]]) -> None:
    with pytest.raises(FetchFailed, match=r"The name of a\.example could not be found"):
        get(ScriptedNetwork(names))


def test_the_next_address_is_tried_and_a_dead_host_named() -> None:
    web = ScriptedNetwork({"a.example": ["93.184.216.1", "2606:4700::1"]})
    with pytest.raises(FetchFailed, match=r"No connection to a\.example"):
        get(web)
    assert web.connections == [("93.184.216.1", 80), ("2606:4700::1", 80)]


def test_fetch_to_replaces_the_file_and_leaves_no_half(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"old" * 1000)

    def to(answer: bytes) -> None:
        web = ScriptedNetwork(NAMES, [answer])
        fetch.fetch_to("http://a.example/", path, settings=QUICK, network=web.network)

    with pytest.raises(FetchFailed):
        to(reply(b"", status="404 No"))
    assert path.read_bytes() == b"old" * 1000
    to(reply(b"new"))
    assert path.read_bytes() == b"new"
    with pytest.raises(FetchFailed):
        to(reply(b"half", "Content-Length: 9", length=False))
    assert not path.exists()


def tls_pair() -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Contexts of a server named media.test and of a client that trusts it. Made for these tests alone."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(HERE / "tls" / "media.test.pem")
    return server, ssl.create_default_context(cafile=str(HERE / "tls" / "media.test.pem"))


def test_https_sends_the_name_and_checks_the_certificate() -> None:
    server, client = tls_pair()
    seen: list[str] = []
    server.sni_callback = lambda sock, name, context: seen.append(name)  # type: ignore[assignment, misc]
    web = ScriptedNetwork({"media.test": ["93.184.216.34"]}, [reply(b"safe")], server, client)
    assert get(web, "https://media.test/") == b"safe"
    assert (seen, web.connections) == (["media.test"], [("93.184.216.34", 443)])


@pytest.mark.parametrize("trusting", [True, False])
def test_https_refuses_another_name_and_an_unknown_authority(trusting: bool) -> None:
    server, client = tls_pair()
    name = "other.test" if trusting else "media.test"
    web = ScriptedNetwork({name: ["93.184.216.34"]}, [reply(b"safe")], server, client if trusting else None)
    with pytest.raises(FetchFailed, match=f"{name} has no certificate that is trusted here"):
        get(web, f"https://{name}/")
    assert not web.requests


def test_settings_come_from_code_else_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert current() == FetchSettings()
    monkeypatch.setenv("HOTPLATE_FETCH_ALLOW", "files.internal, 10.0.0.0/8")
    monkeypatch.setenv("HOTPLATE_FETCH_MAX_BYTES", "1000")
    monkeypatch.setenv("HOTPLATE_FETCH_TIMEOUT_S", "1.5")
    assert (len(current().allow), current().max_bytes, current().total_s) == (2, 1000, 1.5)
    try:
        configure(allow=["a.example"])
        assert (len(current().allow), current().max_bytes) == (1, 1000)
        configure(settings=QUICK)
        assert current() is QUICK
    finally:
        configure()
    assert current().max_bytes == 1000
    monkeypatch.setenv("HOTPLATE_FETCH_MAX_BYTES", "many")
    with pytest.raises(SettingError, match="HOTPLATE_FETCH_MAX_BYTES"):
        current()


def test_a_real_server_on_this_machine_needs_the_allow_list(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        url = f"http://127.0.0.1:{port}/cat.png"
        with pytest.raises(BlockedURL, match=r"127\.0\.0\.1 may not be fetched"):
            Image.from_url(url).to_bytes()
        monkeypatch.setenv("HOTPLATE_FETCH_ALLOW", f"127.0.0.1:{port}")
        web = ScriptedNetwork({}, [])
        thread = threading.Thread(target=lambda: web.play(listener.accept()[0], reply(b"cat")))
        thread.start()
        assert Image.from_url(url).to_bytes() == b"cat"
        thread.join()
        assert web.requests[0].startswith(f"GET /cat.png HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n".encode())
