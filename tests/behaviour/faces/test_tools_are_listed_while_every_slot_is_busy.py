"""What a project says of itself in the Model Context Protocol waits for no call and for no start."""

from __future__ import annotations

import threading

import pytest
from serving import serve, write_project

from tests.fleet import endpoint, revision_of, scaling, serve_fleet

SERVICE = """
import time
from pathlib import Path
from hotplate import Service

class Tools(Service):
    def setup(self):
        wait_for("setup")

    def infer(self, n: int) -> int:
        print("infer begins", flush=True)
        wait_for("infer")
        return n

def wait_for(name):
    while not Path(name).exists():
        time.sleep(0.01)
"""
META = {"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}


def ask(server, method, headers=None, **params):
    message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    return server.post("/mcp", message, headers=headers, timeout_s=10.0)


def look(server):
    """Ask all that asks about the project, in both ages of the protocol."""
    found = [
        ask(server, "initialize", protocolVersion="2025-11-25", capabilities={}),
        server.post("/mcp", {"jsonrpc": "2.0", "method": "notifications/initialized"}),
        ask(server, "ping"),
        ask(server, "tools/list"),
    ]
    for method in ("tools/list", "server/discover"):
        headers = {"mcp-protocol-version": "2026-07-28", "mcp-method": method}
        found.append(ask(server, method, headers, _meta=META))
    assert all(reply.headers["x-request-id"] for reply in found)
    return [(reply.status, reply.headers.get("content-type"), reply.body) for reply in found]


@pytest.fixture
def server(tmp_path):
    files = {"service.py": SERVICE, "hotplate.yaml": "faces: [mcp]\n"}
    flags = ("--workers", "1", "--queue-size", "1")
    with serve(write_project(tmp_path, files), *flags, cwd=tmp_path, wait=False) as running:
        running.wait_for_line("-> State.SETUP_SERVICE")  # its contract has come by then
        yield running


def test_it_is_the_same_at_every_time(server, tmp_path):
    loading = look(server)
    assert [status for status, _, _ in loading] == [200, 202, 200, 200, 200, 200]
    assert ask(server, "tools/call", name="infer", arguments={"n": 3}).status == 503
    (tmp_path / "setup").touch()
    server.wait_ready()
    replies = []
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "infer", "arguments": {"n": 3}}}
    calls = [threading.Thread(target=lambda: replies.append(server.post("/mcp", message))) for _ in range(2)]
    for call in calls:
        call.start()
    server.wait_for_line("infer begins")
    assert look(server) == loading
    assert not replies
    (tmp_path / "infer").touch()
    for call in calls:
        call.join(20)
    assert [reply.json()["result"]["content"][0]["text"] for reply in replies] == ["3", "3"]
    assert look(server) == loading
    odd = ask(server, "tools\u002flist", extra="tools/call")  # names a call, so the worker reads it
    assert (odd.status, "application/json", odd.body) == loading[3]


def test_a_sleeping_endpoint_is_not_woken(tmp_path):
    files = {"model.py": "def shout(text: str) -> str:\n    return text.upper()\n"}
    files["hotplate.yaml"] = "faces: [mcp]\nfunctions: [model.py:shout]\n"
    folder = write_project(tmp_path / "tools", files)
    with serve_fleet(tmp_path / "home") as fleet:
        fleet.publish(endpoint("tools", revision_of(folder, "first1", faces=("mcp",)), public=True, scaling=scaling()))
        fleet.settled("tools")
        message = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
        (tool,) = fleet.post("/tools/mcp", message).json()["result"]["tools"]
        assert tool["name"] == "shout"
        assert fleet.replicas("tools") == []
        message |= {"method": "tools/call", "params": {"name": "shout", "arguments": {"text": "ab"}}}
        reply = fleet.post("/tools/mcp", message).json()
        assert reply["result"]["content"][0]["text"] == "AB"
        assert fleet.replicas("tools")
