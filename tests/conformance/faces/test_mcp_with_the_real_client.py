"""The official client of the Model Context Protocol lists and calls a service's routes as tools, in both its ages."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conformance.faces.test_open_inference_with_real_clients import drive
from tests.peers import mcp_python
from tests.serving import serve, write_project

HERE = Path(__file__).parent
SERVICE = '''
"""Tools to try."""

from typing import Any, AsyncIterator, Iterator
from pydantic import BaseModel
from hotplate import Audio, File, Image, Service, batch
from hotplate.errors import UserError

class Box(BaseModel):
    x: int
    inside: list["Box"] = []

PNG = b"\\x89PNG\\r\\n\\x1a\\n" + b"\\0" * 8

class Tools(Service):
    """Tools to try."""

    def infer(self, n: int) -> int:
        return n

    def shout(self, prompt: str) -> str:
        """Say it louder.

        With capitals."""
        return prompt.upper()

    def repeat(self, prompt: str, times: int = 2) -> dict[str, Any]:
        return {"text": prompt * times}

    def box(self, box: Box) -> Box:
        return Box(x=box.x + 1, inside=box.inside)

    def invert(self, image: Image) -> Image:
        return image

    def several(self, n: int) -> Any:
        return ["two", Image.from_bytes(PNG), Audio.from_bytes(b"RIFF\\0\\0\\0\\0WAVEfmt "), n]

    def members(self, n: int) -> Any:
        return {"n": n, "picture": Image.from_bytes(PNG)}

    def file(self, n: int) -> File:
        return File.from_bytes(b"%PDF-1.7" + b"x" * n)

    def count(self, n: int) -> Iterator[int]:
        yield from range(n)

    def words(self, n: int) -> Iterator[str]:
        for number in range(n):
            yield f"word{number} "

    ASYNC

    @batch(max_size=4)
    def twice(self, n: list[int]) -> list[int]:
        return [2 * each for each in n]

    def crash(self, n: int) -> int:
        raise RuntimeError("a secret of the model")

    def told(self, n: int) -> int:
        raise UserError("Try two.")

    def unfit(self, n: int) -> int:
        return "text"
'''
WAIT = {
    "plain": "def wait(self, n: int) -> int:\n        return n",
    "coroutines": "async def wait(self, n: int) -> AsyncIterator[int]:\n        yield n",
}


@pytest.fixture(scope="module", params=WAIT)
def server(request, tmp_path_factory):
    files = {
        "service.py": SERVICE.replace("ASYNC", WAIT[request.param]),
        "hotplate.yaml": "name: tools\nfaces: [mcp]\n",
    }
    with serve(write_project(tmp_path_factory.mktemp("mcp") / "tools", files)) as running:
        yield running


def text(result):
    (block,) = result["content"]
    assert block["type"] == "text"
    return block["text"]


@pytest.mark.peer
def test_the_official_client(server):
    found = drive(mcp_python(), HERE / "mcp_driver.py", f"{server.url}/mcp")
    assert [each["version"] for each in found.values()] == ["2026-07-28", "2025-11-25", "2026-07-28"]
    assert found["auto"]["server"] == found["legacy"]["server"] == "tools"
    assert found["auto"]["instructions"] == found["legacy"]["instructions"] == "Tools to try."
    for told in found.values():
        tools = told["tools"]
        assert tools["shout"]["description"] == "Say it louder.\n\nWith capitals."
        schema = tools["repeat"]["inputSchema"]
        assert schema["required"] == ["prompt"]
        assert schema["properties"]["times"] == {"type": "integer", "default": 2}
        schema = tools["box"]["inputSchema"]
        assert schema["properties"]["box"] == {"$ref": "#/$defs/Box-Input"}
        assert schema["$defs"]["Box-Input"]["properties"]["inside"]["items"] == {"$ref": "#/$defs/Box-Input"}
        assert tools["box"]["outputSchema"]["type"] == "object"
        assert "outputSchema" not in tools["invert"]

        assert text(told["text"]) == "AB"
        assert json.loads(text(told["default"])) == {"text": "abab"}
        assert told["default"]["structuredContent"] == {"text": "abab"}
        assert told["object"]["structuredContent"] == {"x": 2, "inside": [{"x": 2, "inside": []}]}
        image = {"type": "image", "data": "iVBORw0KGgoAAAANSUhEUg==", "mimeType": "image/png"}
        assert told["image"]["content"] == told["image as text"]["content"] == [image]
        kinds = [(each["type"], each.get("mimeType"), each.get("text")) for each in told["several"]["content"]]
        assert kinds == [
            ("text", None, "two"),
            ("image", "image/png", None),
            ("audio", "audio/wav", None),
            ("text", None, "2"),
        ]
        assert [each["type"] for each in told["members"]["content"]] == ["text", "image"]
        (file,) = told["file"]["content"]
        assert (file["type"], file["resource"]["mimeType"]) == ("resource", "application/octet-stream")
        assert [each["text"] for each in told["stream"]["content"]] == ["0", "1", "2"]
        assert text(told["words"]) == "word0 word1 word2 "
        assert text(told["coroutine"]) == "3"
        assert text(told["batch"]) == "8"
        assert told["at once"] == [str(2 * n) for n in range(20)]
        for name in ("wrong", "missing", "crash", "told", "unfit"):
            assert told[name]["isError"] is True, name
        assert text(told["wrong"]).startswith("Invalid arguments for repeat: times: Input should be a valid integer")
        assert text(told["missing"]) == "Invalid arguments for repeat: prompt: Field required"
        assert text(told["crash"]).startswith("crash failed (request ")
        assert text(told["told"]) == "Try two."
        assert told["absent"][0] == "MCPError"
        assert "Unknown tool: absent" in told["absent"][1]
    assert server.count("crash() raised RuntimeError") == 3
    server.wait_for_line("unfit() (service.py:")


# -- what the client does not do


def ask(server, method, headers=None, **params):
    return server.post("/mcp", {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}, headers=headers)


@pytest.mark.parametrize(
    ("asked", "given"),
    [(each, each) for each in ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")]
    + [("1999-01-01", "2025-11-25")],
)
def test_older_clients_begin_with_initialize(server, asked, given):
    reply = ask(server, "initialize", protocolVersion=asked, capabilities={}, clientInfo={"name": "t", "version": "1"})
    assert reply.json()["result"]["protocolVersion"] == given
    assert reply.json()["result"]["capabilities"] == {"tools": {}}
    assert "mcp-session-id" not in reply.headers
    told = server.post("/mcp", {"jsonrpc": "2.0", "method": "notifications/initialized"})
    assert (told.status, told.body) == (202, b"")
    headers = {"mcp-protocol-version": given, "mcp-session-id": "from another server"}
    assert ask(server, "ping", headers).json()["result"] == {}
    assert ask(server, "tools/list", headers).json()["result"]["tools"]
    assert server.post("/mcp", {"jsonrpc": "2.0", "id": 7, "result": {}}).status == 202


def test_a_list_of_messages_as_in_2025_03_26(server):
    call = {"name": "shout", "arguments": {"prompt": "a"}}
    messages = [
        {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call},
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        {"jsonrpc": "2.0", "id": "two", "method": "tools/call", "params": {"name": "crash", "arguments": {"n": 1}}},
        {"jsonrpc": "2.0", "id": 3, "method": "nothing"},
    ]
    found = {each["id"]: each for each in server.post("/mcp", messages).json()}
    assert text(found[1]["result"]) == "A"
    assert found["two"]["result"]["isError"] is True
    assert found[3]["error"]["code"] == -32601
    late = server.post("/mcp", messages, headers={"mcp-protocol-version": "2025-06-18"})
    assert (late.status, late.json()["error"]["code"]) == (400, -32600)
    many = server.post("/mcp", messages[:1] * 65)
    assert (many.status, many.json()["error"]["code"]) == (400, -32600)


def stateless(method="tools/list", version="2026-07-28", **params):
    meta = {"io.modelcontextprotocol/protocolVersion": version, "io.modelcontextprotocol/clientCapabilities": {}}
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": {"_meta": meta, **params}}
    headers = {"mcp-protocol-version": version, "mcp-method": method}
    if "name" in params:
        headers["mcp-name"] = params["name"]
    return body, headers


def test_a_stateless_request_agrees_with_its_headers(server):
    body, headers = stateless()
    good = server.post("/mcp", body, headers=headers).json()["result"]
    assert (good["resultType"], good["cacheScope"]) == ("complete", "private")
    call, named = stateless("tools/call", name="shout", arguments={"prompt": "a"})
    assert text(server.post("/mcp", call, headers=named).json()["result"]) == "A"
    encoded = {**named, "mcp-name": "=?base64?c2hvdXQ=?="}
    assert text(server.post("/mcp", call, headers=encoded).json()["result"]) == "A"
    lacking = {**body, "params": {"_meta": {"io.modelcontextprotocol/protocolVersion": "2026-07-28"}}}
    old, old_headers = stateless("initialize")
    future, future_headers = stateless(version="2099-01-01")
    for sent, given, status, code in (
        (body, {**headers, "mcp-method": "tools/call"}, 400, -32020),
        (body, {**headers, "mcp-protocol-version": "2025-11-25"}, 400, -32020),
        (body, {}, 400, -32020),
        (call, {**named, "mcp-name": "crash"}, 400, -32020),
        (call, {**named, "mcp-name": "=?base64?!?="}, 400, -32020),
        (lacking, headers, 400, -32602),
        (future, future_headers, 400, -32022),
        (old, old_headers, 404, -32601),
    ):
        reply = server.post("/mcp", sent, headers=given)
        assert (reply.status, reply.json()["error"]["code"], reply.json()["id"]) == (status, code, 1), (sent, given)
    assert server.post("/mcp", future, headers=future_headers).json()["error"]["data"]["supported"] == ["2026-07-28"]


def test_what_is_no_message_is_a_json_rpc_error(server):
    for body in (b"", b"{", b"\xff", b"null", b"3", b"[]", b"{}", b'{"jsonrpc": "1.0", "id": 1, "method": "ping"}'):
        reply = server.post("/mcp", body)
        assert (reply.status, reply.json()["id"]) == (400, None), body
    for name in (None, True, 1.5, {}):
        reply = server.post("/mcp", {"jsonrpc": "2.0", "id": name, "method": "ping"})
        assert (reply.status, reply.json()["error"]["code"]) == (400, -32600), name
    deep = b'{"jsonrpc": "2.0", "id": 1, "method": "ping", "params": ' + b'{"a":' * 100 + b"1" + b"}" * 101
    assert server.post("/mcp", deep).status == 400
    assert server.post("/mcp", b"{}", headers={"content-type": "text/plain"}).status == 415
    for method in ("GET", "DELETE"):
        assert (server.request(method, "/mcp").status, server.request(method, "/mcp").headers["allow"]) == (405, "POST")
    for arguments in ([], "a", 3):
        assert ask(server, "tools/call", name="shout", arguments=arguments).json()["result"]["isError"] is True
    assert ask(server, "tools/call", name=["shout"]).json()["error"]["code"] == -32602


def test_a_page_of_another_site_is_refused(server):
    message = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    for origin in (
        "https://evil.example",
        "null",
        "http://evil.example:8080",
        f"http://127.0.0.1.evil.example:{server.port}",
        "file://",
        "x",
    ):
        reply = server.post("/mcp", message, headers={"origin": origin})
        assert (reply.status, reply.json()["error"]["code"]) == (403, -32600), origin
    for origin in (server.url, "http://localhost:6274", f"http://[::1]:{server.port}"):
        assert server.post("/mcp", message, headers={"origin": origin}).status == 200, origin
    rebound = {"origin": "http://evil.example", "host": "evil.example"}
    assert server.post("/mcp", message, headers=rebound).status == 421


def test_an_origin_that_the_operator_allows(tmp_path):
    files = {"model.py": "def f(x): return x\n", "hotplate.yaml": "faces: [mcp]\nfunctions: [model.py:f]\n"}
    message = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    with serve(write_project(tmp_path, files), "--allow-origin", "https://app.example") as server:
        for origin, status in (("https://app.example", 200), ("https://evil.example", 403)):
            assert server.post("/mcp", message, headers={"origin": origin}).status == status, origin
