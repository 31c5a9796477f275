"""Requests that are no clean HTTP/1.1 get a 4xx (or 501) and a closed connection; none reaches the model.

The corpus follows the advisories named in SECURITY.md: smuggling by CL and TE, doubled headers, bare line ends,
header bombs, hosts that are no hosts.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from serving import Server, serve, write_project

MODEL = {
    "service.py": """
from hotplate import Service
class Echo(Service):
    def infer(self, prompt: str) -> str:
        print("REACHED", flush=True)
        return prompt
"""
}
BODY = b'{"prompt": "x"}'
HOST = b"Host: localhost\r\n"
JSON = b"Content-Type: application/json\r\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = write_project(tmp_path_factory.mktemp("echo"), MODEL)
    with serve(folder) as running:
        yield running


def post(headers: bytes, body: bytes = BODY, line: bytes = b"POST /infer HTTP/1.1\r\n") -> bytes:
    return line + headers + b"\r\n" + body


LENGTH = b"Content-Length: %d\r\n" % len(BODY)
CHUNKED = b"Transfer-Encoding: chunked\r\n"
CHUNKS = b"%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY)
CORPUS: dict[str, tuple[bytes, set[int]]] = {
    "no host": (post(JSON + LENGTH), {400}),
    "two hosts": (post(HOST + b"Host: evil\r\n" + JSON + LENGTH), {400}),
    "two equal hosts": (post(HOST + HOST + JSON + LENGTH), {400}),
    "empty host": (post(b"Host: \r\n" + JSON + LENGTH), {400, 421}),
    "host with slash": (post(b"Host: localhost/x\r\n" + JSON + LENGTH), {400}),
    "host with query": (post(b"Host: localhost?x\r\n" + JSON + LENGTH), {400}),
    "host with fragment": (post(b"Host: localhost#x\r\n" + JSON + LENGTH), {400}),
    "host with at": (post(b"Host: a@localhost\r\n" + JSON + LENGTH), {400}),
    "host with backslash": (post(b"Host: localhost\\x\r\n" + JSON + LENGTH), {400}),
    "host with space": (post(b"Host: local host\r\n" + JSON + LENGTH), {400}),
    "host of another site": (post(b"Host: attacker.example\r\n" + JSON + LENGTH), {421}),
    "rebinding host with port": (post(b"Host: attacker.example:8080\r\n" + JSON + LENGTH), {421}),
    "host that only begins like loopback": (post(b"Host: 127.attacker.example\r\n" + JSON + LENGTH), {421}),
    "host port not a number": (post(b"Host: localhost:80a\r\n" + JSON + LENGTH), {400}),
    "absolute target of another site": (
        post(HOST + JSON + LENGTH, line=b"POST http://attacker.example/infer HTTP/1.1\r\n"),
        {421},
    ),
    "absolute target with userinfo": (
        post(HOST + JSON + LENGTH, line=b"POST http://a@localhost/infer HTTP/1.1\r\n"),
        {400},
    ),
    "cl and te": (post(HOST + JSON + LENGTH + b"Transfer-Encoding: chunked\r\n", b"0\r\n\r\n"), {400}),
    "te and cl": (post(HOST + JSON + b"Transfer-Encoding: chunked\r\n" + LENGTH, b"0\r\n\r\n"), {400}),
    "two lengths": (post(HOST + JSON + LENGTH + b"Content-Length: 3\r\n"), {400}),
    "two equal lengths": (post(HOST + JSON + LENGTH + LENGTH), {400}),
    "length list": (post(HOST + JSON + b"Content-Length: 15, 15\r\n"), {400}),
    "length with sign": (post(HOST + JSON + b"Content-Length: +15\r\n"), {400}),
    "negative length": (post(HOST + JSON + b"Content-Length: -1\r\n"), {400}),
    "length in hex": (post(HOST + JSON + b"Content-Length: 0xf\r\n"), {400}),
    "length with underscore": (post(HOST + JSON + b"Content-Length: 1_5\r\n"), {400}),
    "length of 30 digits": (post(HOST + JSON + b"Content-Length: " + b"9" * 30 + b"\r\n"), {400, 413}),
    "empty length": (post(HOST + JSON + b"Content-Length: \r\n"), {400}),
    "te identity": (post(HOST + JSON + b"Transfer-Encoding: identity\r\n"), {400, 501}),
    "te gzip": (post(HOST + JSON + b"Transfer-Encoding: gzip\r\n"), {400, 501}),
    "te gzip, chunked": (post(HOST + JSON + b"Transfer-Encoding: gzip, chunked\r\n", b"0\r\n\r\n"), {400, 501}),
    "te chunked twice": (
        post(HOST + JSON + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\n"),
        {400},
    ),
    "te xchunked": (post(HOST + JSON + b"Transfer-Encoding: xchunked\r\n", b"0\r\n\r\n"), {400, 501}),
    "te in quotes": (post(HOST + JSON + b'Transfer-Encoding: "chunked"\r\n', b"0\r\n\r\n"), {400, 501}),
    "te with vertical tab": (post(HOST + JSON + b"Transfer-Encoding: \x0bchunked\r\n", b"0\r\n\r\n"), {400}),
    "te in http 1.0": (
        post(HOST + JSON + b"Transfer-Encoding: chunked\r\n", b"0\r\n\r\n", b"POST /infer HTTP/1.0\r\n"),
        {400},
    ),
    "space before colon": (post(HOST + JSON + b"Content-Length : 15\r\n"), {400}),
    "obs fold": (post(HOST + JSON + b"X-A: b\r\n c\r\n" + LENGTH), {400}),
    "obs fold on the first header": (post(b" X: y\r\n" + HOST + LENGTH), {400}),
    "bare lf": (b"POST /infer HTTP/1.1\nHost: localhost\nContent-Length: 15\n\n" + BODY + b"\r\n\r\n", {400}),
    "one bare lf": (b"POST /infer HTTP/1.1\r\nHost: localhost\nX: y\r\n" + LENGTH + b"\r\n" + BODY, {400}),
    "bare cr": (post(HOST + b"X: a\rb\r\n" + LENGTH), {400}),
    "nul in value": (post(HOST + b"X: a\x00b\r\n" + LENGTH), {400}),
    "escape in value": (post(HOST + b"X: a\x1b[2Jb\r\n" + LENGTH), {400}),
    "del in value": (post(HOST + b"X: a\x7fb\r\n" + LENGTH), {400}),
    "underscore in name": (post(HOST + b"Content_Length: 3\r\n" + LENGTH), {400}),
    "empty name": (post(HOST + b": x\r\n" + LENGTH), {400}),
    "name with parenthesis": (post(HOST + b"X(y): x\r\n" + LENGTH), {400}),
    "name with umlaut": (post(HOST + b"X\xc3\xa4: x\r\n" + LENGTH), {400}),
    "no colon": (post(HOST + b"Xy\r\n" + LENGTH), {400}),
    "two content types": (post(HOST + JSON + b"Content-Type: text/plain\r\n" + LENGTH), {400}),
    "method in lower case": (post(HOST + LENGTH, line=b"post /infer HTTP/1.1\r\n"), {400}),
    "method that is no token": (post(HOST + LENGTH, line=b"PO(ST /infer HTTP/1.1\r\n"), {400}),
    "http 0.9": (b"GET /\r\n\r\n", {400}),
    "http 2 preface": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", {400}),
    "http 1.2": (post(HOST + LENGTH, line=b"POST /infer HTTP/1.2\r\n"), {400}),
    "two spaces": (post(HOST + LENGTH, line=b"POST  /infer HTTP/1.1\r\n"), {400}),
    "tab in line": (post(HOST + LENGTH, line=b"POST\t/infer HTTP/1.1\r\n"), {400}),
    "space in target": (post(HOST + LENGTH, line=b"POST /in fer HTTP/1.1\r\n"), {400}),
    "fragment in target": (post(HOST + LENGTH, line=b"POST /infer#x HTTP/1.1\r\n"), {400}),
    "raw utf-8 in target": (post(HOST + LENGTH, line=b"POST /inf\xc3\xa9r HTTP/1.1\r\n"), {400}),
    "tls hello": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 50 + b"\r\n\r\n", {400}),
    "connect": (b"CONNECT example.org:443 HTTP/1.1\r\nHost: localhost\r\n\r\n", {501}),
    "method that nobody knows": (post(HOST + LENGTH, line=b"FOO /infer HTTP/1.1\r\n"), {501}),
    "many headers": (post(HOST + b"".join(b"X-%d: y\r\n" % n for n in range(100)) + LENGTH), {431}),
    "a header of 40 KB": (post(HOST + b"X: " + b"a" * 40_000 + b"\r\n" + LENGTH), {431}),
    "a header of 20 MB without an end": (b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 20_000_000, {431}),
    "uri of 9 KB": (post(HOST + LENGTH, line=b"POST /" + b"a" * 9000 + b" HTTP/1.1\r\n"), {414}),
    "chunk size is no number": (
        post(HOST + JSON + b"Transfer-Encoding: chunked\r\n", b"zz\r\nabc\r\n0\r\n\r\n"),
        {400},
    ),
    "chunk size is negative": (post(HOST + JSON + b"Transfer-Encoding: chunked\r\n", b"-1\r\nabc\r\n0\r\n\r\n"), {400}),
    "chunk size overflows": (
        post(HOST + JSON + b"Transfer-Encoding: chunked\r\n", b"fffffffffffffffff\r\nabc\r\n0\r\n\r\n"),
        {400},
    ),
    "chunk without its line end": (
        post(HOST + JSON + b"Transfer-Encoding: chunked\r\n", b"3\r\nabcdef\r\n0\r\n\r\n"),
        {400},
    ),
    "chunk with bare lf": (post(HOST + JSON + b"Transfer-Encoding: chunked\r\n", b"3\nabc\n0\n\n\r\n\r\n"), {400}),
}


@pytest.mark.parametrize("name", CORPUS)
def test_it_is_refused_and_the_connection_closes(server: Server, name: str) -> None:
    data, allowed = CORPUS[name]
    before = server.count("REACHED")
    smuggled = post(HOST + JSON + LENGTH)
    try:
        answer = server.raw(data + smuggled)
    except BrokenPipeError:  # the server closed while we were still sending: as good
        answer = b""
    if answer:
        status = int(answer.split(b" ", 2)[1])
        assert status in allowed, answer[:300]
        assert b"connection: close" in answer.lower(), answer[:300]
        assert answer.count(b"HTTP/1.1 ") == 1, "the smuggled request behind it was answered"
    else:
        assert len(data) > 1_000_000, "only a client that floods may be cut without a word"
    assert server.get("/livez").status == 200
    assert server.count("REACHED") == before


def test_a_clean_request_is_served(server: Server) -> None:
    answer = server.raw(post(HOST + JSON + LENGTH + b"Connection: close\r\n"))
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    server.wait_for_line("REACHED")


def test_refusals_say_nothing_of_the_machine(server: Server) -> None:
    for data, _ in CORPUS.values():
        if len(data) < 100_000:
            answer = server.raw(data).lower()
            for secret in (b"/tmp", b"/usr", b"0x", b"traceback", b"hotplate-", str(Path.cwd()).encode().lower()):
                assert secret not in answer


UPGRADES = {
    "h2c": b"Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABk\r\n",
    "websocket": b"Upgrade: websocket\r\nConnection: keep-alive, Upgrade\r\nSec-WebSocket-Version: 13\r\n",
}


@pytest.mark.parametrize("framing", [LENGTH, CHUNKED], ids=["length", "chunked"])
@pytest.mark.parametrize("name", UPGRADES)
def test_an_offer_to_change_the_protocol_is_ignored(server: Server, name: str, framing: bytes) -> None:
    """RFC 9110, 7.8. Never a 101: what follows would not be looked at by a proxy before us."""
    before = server.count("REACHED")
    first = post(HOST + JSON + UPGRADES[name] + framing, BODY if framing == LENGTH else CHUNKS)
    with server.connect() as sock:
        for _ in range(2):  # the connection goes on with HTTP/1.1
            sock.sendall(first)
            answer = b""
            while b"}}" not in answer:
                answer += sock.recv(65536)
            assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
        sock.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        assert sock.recv(65536).startswith(b"HTTP/1.1 400 ")
    server.wait_for(lambda _: server.count("REACHED") == before + 2, "two calls")
