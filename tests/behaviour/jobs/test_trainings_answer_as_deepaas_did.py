"""Trainings through the API of DEEPaaS, beside the real deepaas 2.6.0 where it is compared."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from job_calls import until
from peers import deepaas_python
from serving import Server, serve, write_project

MODEL = {
    "my_model/__init__.py": "",
    "my_model/api.py": """
import os, time
from webargs import fields

if os.environ.get("HOTPLATE_OUTPUT_PATH") and os.path.exists(os.path.join(os.path.dirname(__file__), "no-weights")):
    raise ValueError("the weights are missing")

def get_metadata():
    return {"name": "trainer"}

def get_predict_args():
    return {}

def predict(**kwargs):
    return os.getpid()

def get_train_args():
    return {"epochs": fields.Int(required=True), "rate": fields.Float(load_default=0.1), "name": fields.Str()}

def train(epochs, rate, name=None):
    print("training", flush=True)
    if name == "boom":
        raise ValueError("no data")
    if name == "empty":
        raise KeyError
    if name == "todo":
        raise NotImplementedError("later")
    if name == "none":
        return None
    if name == "odd":
        return {"set": {1}}
    if name == "die":
        os._exit(3)
    time.sleep(epochs * 0.1)
    return {"pid": os.getpid(), "rate": rate} if name != "same" else {"rate": rate}
""",
    "setup.cfg": """
[metadata]
name = my-model
version = 1.0

[options]
packages = my_model

[options.entry_points]
deepaas.v2.model =
    trainer = my_model.api
