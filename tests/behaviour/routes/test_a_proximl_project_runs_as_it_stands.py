"""Functions and the routes of proxiML's page: its command line, its curl lines, its health check, its overload."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.serving import Server, serve, write_project

PREDICT = '''
import base64

print("loading the model")
LABELS = {"pizza.jpg": "pizza"}


def predict_image(filename):
    """Say what a picture of the model's folder shows."""
    with open(filename, "rb") as file:
        return [{"file": filename, "size": len(file.read()), "label": LABELS.get(filename)}]


def predict_base64_image(name, contents):
    return {name: [{"id": "n07873807", "name": "pizza", "confidence": len(base64.b64decode(contents)) / 10}]}
'''
CHAT = """
import os
import threading

GATE = threading.Event()


def completion(prompt, max_tokens, temperature, stop):
    stop.append("</s>")
    return f"{prompt} {max_tokens} {temperature} {stop}"


def summarization(text):
    raise Exception("Not implemented")


def wait(seconds):
    GATE.wait(seconds)
    return "late"


def where():
    return os.environ["ENDPOINT_TYPE"]
"""
SEED = (
    '{"verb": "POST", "path": "/predict", "file": "predict", "positional": true, '
    '"body": [{"name": "filename", "type": "str"}], "function": "predict_image"}'
)
YAML = """
name: chat
env:
  ENDPOINT_TYPE: chat
slots: 1
queue_size: 1
routes:
  - path: /completion
    verb: POST
    file: chat.py
    function: completion
    positional: true
    body:
      - {name: prompt, type: str}
      - {name: max_tokens, type: int, optional: true, default_value: 256}
      - {name: temperature, type: float, optional: true, default_value: "0.7"}
      - {name: stop, type: list, optional: true, default_value: "[]"}
  - {path: /summarization, verb: POST, file: chat, function: summarization, body: [{name: text, type: str}]}
  - {path: /wait, verb: GET, file: chat, function: wait, body: [{name: seconds, type: float}]}
  - {path: /where, verb: GET, file: chat, function: where}
"""


def git(folder: Path, *words: str) -> None:
    who = ["-c", "user.name=A", "-c", "user.email=a@example.com", "-c", "init.defaultBranch=main"]
    subprocess.run(["git", *who, "-C", folder, *words], check=True, capture_output=True)


@pytest.fixture(scope="module")
def repository(tmp_path_factory) -> Path:
    """What `--git-uri https://github.com/proxiML/simple-tensorflow-classifier.git` names, here."""
    folder = tmp_path_factory.mktemp("git") / "simple-tensorflow-classifier.git"
    write_project(folder, {"predict.py": PREDICT, "pizza.jpg": "12345"})
    git(folder, "init", "--quiet")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "-m", "The model")
    return folder


@pytest.fixture(scope="module")
def classifier(repository) -> Server:
    """The page's command, with `hotplate run` for `proximl job create endpoint`."""
    with serve("--git-uri", f"file://{repository}", "--route", SEED, "New Inference Endpoint") as server:
        yield server


def curl(*words: str) -> str:
    found = shutil.which("curl")
    if found is None:
        pytest.skip("this machine has no curl")
    return subprocess.run([found, "-s", "-m", "30", *words], capture_output=True, text=True, check=True).stdout


def test_the_pages_command_serves_a_repository(classifier):
    answer = curl(
        "-H", "Content-Type: application/json", "-d", '{"filename": "pizza.jpg"}', f"{classifier.url}/predict"
    )
    assert answer == '[{"file":"pizza.jpg","size":5,"label":"pizza"}]'
    assert classifier.get("/openapi.json").json()["info"]["title"] == "new-inference-endpoint"
    classifier.wait_for_line("loading the model")


def test_ping_is_for_health_checks(classifier):
    assert json.loads(curl(f"{classifier.url}/ping")) == {"message": "pong"}


def test_a_body_that_does_not_match_the_template_is_rejected(classifier):
    reply = classifier.post("/predict", {"name": "pizza.jpg"})
    assert reply.status == 422
    assert reply.json() == {
        "detail": [
            {
                "type": "missing",
                "loc": ["body", "filename"],
                "msg": "Field required",
                "input": {"name": "pizza.jpg"},
            }
        ]
    }


def test_the_document_and_its_page_describe_the_body(classifier):
    operation = classifier.get("/openapi.json").json()["paths"]["/predict"]["post"]
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    assert schema == {"type": "object", "properties": {"filename": {"type": "string"}}, "required": ["filename"]}
    assert operation["summary"] == "Say what a picture of the model's folder shows."


def test_the_folder_goes_with_its_server(repository):
    with serve("--model", f"git+file://{repository}@main", "--route", SEED) as server:
        folder = Path(f"/proc/{server.workers()[0]}/cwd").resolve()
        assert (folder / "predict.py").is_file()
        assert server.terminate() == 0
        assert not folder.exists()


def test_the_examples_curl_line_sends_a_picture_as_base64(repository):
    body = [{"name": "name", "type": "str"}, {"name": "contents", "type": "str"}]
    route = {"path": "/predict", "verb": "POST", "file": "predict.py", "function": "predict_base64_image", "body": body}
    contents = base64.b64encode(b"12345").decode()
    with serve("--model-dir", repository, "--route", json.dumps(route)) as server:
        data = json.dumps({"name": "pizza.jpg", "contents": contents})
        answer = curl("-H", "Content-Type: application/json", "-d", data, f"{server.url}/predict")
    assert json.loads(answer) == {"pizza.jpg": [{"id": "n07873807", "name": "pizza", "confidence": 0.5}]}


@pytest.fixture(scope="module")
def chat(tmp_path_factory) -> Server:
    with serve(write_project(tmp_path_factory.mktemp("chat"), {"hotplate.yaml": YAML, "chat.py": CHAT})) as server:
        yield server


def test_defaults_are_fresh_for_each_call(chat):
    for _ in range(3):
        assert chat.post("/completion", {"prompt": "Hi"}).json() == "Hi 256 0.7 ['</s>']"
    given = {"prompt": "Hi", "max_tokens": "5", "stop": ["x"]}
    assert chat.post("/completion", given).json() == "Hi 5 0.7 ['x', '</s>']"


def test_variables_are_set_before_the_code_is_loaded(chat):
    assert chat.get("/where").json() == "chat"


def test_an_exception_is_a_500_and_the_log_has_it(chat):
    reply = chat.post("/summarization", {"text": "long"})
    assert (reply.status, reply.body) == (500, b"Internal Server Error")
    assert reply.headers["content-type"] == "text/plain; charset=utf-8"
    chat.wait_for_line("Exception: Not implemented")
    assert "_by_name" not in chat.text()  # the author's frames alone
    assert chat.post("/completion", {"prompt": "still"}).status == 200


def test_an_overloaded_endpoint_answers_503(tmp_path):
    folder = write_project(tmp_path, {"hotplate.yaml": YAML, "chat.py": CHAT})
    with serve(folder) as server, ThreadPoolExecutor(6) as pool:
        replies = list(pool.map(lambda _: server.get("/wait?seconds=1"), range(6)))
    statuses = sorted(reply.status for reply in replies)
    assert statuses[:1] == [200]
    assert statuses[-1] == 503
    refused = next(reply for reply in replies if reply.status == 503)
    assert int(refused.headers["retry-after"]) >= 1
    assert refused.json()["code"] == "overloaded"


@pytest.mark.parametrize("face", ["plain", "open_inference"])
def test_other_faces_serve_it_too(tmp_path, face):
    write_project(tmp_path, {"hotplate.yaml": YAML.replace("slots: 1", f"faces: [{face}]"), "chat.py": CHAT})
    with serve(tmp_path) as server:
        assert server.post("/completion", {"prompt": "Hi"}).json() == "Hi 256 0.7 ['</s>']"
        if face == "plain":
            assert server.post("/infer", {"prompt": "Hi"}).json()["output"] == "Hi 256 0.7 ['</s>']"
            return
        tensor = {"name": "prompt", "shape": [1], "datatype": "BYTES", "data": ["Hi"]}
        reply = server.post("/v2/models/chat/infer", {"inputs": [tensor]})
        assert reply.json()["outputs"][0]["data"] == ["Hi 256 0.7 ['</s>']"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--route", '{"path": }'], ["--route", "not JSON", "in single quotes"]),
        (["--route", SEED.replace("POST", "FETCH")], ["--route", "FETCH", "POST, GET"]),
        (["--route", SEED.replace('"str"', '"string"')], ["--route", "'string'", "write str"]),
        (["--route", SEED.replace("predict_image", "predict_imag")], ["no function predict_imag", "predict_image?"]),
        (["--route", SEED.replace('"filename"', '"a", "type": "str"}, {"name": "b"')], ["predict.py:8", "too many"]),
        (["--model", "http://host/a", "--route", SEED], ["--model", "over 'http'", "https"]),
    ],
)
def test_what_is_wrong_is_told_before_anything_starts(repository, words, said):
    command = [sys.executable, "-m", "hotplate.cli", "run", *words, "--port", "0"]
    done = subprocess.run(command, cwd=repository, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode in (1, 2)
    assert "Traceback" not in done.stderr
    for text in said:
        assert text in done.stderr
