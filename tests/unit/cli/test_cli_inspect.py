from __future__ import annotations

import json

import pytest

from hotplate.contract import Batching, Contract, Lifecycle, Limits, Param, Route, Source, TypeSpec


@pytest.fixture
def contract(server):
    text = TypeSpec(schema={"type": "string"}, annotation="str")
    server.contract = Contract(
        dialect="service",
        entry="service:Hello",
        name="hello",
        routes=(
            Route(
                path="/infer",
                name="infer",
                params=(
                    Param(name="prompt", type=text, description="What to say"),
                    Param(name="n", type=TypeSpec(annotation="int"), required=False, default=1),
                ),
                returns=TypeSpec(annotation="list[Box]"),
                summary="Say it.",
                batching=Batching(max_size=8),
                source=Source(file="service.py", line=9),
            ),
            Route(path="/tokens", name="tokens", params=(), returns=text, stream=True, asynchronous=True),
            Route(path="/upload", name="infer_form_data", body="form", returns=TypeSpec(kind="image")),
        ),
        definitions={"Box": {"type": "object", "properties": {"x": {}, "y": {}}, "required": ["x"]}},
        lifecycle=Lifecycle(setup=True, shutdown=True),
        limits=Limits(slots=2),
    )
    return server.contract


def test_people_see_why_and_what(cli, contract):
    ran = cli("inspect")
    assert ran.code == 0
    assert ran.out.splitlines() == [
        "Dialect  service",
        "Entry    service:Hello",
        "Because  class Hello(Service)  service.py:3",
        "Hooks    setup, shutdown",
        "Limits   slots=2",
        "",
        "POST /infer  infer  (batches of 8)  service.py:9",
        "  Say it.",
        "    prompt  str  What to say",
        "    n       int = 1",
        "  → list[Box]",
        "",
        "POST /tokens  tokens  (streams, async)",
        "  → str",
        "",
        "POST /upload  infer_form_data  (form data)",
        "  → image",
        "",
        "Schemas",
        "  Box: x, y?",
    ]
    assert "--load" in ran.err


def test_programs_see_everything(cli, contract, tmp_path):
    seen = json.loads(cli("inspect", "-o", "json").out)
    assert seen["project"] == str(tmp_path)
    assert (seen["dialect"], seen["entry"], seen["loaded"]) == ("service", "service:Hello", False)
    assert seen["evidence"] == [{"file": "service.py", "line": 3, "text": "class Hello(Service)"}]
    assert [route["path"] for route in seen["contract"]["routes"]] == ["/infer", "/tokens", "/upload"]
    assert seen["contract"]["routes"][0]["params"][0]["type"]["schema"] == {"type": "string"}
    assert seen["contract"]["definitions"]["Box"]["required"] == ["x"]


def test_loading_asks_a_worker(cli, contract, server, monkeypatch):
    asked = []

    def describe(**arguments):
        asked.append(arguments)
        return contract

    monkeypatch.setattr(__import__("sys").modules["hotplate.server"], "describe", describe)
    ran = cli("inspect", "--load", "-o", "json")
    assert json.loads(ran.out)["loaded"] is True
    assert (asked[0]["match"], asked[0]["settings"].port) == (server.match, 8080)
