"""`python -m octoai.server run` of octoai-sdk 0.10.1 and `hotplate run`, side by side: same project, same requests."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from serving import Server, serve, write_project

from tests.conformance.http.octoai_requests import HELLO, JSON, REQUESTS, Request
from tests.conformance.http.servers import Answer, ask, octoai_server

SERVICE = Path(__file__).parents[1] / "faces/octoai_service.py"
DIFFERENCES = Path(__file__).parents[3] / "docs/coming-from-octoai.md"
REPLICA = {"OCTOAI_REPLICA_NAME": "replica-7"}
OF_EACH_ANSWER = {"date", "server", "content-length"}
OURS_ALONE = {"x-request-id", "vary"}
"""Response headers that ours adds (the row "request-id")."""

FASTAPI = '''
"""Stands in for FastAPI, which a project of OctoAI's always has beside it."""

from http import HTTPStatus


class HTTPException(Exception):
    def __init__(self, status_code, detail=None, headers=None):
        super().__init__(status_code, detail, headers)
        self.status_code, self.headers = status_code, headers
        self.detail = HTTPStatus(status_code).phrase if detail is None else detail
'''
SLOW = """
import pathlib
import time

from octoai.service import Service


class Slow(Service):
    def setup(self):
        while not pathlib.Path("go").exists():
            time.sleep(0.05)

    def infer(self, prompt: str) -> str:
        return prompt
"""

pytestmark = pytest.mark.peer


@pytest.fixture(scope="module")
def ports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, int]]:
    """Where theirs listens, and ours."""
    theirs, ours = tmp_path_factory.mktemp("theirs"), tmp_path_factory.mktemp("ours")
    for folder in (theirs, ours):
        shutil.copy(SERVICE, folder / "service.py")
    write_project(ours, {"fastapi.py": FASTAPI})
    with octoai_server(theirs, REPLICA) as port, serve(ours, env=REPLICA) as server:
        yield port, server.port


def name(request: Request) -> str:
    more = " ".join(f"{key}:{value}" for key, value in request.headers.items() if key != "content-type")
    return f"{request.method} {request.path} {(request.body or b'')[:40]!r} {more}"


@pytest.mark.parametrize("request_", REQUESTS, ids=name)
def test_the_answer_is_theirs(ports: tuple[int, int], request_: Request) -> None:
    ours, theirs = ask(ports[1], request_), ask(ports[0], request_)
    check_length(request_, ours)
    if not request_.differs:
        return equal(ours, theirs)
    assert told(ours) != told(theirs), "no longer a difference: take it off the list"
    assert ours.status == request_.status
    assert request_.holds in ours.body.decode()


def equal(ours: Answer, theirs: Answer) -> None:
    assert ours.status == theirs.status, (ours.body, theirs.body)
    assert repr(ours.value) == repr(theirs.value)  # so that 1 is not 1.0, and members keep their order
    expected = {name: value for name, value in theirs.headers.items() if name not in OF_EACH_ANSWER}
    got = {name: value for name, value in ours.headers.items() if name not in OF_EACH_ANSWER | OURS_ALONE}
    assert got == expected


def told(answer: Answer) -> tuple[Any, ...]:
    """What a caller sees of an answer, apart from the headers that every answer has."""
    headers = {name: value for name, value in answer.headers.items() if name not in OF_EACH_ANSWER | OURS_ALONE}
    return answer.status, answer.value, headers


def check_length(request: Request, answer: Answer) -> None:
    """RFC 9110, 8.6: an answer says its length, HEAD that of what GET would give; 204 has none."""
    if answer.status == 204:
        assert "content-length" not in answer.headers
    elif request.method != "HEAD":
        assert int(answer.headers["content-length"]) == len(answer.body)
    assert answer.headers.get("content-type", "?") != ""


def listed() -> set[str]:
    section = re.search(r"^## On the wire\n(.*?)(?=^## |\Z)", DIFFERENCES.read_text(), re.S | re.M)
    assert section is not None
    return set(re.findall(r"^\| <a id=\"([a-z0-9-]+)\"></a>", section[1], re.M))


def test_every_difference_is_listed_and_argued() -> None:
    assert {request.differs for request in REQUESTS if request.differs} | {"not-ready", "request-id"} <= listed()


# -- before it is ready


@pytest.fixture(scope="module")
def starting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, Server]]:
    theirs, ours = (
        write_project(tmp_path_factory.mktemp(name), {"service.py": SLOW}) for name in ("theirs-slow", "ours-slow")
    )
    with (
        octoai_server(theirs, REPLICA, ready=False) as port,
        serve(ours, env=REPLICA, cwd=ours, wait=False) as server,
    ):
        server.wait_for_line("-> State.SETUP_SERVICE")
        yield port, server


@pytest.mark.parametrize(
    "request_",
    [
        Request(method="GET", path="/"),
        Request(method="GET", path="/healthcheck"),
        Request(method="POST", path="/infer", body=HELLO, headers=JSON),
        Request(method="GET", path="/infer"),
        Request(method="POST", path="/infer/", body=HELLO, headers=JSON),
        Request(method="GET", path="/nope"),
        Request(method="POST", path="/nope", body=HELLO, headers=JSON),
    ],
    ids=name,
)
def test_while_setup_runs_the_answer_is_theirs(starting: tuple[int, Server], request_: Request) -> None:
    ours, theirs = ask(starting[1].port, request_), ask(starting[0], request_)
    ours.headers.pop("retry-after", None)  # the row "not-ready"
    equal(ours, theirs)


def test_while_setup_runs_a_body_is_not_looked_at(starting: tuple[int, Server]) -> None:
    wrong = Request(method="POST", path="/infer", body=b"{}", headers=JSON)
    assert ask(starting[0], wrong).status == 422
    ours = ask(starting[1].port, wrong)
    assert (ours.status, json.loads(ours.body), ours.headers["retry-after"]) == (503, {"status": "SETUP_SERVICE"}, "1")


# -- the OpenAPI document


def plain(document: Any, schema: Any, seen: tuple[str, ...] = ()) -> Any:
    """A schema with its references filled in, without what only readers see or what says "bytes"."""
    if isinstance(schema, list):
        return [plain(document, each, seen) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return {} if name in seen else plain(document, document["components"]["schemas"][name], (*seen, name))
    words = {"title", "description", "examples", "contentMediaType", "contentEncoding"}
    if schema.get("format") == "binary":
        words = words | {"format"}
    kept = {
        key: {name: plain(document, each, seen) for name, each in value.items()}
        if key == "properties"
        else plain(document, value, seen)
        for key, value in schema.items()
        if key not in words
    }
    if kept.get("default", "") is None:
        del kept["default"]
    return kept


def fits(ours: Any, theirs: Any) -> bool:
    """Whether whatever theirs allows ours allows too, by the same words: equal, or one of several that ours takes."""
    if ours == theirs or (isinstance(ours, dict) and theirs in ours.get("anyOf", ())):
        return True
    if isinstance(ours, dict) and isinstance(theirs, dict) and ours.keys() == theirs.keys():
        return all(fits(ours[key], theirs[key]) for key in ours)
    return False


def test_every_route_is_described_as_theirs_is(ports: tuple[int, int]) -> None:
    theirs, ours = (json.loads(ask(port, Request(method="GET", path="/openapi.json")).body) for port in ports)
    assert theirs["paths"].keys() <= ours["paths"].keys()
    assert ours["openapi"] == theirs["openapi"]
    routes = [path for path, methods in theirs["paths"].items() if "post" in methods]
    assert len(routes) > 15
    for path in routes:
        their, mine = theirs["paths"][path]["post"], ours["paths"][path]["post"]
        for content_type, body in their["requestBody"]["content"].items():
            sent = plain(ours, mine["requestBody"]["content"][content_type]["schema"])
            if content_type == "multipart/form-data":  # both refuse an empty text; ours says so
                assert [field.pop("minLength", None) for field in sent["properties"].values()] == [None, 1]
            assert fits(sent, plain(theirs, body["schema"])), (path, sent)
        given, wanted = (
            plain(document, operation["responses"]["200"]["content"]["application/json"]["schema"])
            for document, operation in ((ours, mine), (theirs, their))
        )
        assert given.pop("required") == ["output", "analytics"]
        assert given == wanted, path
        assert "422" in mine["responses"]
