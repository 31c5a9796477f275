"""Cortex 0.32's page about predictors of an AsyncAPI, section by section, in one project folder of three APIs.

`iris` is an ONNXPredictor over a model that is made here, `text-generator` a PythonPredictor, and `pipeline` one that
calls the other two by the addresses that the page has: http://api-NAME:8888/predict. Each is a `hotplate run`.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

import pytest
from job_calls import until
from peers import onnx_python
from serving import Server, serve, write_project

from tests.conformance.dialects.iris import FLOWERS
from tests.conformance.dialects.test_onnx_predictors_serve_a_real_model import MAKE

pytestmark = pytest.mark.peer

YAML = """
- name: iris
  kind: AsyncAPI
  predictor:
    type: onnx
    path: iris.py
    models: {path: model/}
    config: {labels: [setosa, versicolor, virginica]}
- name: text-generator
  kind: RealtimeAPI
  predictor: {type: python, path: generator.py}
- name: pipeline
  kind: AsyncAPI
  predictor:
    type: python
    path: pipeline.py
    config: {ending: "!"}
"""
IRIS = """
class ONNXPredictor:
    def __init__(self, onnx_client, config):
        self.client = onnx_client
        self.labels = config["labels"]

    def predict(self, payload):
        flower = [payload[name] for name in ("sepal_length", "sepal_width", "petal_length", "petal_width")]
        return {"label": self.labels[self.client.predict(flower)[0][0]]}
"""
GENERATOR = """
class PythonPredictor:
    def __init__(self, config):
        pass

    def predict(self, payload):
        return {"text": payload["text"] + " and so on"}
"""
PIPELINE = """
import json
import os
import urllib.request

from cortex_internal.lib.log import logger

with open("values.json") as values_file:
    values = json.load(values_file)


def ask(api, payload):
    body = json.dumps(payload).encode()
    request = urllib.request.Request(f"http://api-{api}:8888/predict", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=20) as reply:
        return json.load(reply)


class PythonPredictor:
    def __init__(self, config):
        self.ending = config["ending"]

    def predict(self, payload, request_id):
        logger.info("received payload", extra={"payload": {"kind": type(payload).__name__}, "id": request_id})
        if isinstance(payload, bytes):
            return {"bytes": len(payload)}
        if isinstance(payload, str):
            return {"text": payload}
        text = ask("text-generator", {"text": payload["text"]})["text"]
        flower = ask("iris", values["flower"])
        return {"text": text + self.ending, "greeting": os.environ["GREETING"], "flower": flower["id"]}
"""
FLOWER = {"sepal_length": 5.2, "sepal_width": 3.6, "petal_length": 1.4, "petal_width": 0.2}
FILES = {
    "cortex.yaml": YAML,
    "iris.py": IRIS,
    "generator.py": GENERATOR,
    "pipeline.py": PIPELINE,
    "values.json": json.dumps({"flower": FLOWER}),
    ".env": '# what the predictors need\nGREETING="hello there"\n',
    ".cortexignore": "notes/\n",
    "notes/big.txt": "not for the cluster\n",
    "make.py": MAKE,
    "flowers.txt": FLOWERS,
}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root: Path = tmp_path_factory.mktemp("page")
    folder = write_project(root / "project", FILES)
    (folder / "model").mkdir()
    subprocess.run([onnx_python(), "make.py", folder / "model" / "iris.onnx", "0"], check=True, cwd=folder)
    return root


def run(root: Path, name: str, **env: str) -> AbstractContextManager[Server]:
    """`hotplate run --api NAME` in the folder of the page."""
    env = {"HOTPLATE_HOME": str(root / "home"), "PYTHONPATH": "", **env}
    return serve(root / "project", "--api", name, python=str(onnx_python()), env=env)


@pytest.fixture(scope="module")
def apis(root: Path) -> Iterator[dict[str, Server]]:
    with ExitStack() as stack:
        found = {name: stack.enter_context(run(root, name)) for name in ("iris", "text-generator")}
        siblings = json.dumps({name: server.url for name, server in found.items()})
        found["pipeline"] = stack.enter_context(run(root, "pipeline", HOTPLATE_SIBLINGS=siblings))
        yield found


def submit(server: Server, name: str, body: str | bytes, kind: str) -> str:
    """`curl http://***.amazonaws.com/NAME -X POST -H "Content-Type: KIND" -d BODY`."""
    reply = server.request("POST", f"/{name}", body, headers={"content-type": kind})
    assert reply.status == 200, reply.body
    return reply.json()["id"]


def outcome(server: Server, name: str, job_id: str) -> dict:
    """`curl http://***.amazonaws.com/NAME/ID`, again and again."""

    def ended():
        reply = server.get(f"/{name}/{job_id}").json()
        assert reply["id"] == job_id
        return reply if reply["status"] not in ("in_queue", "in_progress") else None

    return until(ended, "an outcome")


def test_an_onnx_predictor_answers_later(apis):
    done = outcome(apis["iris"], "iris", submit(apis["iris"], "iris", json.dumps(FLOWER), "application/json"))
    assert (done["status"], done["result"]) == ("completed", {"label": "setosa"})
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", done["timestamp"])


@pytest.mark.parametrize(
    ("body", "kind", "result"),
    [
        (b"\x80\x04N.", "application/octet-stream", {"bytes": 4}),
        (b"\x89PNG", "image/png", {"bytes": 4}),
        ("hello wörld".encode(), "text/plain", {"text": "hello wörld"}),
        ("caf\xe9".encode("latin-1"), "text/plain; charset=latin-1", {"text": "café"}),
    ],
)
def test_the_payload_is_what_the_content_type_says(apis, body, kind, result):
    done = outcome(apis["pipeline"], "pipeline", submit(apis["pipeline"], "pipeline", body, kind))
    assert (done["status"], done["result"]) == ("completed", result)


def test_project_files_the_env_file_config_and_both_siblings_come_together_in_one_job(apis):
    job_id = submit(apis["pipeline"], "pipeline", '{"text": "once"}', "application/json")
    done = outcome(apis["pipeline"], "pipeline", job_id)
    assert done["status"] == "completed", apis["pipeline"].text()
    flower = done["result"].pop("flower")
    assert done["result"] == {"text": "once and so on!", "greeting": "hello there"}
    assert outcome(apis["iris"], "iris", flower)["result"] == {"label": "setosa"}


def test_the_logger_writes_json_with_what_it_was_given_flattened(apis):
    job_id = submit(apis["pipeline"], "pipeline", b"x", "application/octet-stream")
    outcome(apis["pipeline"], "pipeline", job_id)
    lines = until(
        lambda: [line for line in apis["pipeline"].messages() if job_id in line and "payload" in line], "a line"
    )
    told = json.loads(lines[0][lines[0].index("{") :])
    assert (told["message"], told["payload"]["kind"], told["id"]) == ("received payload", "bytes", job_id)


def test_a_payload_that_a_predictor_cannot_use_fails_and_says_no_more(apis):
    job_id = submit(apis["iris"], "iris", '{"sepal_length": "long"}', "application/json")
    assert outcome(apis["iris"], "iris", job_id) == {"id": job_id, "status": "failed"}


def test_a_result_outlives_its_server(root):
    with run(root, "iris") as server:
        job_id = submit(server, "iris", json.dumps(FLOWER), "application/json")
        done = outcome(server, "iris", job_id)
        server.process.kill()
    with run(root, "iris") as server:
        assert outcome(server, "iris", job_id) == done
