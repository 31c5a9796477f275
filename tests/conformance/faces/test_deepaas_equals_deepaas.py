"""The real server of deepaas 2.6.0 and ours, side by side: same models, same requests, same answers."""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from serving import Reply, serve

from tests.conformance.faces.deepaas_corpus import CORPUS, Request, get
from tests.peers import deepaas_python

HERE = Path(__file__).parent
DIFFERENCES = HERE.parents[2] / "docs" / "coming-from-deepaas.md"
MODELS = ("main", "accept", "undeclared", "schema", "bare")
START_S = 60.0

pytestmark = pytest.mark.peer


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The models as an installed distribution with entry points."""
    folder = tmp_path_factory.mktemp("installed")
    shutil.copytree(HERE / "deepaas_models", folder, dirs_exist_ok=True)
    information = folder / "corpus_models-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: corpus-models\nVersion: 1.0\n")
    points = "".join(f"{name} = corpus_{name}\n" for name in MODELS)
    (information / "entry_points.txt").write_text(f"[deepaas.v2.model]\n{points}")
    return folder


@pytest.fixture(scope="module")
def theirs(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    program = deepaas_python().with_name("deepaas-run")
    log = (tmp_path_factory.mktemp("deepaas") / "log").open("w+b")
    process = subprocess.Popen(
        [program, "--listen-port", str(port)],
        stdout=log,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(installed)},
        cwd=installed,
    )
    try:
        end = time.monotonic() + START_S
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                log.seek(0)
                assert process.poll() is None and time.monotonic() < end, log.read().decode()[-3000:]
                time.sleep(0.1)
        yield port
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)
        log.close()


@pytest.fixture(scope="module")
def ours(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    env = {"PYTHONPATH": str(installed)}
    with serve("--dialect", "entry_point", env=env, cwd=tmp_path_factory.mktemp("elsewhere")) as server:
        yield server.port


def send(port: int, request: Request) -> Reply:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.putrequest(request.method, request.path, skip_accept_encoding=True)
        for name, value in request.headers.items():
            connection.putheader(name, value)
        if request.body or request.method == "POST":
            connection.putheader("content-length", str(len(request.body)))
        connection.endheaders(request.body or None)
        answer = connection.getresponse()
        return Reply(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
    finally:
        connection.close()


def shown(reply: Reply) -> dict[str, object]:
    """What a client can tell two answers apart by."""
    body = re.sub(r"/tmp/tmp\w+", "/tmp/tmp", reply.body.decode("latin-1"))
    seen: dict[str, object] = {"status": reply.status, "body": body, "location": reply.headers.get("location")}
    if reply.body and reply.status != 302:
        seen["type"] = reply.headers.get("content-type")
    if reply.status == 405:
        seen["allow"] = set(reply.headers.get("allow", "").replace(" ", "").split(",")) - {"HEAD"}
    if reply.status == 302:
        seen["body"] = ""
    return seen


def label(index: int) -> str:
    request = CORPUS[index]
    return f"{index} {request.method} {request.path} {request.body[:40]!r}"


@pytest.mark.parametrize("index", range(len(CORPUS)), ids=label)
def test_the_answer_is_theirs(index: int, ours: int, theirs: int) -> None:
    request = CORPUS[index]
    mine, their = send(ours, request), send(theirs, request)
    if request.differs:
        assert shown(mine) != shown(their), "no longer a difference: take it off the list"
        assert mine.status == request.status, mine.body
        assert request.holds in mine.body.decode("latin-1")
    else:
        assert shown(mine) == shown(their)


def test_the_swagger_document_describes_the_same_calls(ours: int, theirs: int) -> None:
    mine, their = (json.loads(send(port, get("/swagger.json")).body) for port in (ours, theirs))
    assert mine["swagger"] == their["swagger"] == "2.0"
    assert set(mine["definitions"]) >= {"Failure", "Location", "Version", "ModelMeta", "Training", "Response"}
    for name in MODELS:
        path = f"/v2/models/{name}/"
        assert set(mine["paths"][path]) == set(their["paths"][path])
        for verb in ("predict", "train"):
            call, same = (document["paths"][f"{path}{verb}/"]["post"] for document in (mine, their))
            assert call["tags"] == same["tags"]
            assert call["summary"] == same["summary"]
            assert [described(each) for each in call["parameters"]] == [described(each) for each in same["parameters"]]
            if verb == "predict":
                assert call["produces"] == same["produces"]
                assert call["responses"]["200"]["schema"] == same["responses"]["200"]["schema"]


def described(parameter: dict[str, Any]) -> dict[str, Any]:
    if parameter["in"] == "body":  # theirs puts all of them into one schema
        return {"in": "body"}
    if parameter["name"] == "nested":  # theirs refers to a definition called Generated
        return {key: parameter[key] for key in ("in", "name", "required")}
    return parameter


def test_every_difference_in_the_corpus_is_listed_and_argued() -> None:
    listed = set(re.findall(r"^\| <a id=\"([a-z0-9-]+)\"></a>", DIFFERENCES.read_text(), re.M))
    assert {request.differs for request in CORPUS if request.differs} <= listed
