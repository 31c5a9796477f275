"""A folder written for a Cortex RealtimeAPI, served unchanged to clients that call it as they did."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from serving import serve, write_project

CORTEX = """
- name: sentiment
  kind: RealtimeAPI
  predictor:
    type: python
    path: src/predictor.py
    python_path: src
    config:
      words: [good, great]
      threshold: 0.5
    env:
      GREETING: from the yaml
      OTHER: from the yaml
  compute: {cpu: 200m, mem: 128Mi}
  autoscaling: {min_replicas: 1, max_replicas: 3}
  networking: {endpoint: /v1/sentiment}
"""
PREDICTOR = """
import json
import os

from cortex_internal.lib.log import logger as log
from words import count

with open("values.json") as file:
    values = json.load(file)


class PythonPredictor:
    def __init__(self, config, metrics_client):
        self.config = config
        self.metrics = metrics_client
        self.after = []

    def predict(self, payload, query_params, headers):
        kind = type(payload).__name__
        self.metrics.increment("payloads", tags={"kind": kind})
        self.metrics.histogram("payload.size", 2.5)
        if query_params.get("answer") == "bytes":
            return b"\\x00\\x01"
        if query_params.get("answer") == "text":
            return "a text"
        if query_params.get("answer") == "object":
            return object()
        if query_params.get("answer") == "error":
            raise ValueError("not for callers")
        if query_params.get("answer") == "after":
            return self.after
        if isinstance(payload, dict):
            log.info("received payload", extra={"payload": payload["text"]})
            return {"score": count(payload["text"], self.config["words"]) > self.config["threshold"]}
        return [kind, len(payload), values, os.environ["GREETING"], os.environ["OTHER"], headers.get("X-Key")]

    def post_predict(self, response, query_params):
        self.after.append([response if isinstance(response, dict) else None, dict(query_params)])
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = write_project(
        tmp_path_factory.mktemp("cortex"),
        {
            "cortex.yaml": CORTEX,
            "src/predictor.py": PREDICTOR,
            "src/words.py": "def count(text, words): return sum(word in words for word in text.split())\n",
            "values.json": "[1, 2]",
            ".env": 'GREETING="from $OTHER and the .env"\n',
        },
    )
    with serve(folder) as running:
        yield running


def test_json_goes_in_and_out_at_every_path_that_callers_know(server):
    for path in ("/v1/sentiment", "/v1/sentiment/", "/predict", "/"):
        answer = server.post(path, {"text": "a great film"})
        assert (answer.status, answer.body, answer.headers["content-type"]) == (
            200,
            b'{"score": true}',
            "application/json",
        )
    assert server.post("/sentiment", {}).status == 404


def test_the_payload_follows_the_content_type(server):
    known = [[1, 2], "from from the yaml and the .env", "from the yaml", "k"]
    for content_type, body, kind, size in (
        ("text/plain; charset=utf-16", "äö".encode("utf-16"), "str", 2),
        ("application/octet-stream", b"\x80" * 100_000, "bytes", 100_000),
        ("application/x-www-form-urlencoded", b"a=1&b=2", "FormData", 2),
        ("application/json", b"[1, 2, 3]", "list", 3),
        ("", b"{}", "bytes", 2),
    ):
        headers = {"content-type": content_type, "x-key": "k"}
        if content_type:
            answer = server.post("/predict", body, headers=headers)
            assert answer.json() == [kind, size, *known]
        else:
            request = b"POST /predict HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}"
            assert json.loads(server.raw(request).partition(b"\r\n\r\n")[2])[:2] == [kind, size]


@pytest.mark.parametrize(
    ("wanted", "status", "content_type", "body"),
    [
        ("bytes", 200, "application/octet-stream", b"\x00\x01"),
        ("text", 200, "text/plain; charset=utf-8", b"a text"),
        ("object", 500, "text/plain; charset=utf-8", b"internal server error"),
        ("error", 500, "text/plain; charset=utf-8", b"internal server error"),
    ],
)
def test_answers_follow_their_type(server, wanted, status, content_type, body):
    answer = server.post(f"/predict?answer={wanted}", {})
    assert (answer.status, answer.headers["content-type"], answer.body) == (status, content_type, body)
    if wanted == "error":
        server.wait_for_line("ValueError: not for callers")


def test_a_body_that_is_no_json_never_reaches_the_predictor(server):
    answer = server.post("/predict", b"{")
    assert answer.status == 400
    assert answer.json() == {"error": "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"}


def test_a_get_says_what_to_do(server):
    expected = "make a prediction by sending a post request to this endpoint with a json payload"
    assert server.get("/v1/sentiment").json() == {"message": expected}
    assert server.get("/readyz").status == 200


