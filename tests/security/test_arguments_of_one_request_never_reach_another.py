"""DEEPaaS 2.6.0 answers a slow request with the arguments of one that came in between: its parser is shared."""

from __future__ import annotations

import json

import pytest
from serving import Server, read_all, serve, write_project

PROJECT = {
    "setup.cfg": "[entry_points]\ndeepaas.v2.model =\n    m = model\n",
    "model.py": """\
from webargs import fields

def get_predict_args():
    return {"req": fields.Str(required=True), "secret": fields.Str(), "file": fields.Str(location="form")}

def predict(**kwargs):
    return kwargs
""",
}
PATH = "/v2/models/m/predict/"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory):
    with serve(write_project(tmp_path_factory.mktemp("isolation"), PROJECT), "--slots", "4") as running:
        yield running


def begin(server: Server, kind: str, body: bytes):
    head = f"POST {PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
    sock = server.connect()
    sock.sendall(f"{head}Connection: close\r\n\r\n".encode() + body[:5])
    return sock


@pytest.mark.parametrize(
    ("kind", "body"),
    [("application/json", b'{"req": "A"}'), ("application/x-www-form-urlencoded", b"req=A&other=1")],
)
def test_a_slow_request_is_answered_with_its_own_arguments(server: Server, kind: str, body: bytes) -> None:
    with begin(server, kind, body) as slow:
        for _ in range(3):
            between = server.post(PATH, {"req": "B", "secret": "of B"})
            assert between.json()["predictions"] == {"req": "B", "secret": "of B"}
        slow.sendall(body[5:])
        answer = read_all(slow)
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["predictions"] == {"req": "A"}


def test_a_request_without_arguments_gets_none_of_the_one_before(server: Server) -> None:
    server.post(PATH, {"req": "B", "secret": "of B"})
    for headers in ({"content-type": "application/json"}, {}, {"content-type": "text/plain"}):
        answer = server.request("POST", PATH, b"{}", headers)
        assert (answer.status, list(answer.json())) == (422, ["req"])


def test_a_compressed_body_cannot_fill_the_memory(server: Server) -> None:
    import gzip

    bomb = gzip.compress(b" " * (101 << 20))
    answer = server.request("POST", PATH, bomb, {"content-type": "application/json", "content-encoding": "gzip"})
    assert answer.status == 413
    assert "once inflated" in answer.body.decode()
