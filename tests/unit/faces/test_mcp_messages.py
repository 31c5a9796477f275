"""The server answers messages about a project with the very bytes of the worker, or not at all."""

from __future__ import annotations

import json

import pytest

from hotplate.contract import Contract, Param, Route, TypeSpec
from hotplate.faces.base import Answer, Head
from hotplate.faces.mcp_codec import McpCodec
from hotplate.faces.mcp_messages import Messages

CONTRACT = Contract(
    dialect="service",
    entry="service.py:Tools",
    description="Tools.",
    routes=(Route(path="/infer", name="infer", params=(Param(name="n", type=TypeSpec()),), returns=TypeSpec()),),
)
META = {"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}
OLD = {"host": "127.0.0.1:8080"}
JSON = "application/json"


def message(method, name=1, **params):
    return json.dumps({"jsonrpc": "2.0", "id": name, "method": method, "params": params}).encode()


def of_worker(body, headers):
    codec = McpCodec(CONTRACT, {})
    head = Head(headers=dict(headers))
    answer = codec.encode(*codec.decode(body, head), head, 0, 0)
    return answer.status, answer.body if isinstance(answer, Answer) else answer


def new(method):
    return {**OLD, "mcp-protocol-version": "2026-07-28", "mcp-method": method}


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (message("ping"), OLD),
        (message("ping", "a\u00e9"), {**OLD, "mcp-protocol-version": "2025-06-18"}),
        (message("ping"), {**OLD, "origin": "http://localhost:3000"}),
        (message("initialize", protocolVersion="2024-11-05"), OLD),
        (message("initialize", protocolVersion=[3]), OLD),
        (message("tools/list", cursor="x"), OLD),
        (message("tools/list", _meta=META), new("tools/list")),
        (message("server/discover", _meta=META), new("server/discover")),
        (b'{"jsonrpc": "2.0", "method": "notifications/initialized"}', OLD),
        (b'{"jsonrpc": "2.0", "id": 1, "result": {}}', OLD),
        (b"[%b, %b]" % (message("ping"), message("tools/list", 2)), OLD),
    ],
)
def test_what_the_server_answers(body, headers):
    assert Messages(CONTRACT).answer(body, JSON, headers) == of_worker(body, headers)


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (message("tools/call", name="infer", arguments={"n": 3}), OLD),
        (message("tools/call").replace(b"tools/call", rb"tools\u002fcall"), OLD),
        (b"[%b, %b]" % (message("ping"), message("tools/call").replace(b"l/c", rb"l\u002fc")), OLD),
        (message("ping"), {**OLD, "origin": "https://evil.example"}),
        (message("ping", _meta=META), new("ping")),
        (message("tools/list", _meta=META), new("server/discover")),
        (message("nothing"), OLD),
        (message("ping", None), OLD),
        (b"", OLD),
        (b"{", OLD),
        (b"[]", OLD),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "ping", "params": ' + b'{"a":' * 100 + b"1" + b"}" * 101, OLD),
    ],
)
def test_what_is_for_the_worker(body, headers):
    assert Messages(CONTRACT).answer(body, JSON, headers) is None


def test_what_is_not_json_is_for_the_worker():
    assert Messages(CONTRACT).answer(message("ping"), "text/plain", OLD) is None
