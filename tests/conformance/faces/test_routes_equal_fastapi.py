"""An application of FastAPI, written as proxiML's was, and our routes, side by side: same requests, same answers."""

from __future__ import annotations

import http.client
import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from serving import Reply, Server, serve

from tests.conformance.faces.routes_corpus import CODE, CORPUS, ROUTES, Request
from tests.peers import fastapi_python

DIFFERENCES = Path(__file__).parents[3] / "docs" / "coming-from-proximl.md"

pytestmark = pytest.mark.peer


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("routes")
    (folder / "functions.py").write_text(CODE)
    return folder


@pytest.fixture(scope="module")
def ours(project: Path) -> Iterator[Server]:
    with serve(project, *(part for route in ROUTES for part in ("--route", json.dumps(route)))) as server:
        yield server


@pytest.fixture(scope="module")
def theirs(project: Path) -> list[Reply]:
    driver = Path(__file__).with_name("routes_driver.py")
    given = json.dumps({"routes": ROUTES, "requests": [request.plain() for request in CORPUS]})
    done = subprocess.run(
        [fastapi_python(), driver, project], input=given, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return [Reply(status, headers, body.encode()) for status, headers, body in json.loads(done.stdout)]


def send(port: int, request: Request) -> Reply:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(request.method, request.path, request.body.encode() or None, request.headers)
        answer = connection.getresponse()
        return Reply(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
    finally:
        connection.close()


def shown(reply: Reply) -> dict[str, object]:
    """What a client can tell two answers apart by: JSON is compared as values."""
    kind = reply.headers.get("content-type", "")
    body = json.loads(reply.body) if kind == "application/json" and reply.body else reply.body
    seen: dict[str, object] = {"status": reply.status, "body": body}
    if reply.body:
        seen["type"] = kind
    if reply.status == 307:
        seen["location"] = urlsplit(reply.headers["location"]).path
    return seen


def label(index: int) -> str:
    request = CORPUS[index]
    return f"{index} {request.method} {request.path} {request.body[:40]!a}"


@pytest.mark.parametrize("index", range(len(CORPUS)), ids=label)
def test_the_answer_is_fastapis(index: int, ours: Server, theirs: list[Reply]) -> None:
    request, their = CORPUS[index], theirs[index]
    mine = send(ours.port, request)
    if request.differs:
        assert shown(mine) != shown(their), "no longer a difference: take it off the list"
        assert mine.status == request.status, mine.body
        assert request.holds in mine.body.decode()
    else:
        assert shown(mine) == shown(their)


def test_every_difference_in_the_corpus_is_listed_and_argued() -> None:
    listed = set(re.findall(r"^\| <a id=\"([a-z0-9-]+)\"></a>", DIFFERENCES.read_text(), re.M))
    assert {request.differs for request in CORPUS if request.differs} <= listed