""",
}
TRAIN = "/v2/models/trainer/train/"
STAMP = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_project(tmp_path_factory.mktemp("training"), MODEL)


@pytest.fixture(scope="module")
def server(project: Path) -> Iterator[Server]:
    with serve(project, env={"HOTPLATE_HOME": str(project / "home")}) as running:
        yield running


def start(server: Server, query: str) -> dict[str, Any]:
    reply = server.request("POST", f"{TRAIN}?{query}")
    assert reply.status == 200, reply.body
    return reply.json()


def ended(server: Server, uuid: str) -> dict[str, Any]:
    def look():
        reply = server.get(f"{TRAIN}{uuid}")
        assert reply.status == 200, reply.body
        return reply.json() if reply.json()["status"] != "running" else None

    return until(look, "the end of a training")


def test_a_training_is_started_shown_and_listed(server):
    started = start(server, "epochs=1")
    assert list(started) == ["date", "args", "uuid", "status"]
    assert re.fullmatch(STAMP, started["date"]) and re.fullmatch("[0-9a-f]{32}", started["uuid"])
    assert (started["args"], started["status"]) == ({"epochs": 1, "rate": 0.1}, "running")
    done = ended(server, started["uuid"])
    assert list(done) == ["date", "args", "uuid", "status", "result"]
    assert done["status"] == "done"
    assert list(done["result"]) == ["output", "finish_date", "duration"]
    assert re.fullmatch(STAMP, done["result"]["finish_date"])
    assert re.match(r"\d:\d\d:\d\d", done["result"]["duration"])
    assert done["result"]["output"]["rate"] == 0.1
    assert server.get(TRAIN).json()[-1] == done


def test_a_training_runs_in_a_process_of_its_own_beside_predictions(server):
    started = start(server, "epochs=20")
    begun = time.monotonic()
    predictor = server.request("POST", "/v2/models/trainer/predict/").json()["predictions"]
    assert time.monotonic() - begun < 1.5
    done = ended(server, started["uuid"])
    assert done["result"]["output"]["pid"] != predictor
    until(lambda: len(server.workers()) == 1, "the end of its process")


def test_what_goes_wrong_is_an_error_with_its_message(server):
    assert ended(server, start(server, "epochs=1&name=boom")["uuid"])["message"] == "no data"
    assert ended(server, start(server, "epochs=1&name=odd")["uuid"])["status"] == "done"
    died = ended(server, start(server, "epochs=1&name=die")["uuid"])
    assert (died["status"], died["message"]) == ("error", "The worker process died while it ran this job.")
    assert server.request("POST", "/v2/models/trainer/predict/").status == 200


def test_one_that_cannot_be_started_says_why(server, project):
    (project / "my_model" / "no-weights").touch()
    try:
        failed = ended(server, start(server, "epochs=1")["uuid"])
    finally:
        (project / "my_model" / "no-weights").unlink()
    assert failed["status"] == "error"
    assert "could not be started" in failed["message"] and "the weights are missing" in failed["message"]


def test_a_training_is_no_tool_and_says_where_it_is_begun(tmp_path):
    folder = write_project(tmp_path, {**MODEL, "hotplate.yaml": "faces: [mcp]\n"})
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    with serve(folder, env={"HOTPLATE_HOME": str(tmp_path / "home")}) as server:
        (tool,) = server.post("/mcp", call).json()["result"]["tools"]
        assert tool["name"] == "trainer.predict"
        call |= {"method": "tools/call", "params": {"name": "trainer.train", "arguments": {"epochs": 1}}}
        error = server.post("/mcp", call).json()["error"]
        text = f"trainer.train is no tool: a training is kept as a job. POST its arguments to {TRAIN}"
        assert error == {"code": -32602, "message": text}
        assert server.get(TRAIN).json() == []


def test_bad_arguments_are_refused_at_the_start(server):
    before = server.get(TRAIN).json()
    refused = server.request("POST", f"{TRAIN}?epochs=x")
    assert (refused.status, "epochs" in json.dumps(refused.json())) == (422, True)
    assert server.request("POST", TRAIN).status == 422
    assert server.get(TRAIN).json() == before


def test_a_training_is_cancelled_whatever_it_does(server):
    running = start(server, "epochs=1000")
    waiting = start(server, "epochs=1000")
    until(lambda: len(server.workers()) == 2, "its process")
    for each in (waiting, running):
        reply = server.request("DELETE", f"{TRAIN}{each['uuid']}")
        assert (reply.status, reply.json()) == (200, {**each, "status": "cancelled"})
        assert server.get(f"{TRAIN}{each['uuid']}").status == 404
        assert server.request("DELETE", f"{TRAIN}{each['uuid']}").status == 404
    until(lambda: len(server.workers()) == 1, "the end of its process")


def test_a_done_training_is_shown_once_more_when_it_is_deleted(server):
    done = ended(server, start(server, "epochs=0")["uuid"])
    assert server.request("DELETE", f"{TRAIN}{done['uuid']}").json() == done
    assert done not in server.get(TRAIN).json()


def test_unknown_trainings_and_other_methods(server):
    for path in (f"{TRAIN}{'0' * 32}", f"{TRAIN}a/b"):
        reply = server.get(path)
        assert (reply.status, reply.body) == (404, b"404: Not Found")
    assert server.request("PUT", f"{TRAIN}abc").status == 405


def test_trainings_survive_a_restart(project, tmp_path):
    env = {"HOTPLATE_HOME": str(tmp_path)}
    with serve(project, env=env) as server:
        done = ended(server, start(server, "epochs=0")["uuid"])
        running = start(server, "epochs=10")
        until(lambda: len(server.workers()) == 2, "its process")
        server.process.kill()
    with serve(project, env=env) as server:
        assert [each["uuid"] for each in server.get(TRAIN).json()] == [done["uuid"], running["uuid"]]
        assert server.get(f"{TRAIN}{done['uuid']}").json() == done
        assert ended(server, running["uuid"])["status"] == "done"


@pytest.fixture(scope="module")
def real(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    folder = tmp_path_factory.mktemp("installed")
    shutil.copytree(project / "my_model", folder / "my_model")
    information = folder / "my_model-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: my-model\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text("[deepaas.v2.model]\ntrainer = my_model.api\n")
    source = (folder / "my_model/api.py").read_text().replace("load_default", "missing")
    (folder / "my_model/api.py").write_text(source)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    process = subprocess.Popen(
        [deepaas_python().with_name("deepaas-run"), "--listen-port", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(folder)},
        cwd=folder,
    )
    try:
        until(lambda: process.poll() is None and reachable(port), "the real server", 60)
        yield port
    finally:
        process.kill()
        process.wait(10)


def reachable(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


class Talk:
    """What a caller sees of trainings, with what differs from run to run made equal."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.seen: list[str] = []

    def ask(self, method: str, path: str = "", data: str = "", kind: str = "") -> Any:
        """Make a request, keep what is seen of it, and give the answer's JSON."""
        status, content_type, found = self._ask(method, path, data, kind)
        self._keep((method, status, content_type, found))
        return found

    def until_ended(self, uuid: str) -> None:
        def look() -> Any:
            reply = self._ask("GET", uuid)
            return reply if reply[2]["status"] != "running" else None

        self._keep(until(look, "the end"))

    def _ask(self, method: str, path: str, data: str = "", kind: str = "") -> tuple[int, str, Any]:
        url = f"http://127.0.0.1:{self.port}{TRAIN}{path}"
        headers = {"content-type": kind} if kind else {}
        request = urllib.request.Request(url, data.encode() if data else None, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as reply:
                return reply.status, reply.headers["content-type"], json.loads(reply.read())
        except urllib.error.HTTPError as error:
            with error:
                body = error.read()
                plain = error.headers["content-type"].startswith("text")
                return error.code, error.headers["content-type"], body.decode() if plain else json.loads(body)

    def _keep(self, value: Any) -> None:
        text = json.dumps(value)
        own = ((STAMP, "STAMP"), ("[0-9a-f]{32}", "UUID"), (r"0:00:\d\d\.\d+", "TOOK"), (r'"pid": \d+', "PID"))
        for pattern, put in own:
            text = re.sub(pattern, put, text)
        self.seen.append(text)


def conversation(port: int) -> list[str]:
    talk = Talk(port)
    talk.ask("GET")
    started = [talk.ask("POST", f"?{query}") for query in ("epochs=3&name=same&rate=0.5", "epochs=1&name=boom")]
    for training in started:
        talk.until_ended(training["uuid"])
    for query in ("name=empty&epochs=0", "epochs=0&name=todo", "epochs=0&name=none", "rate=1e-3&epochs=0&name=same"):
        talk.until_ended(talk.ask("POST", f"?{query}")["uuid"])
    talk.ask("GET")
    asked = [(query, "", "") for query in ("?epochs=x", "", "?epochs=1&rate=fast", "?epochs=", "?epochs=1&epochs=2")]
    asked += [("", '{"epochs": 1}', "application/json"), ("", "epochs=1", "application/x-www-form-urlencoded")]
    for query, body, kind in asked:
        found = talk.ask("POST", query, body, kind)
        if "uuid" in found:
            talk.until_ended(found["uuid"])
    # Three at once, and a fourth one that has to wait for a process: all are shown as running, in their order.
    several = [talk.ask("POST", f"?epochs={number}&name=same") for number in (4, 1, 2, 1)]
    talk.ask("GET")
    for training in several:
        talk.until_ended(training["uuid"])
    uuid = started[0]["uuid"]
    for method in ("DELETE", "GET", "DELETE"):
        talk.ask(method, uuid)
    talk.ask("GET", "0" * 32)
    talk.ask("GET", "not-a-uuid")
    talk.ask("GET")
    return talk.seen


@pytest.mark.peer
def test_a_caller_sees_what_the_real_deepaas_shows(project, real, tmp_path):
    with serve(project, env={"HOTPLATE_HOME": str(tmp_path)}) as ours:
        assert conversation(ours.port) == conversation(real)
