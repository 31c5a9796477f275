from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from job_calls import until
from serving import Server, serve, write_project

YAML = """
- name: iris
  kind: AsyncAPI
  predictor:
    type: python
    path: predictor.py
    config:
      greeting: hello
    env:
      FROM_YAML: "1"
"""

PREDICTOR = """
import json, os, time

values = json.load(open("values.json"))

class PythonPredictor:
    def __init__(self, config):
        self.config = config

    def predict(self, payload, request_id):
        if payload == "boom":
            raise ValueError("secret")
        if payload == "list":
            return [1]
        if payload == "nan":
            return {"x": float("nan")}
        if isinstance(payload, dict) and "nap" in payload:
            time.sleep(payload["nap"])
        if isinstance(payload, bytes):
            payload = list(payload)
        env = [os.environ["FROM_ENV"], os.environ["FROM_YAML"]]
        return {"payload": payload, "id": request_id, "config": self.config, "values": values, "env": env}
"""
FILES = {"cortex.yaml": YAML, "predictor.py": PREDICTOR, "values.json": '{"v": 1}', ".env": "FROM_ENV=yes\n"}
JSON = {"content-type": "application/json"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    root: Path = tmp_path_factory.mktemp("cortex")
    write_project(root / "iris", FILES)
    with serve(root / "iris", env={"HOTPLATE_HOME": str(root / "home")}) as running:
        yield running


def submit(server: Server, body: bytes | str, path: str = "/iris", **headers: str) -> str:
    reply = server.request("POST", path, body, headers={k.replace("_", "-"): v for k, v in headers.items()} or JSON)
    assert (reply.status, reply.headers["content-type"]) == (200, "application/json"), reply.body
    assert re.fullmatch(rb'\{"id":"[^"]+"\}\n', reply.body)
    return reply.json()["id"]


def outcome(server: Server, job_id: str, path: str = "/iris"):
    def ended():
        reply = server.get(f"{path}/{job_id}").json()
        return reply if reply["status"] in ("completed", "failed") else None

    return until(ended, "an outcome")


@pytest.mark.parametrize("path", ["/iris", "/iris/", "/", "/predict"])
def test_a_payload_gets_an_id_and_its_result_later(server, path):
    job_id = submit(server, '{"key": "value"}', path)
    assert uuid.UUID(job_id)
    done = outcome(server, job_id, path.rstrip("/"))
    assert list(done) == ["id", "status", "result", "timestamp"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", done["timestamp"])
    assert done["result"] == {
        "payload": {"key": "value"},
        "id": job_id,
        "config": {"greeting": "hello"},
        "values": {"v": 1},
        "env": ["yes", "1"],
    }


def test_statuses_are_those_of_the_gateway(server):
    running = submit(server, '{"nap": 3}')
    waiting = submit(server, "{}")
    until(lambda: server.get(f"/iris/{running}").json()["status"] == "in_progress", "in_progress")
    # Among short calls it may have been sent ahead; it is taken back when the one before it turns out to be long.
    in_queue = b'{"id":"%b","status":"in_queue"}\n' % waiting.encode()
    until(lambda: server.get(f"/iris/{waiting}").body == in_queue, "in_queue")
    assert outcome(server, waiting)["status"] == "completed"


def test_the_id_is_the_callers_request_id_and_the_same_one_is_not_run_again(server):
    mine = f"mine-{uuid.uuid4()}"
    assert submit(server, "{}", content_type="application/json", x_request_id=mine) == mine
    assert outcome(server, mine)["result"]["id"] == mine
    assert submit(server, '{"other": 1}', content_type="application/json", x_request_id=mine) == mine
    assert outcome(server, mine)["result"]["payload"] == {}


@pytest.mark.parametrize(
    ("content_type", "body", "payload"),
    [
        ("application/octet-stream", b"\x00\xff", [0, 255]),
        ("text/plain", b"text", "text"),
        ("text/plain; charset=latin-1", "é".encode("latin-1"), "é"),
        ("application/json; charset=utf-8", b"[1, null]", [1, None]),
        ("multipart/form-data; boundary=x", b"raw", [114, 97, 119]),
    ],
)
def test_payloads_are_read_by_their_content_type(server, content_type, body, payload):
    job_id = submit(server, body, content_type=content_type)
    assert outcome(server, job_id)["result"]["payload"] == payload


@pytest.mark.parametrize("payload", ['"boom"', '"list"', '"nan"'])
def test_what_fails_is_failed_at_the_first_try_and_says_nothing_of_it(server, payload):
    job_id = submit(server, payload)
    assert outcome(server, job_id) == {"id": job_id, "status": "failed"}
    job = server.get(f"/jobs/{job_id}").json()
    assert (job["status"], job["attempt"]) == ("failed", 1)
    assert b"secret" not in server.get(f"/jobs/{job_id}/result").body


def test_a_payload_that_cannot_be_read_is_refused_at_once(server):
    reply = server.request("POST", "/iris", b"{", headers=JSON)
    text = b"error: the uploaded payload, with content-type application/json, could not be decoded to JSON\n"
    assert (reply.status, reply.body, reply.headers["content-type"]) == (400, text, "text/plain; charset=utf-8")


def test_other_requests_are_answered_as_the_gateway_did(server):
    assert server.get("/healthz").body == b"ok"
    unknown = server.get("/iris/nobody")
    assert (unknown.status, unknown.body) == (404, b"error: id nobody not found\n")
    for method, path in (("GET", "/iris"), ("GET", "/"), ("GET", "/predict"), ("POST", "/iris/abc")):
        assert server.request(method, path).status == 405, (method, path)
    assert server.get("/iris/a/b").status == 404
    with server.connect() as sock:
        sock.sendall(b"POST /iris HTTP/1.1\r\nhost: x.localhost\r\ncontent-length: 2\r\n\r\n{}")
        assert b"400" in (got := sock.recv(4096)).split(b"\r\n")[0]
        assert got.endswith(b"error: missing Content-Type key in request header\n")
    bad = server.request("POST", "/iris", b"{}", headers={**JSON, "x-request-id": "a b"})
    assert (bad.status, bad.body) == (400, b"error: invalid x-request-id key in request header\n")