def test_log_lines_are_those_of_cortex(server):
    server.post("/predict", {"text": "a füll line"})
    server.wait_for_line("f\\u00fcll")
    line = next(message for message in server.messages() if "f\\u00fcll" in message)
    record = json.loads(line)
    assert list(record) == ["asctime", "levelname", "message", "process", "payload"]
    assert (record["levelname"], record["message"], record["payload"]) == ("INFO", "received payload", "a füll line")
    assert record["asctime"][10] == " "
    assert record["asctime"][-4] == ","
    assert record["process"] in server.workers()


def test_post_predict_runs_after_the_answer(server):
    assert server.post("/predict?mark=7", {"text": "good"}).json() == {"score": True}
    server.wait_for(
        lambda s: [{"score": True}, {"mark": "7"}] in s.post("/predict?answer=after", {}).json(), "post_predict"
    )


def test_what_the_model_counts_is_among_the_metrics(server):
    server.post("/predict", b"x", headers={"content-type": "text/plain"})
    server.wait_for(lambda s: 'payloads{kind="str"}' in s.get("/metrics").body.decode(), "the count")
    lines = server.get("/metrics").body.decode().splitlines()
    assert "# TYPE payloads counter" in lines
    assert "# TYPE payload_size summary" in lines
    count = server.metric("payload_size_count")
    assert server.metric("payload_size_sum") == 2.5 * count


def test_the_plain_face_reaches_the_same_predictor(tmp_path):
    files = {
        "cortex.yaml": CORTEX.replace("src/predictor.py", "predictor.py").replace("    python_path: src\n", ""),
        "predictor.py": "class PythonPredictor:\n  def __init__(self, config): pass\n"
        "  def predict(self, payload, query_params): return [payload, dict(query_params)]\n",
        "hotplate.yaml": "faces: [plain]\n",
    }
    with serve(write_project(tmp_path, files)) as running:
        assert running.post("/infer", {"a": 1}).json()["output"] == [{"a": 1}, {}]
        assert running.post("/predict?b=2", {"a": 1}).json() == [{"a": 1}, {"b": "2"}]


def test_batches_reach_the_predictor_as_lists(tmp_path):
    batching = "    server_side_batching: {max_batch_size: 4, batch_interval: 0.05s}\n    config:\n"
    files = {
        "cortex.yaml": CORTEX.replace("src/predictor.py", "predictor.py")
        .replace("    python_path: src\n", "")
        .replace("    config:\n", batching),
        "predictor.py": "class PythonPredictor:\n  def __init__(self, config): pass\n"
        "  def predict(self, payload):\n    assert isinstance(payload, list)\n    return [2 * n for n in payload]\n",
    }
    with serve(write_project(tmp_path, files)) as running:
        assert running.post("/predict", b"21").json() == 42
        assert running.post("/predict", b"null").status == 500


HANDLER = """
- name: notes
  kind: RealtimeAPI
  handler:
    type: python
    path: handler.py
    threads_per_process: 4
"""
VERBS = """
import threading

together = threading.Barrier(4)


class Handler:
    def __init__(self, config):
        pass

    def handle_post(self, payload):
        return {"waited": together.wait(10) >= 0}

    def handle_get(self, query_params):
        return {"asked": query_params["about"]}

    def handle_delete(self):
        return "gone"
"""
ASYNC = """
import asyncio

met = asyncio.Event()


class PythonPredictor:
    def __init__(self, config):
        self.seen = []

    async def predict(self, payload):
        if payload == "first":
            await met.wait()
        else:
            met.set()
        return payload

    def post_predict(self, response):
        self.seen.append(response)
"""


def test_handlers_answer_their_verbs_in_as_many_threads_as_the_yaml_says(tmp_path):
    with serve(write_project(tmp_path, {"cortex.yaml": HANDLER, "handler.py": VERBS})) as running:
        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(lambda _: running.post("/notes", {}).json(), range(4)))
        assert answers == [{"waited": True}] * 4
        assert running.get("/notes?about=x").json() == {"asked": "x"}
        assert running.request("DELETE", "/notes").body == b"gone"
        assert running.request("PUT", "/notes", {}).status == 405


def test_an_async_predict_is_awaited_and_shares_its_thread(tmp_path):
    yaml = HANDLER.replace("handler:", "predictor:").replace("    threads_per_process: 4\n", "")
    folder = write_project(tmp_path, {"cortex.yaml": yaml, "handler.py": ASYNC})
    with serve(folder) as running, ThreadPoolExecutor(2) as pool:
        first = pool.submit(running.post, "/notes", b'"first"')
        assert running.post("/notes", b'"second"').body == b"second"
        assert first.result(10).body == b"first"
