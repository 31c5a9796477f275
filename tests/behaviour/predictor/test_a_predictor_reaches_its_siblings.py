"""`http://api-NAME:8888/predict` inside a predictor: two real servers, every usual client, no name server."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.peers import clients_python
from tests.serving import serve, write_project

YAML = """
- name: translator
  kind: RealtimeAPI
  predictor: {type: python, path: translator.py}
- name: caller
  kind: RealtimeAPI
  predictor: {type: python, path: caller.py}
"""
TRANSLATOR = """
class PythonPredictor:
    def __init__(self, config):
        pass

    def predict(self, payload, headers):
        return {"text": payload["text"].upper(), "host": headers["host"], "size": len(payload["text"])}
"""
CALLER = """
import asyncio, http.client, json, urllib.request
import aiohttp, httpx, requests

URL = "http://api-translator:8888/predict"

def by_requests(body):
    with requests.Session() as session:
        session.post("http://api-translator:8888/", json=body).raise_for_status()
        return session.post(URL, json=body).json()

def by_urllib(body):
    asked = urllib.request.Request(URL, json.dumps(body).encode(), {"content-type": "application/json"})
    return json.load(urllib.request.urlopen(asked))

def by_http_client(body):
    connection = http.client.HTTPConnection("API-Translator.", 8888)
    connection.request("POST", "/predict", json.dumps(body), {"content-type": "application/json"})
    return json.load(connection.getresponse())

def by_httpx(body):
    return httpx.post(URL, json=body).json()

async def by_httpx_async(body):
    async with httpx.AsyncClient() as client:
        return (await client.post(URL, json=body)).json()

async def by_aiohttp(body):
    async with aiohttp.ClientSession() as session:
        async with session.post(URL, json=body) as reply:
            return json.loads(await reply.text())

async def by_asyncio(body):
    reader, writer = await asyncio.open_connection("api-translator", 8888)
    data = json.dumps(body).encode()
    writer.write(b"POST / HTTP/1.1\\r\\nhost: api-translator:8888\\r\\nconnection: close\\r\\n"
                 b"content-type: application/json\\r\\ncontent-length: %d\\r\\n\\r\\n" % len(data) + data)
    reply = await reader.read()
    writer.close()
    return json.loads(reply.partition(b"\\r\\n\\r\\n")[2])

class PythonPredictor:
    def __init__(self, config):
        pass
"""
SYNC = """
    def predict(self, payload):
        found = globals()["by_" + payload["by"]](payload)
        return asyncio.run(found) if hasattr(found, "__await__") else found
"""
ASYNC = """
    async def predict(self, payload):
        found = globals()["by_" + payload["by"]](payload)
        return await found if hasattr(found, "__await__") else await asyncio.to_thread(lambda: found)
"""
CLIENTS = ("requests", "urllib", "http_client", "httpx", "httpx_async", "aiohttp", "asyncio")
ASYNC_CLIENTS = ("httpx_async", "aiohttp", "asyncio", "requests")


@pytest.fixture(scope="module")
def translator(tmp_path_factory):
    files = {"cortex.yaml": YAML, "translator.py": TRANSLATOR, "caller.py": ""}
    with serve(write_project(tmp_path_factory.mktemp("t"), files), "--api", "translator") as server:
        yield server


def caller(tmp_path_factory, predict, env):
    files = {"cortex.yaml": YAML, "translator.py": "", "caller.py": CALLER + predict}
    folder = write_project(tmp_path_factory.mktemp("c"), files)
    return serve(folder, "--api", "caller", env=env, python=str(clients_python()))


@pytest.fixture(scope="module", params=[SYNC, ASYNC], ids=["def", "async def"])
def named(request, tmp_path_factory, translator):
    env = {"HOTPLATE_SIBLINGS": json.dumps({"translator": translator.url})}
    with caller(tmp_path_factory, request.param, env) as server:
        yield server, CLIENTS if request.param is SYNC else ASYNC_CLIENTS


@pytest.mark.peer
def test_every_client_finds_a_named_sibling(named):
    server, clients = named
    for client in clients:
        reply = server.post("/predict", {"by": client, "text": "ab"})
        assert reply.status == 200, (client, reply.body, server.text())
        told = reply.json()
        assert (told["text"], told["host"].replace(".:", ":").lower()) == ("AB", "api-translator:8888"), client


class Echo(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        headers = {name.lower(): value for name, value in self.headers.items()}
        data = json.dumps({"headers": headers, "size": len(body["text"]), "path": self.path}).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def together():
    """A server that has several endpoints, tells them apart by Host, and wants a token."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.peer
@pytest.mark.parametrize("predict", [SYNC, ASYNC], ids=["def", "async def"])
def test_one_server_for_all_is_told_the_host_and_the_token(tmp_path_factory, together, predict):
    env = {"HOTPLATE_SIBLINGS": together, "HOTPLATE_SIBLING_TOKEN": "hp_secret"}
    with caller(tmp_path_factory, predict, env) as server:
        for client in CLIENTS if predict is SYNC else ASYNC_CLIENTS:
            for size in (2, 1_000_000):
                reply = server.post("/predict", {"by": client, "text": "x" * size})
                assert reply.status == 200, (client, reply.body, server.text())
                told = reply.json()
                assert told["size"] == size
                assert told["headers"]["authorization"] == "Bearer hp_secret"
                assert told["headers"]["connection"] == "close"
                assert told["headers"]["host"].replace(".:", ":").lower() == "api-translator:8888"


def test_without_the_variable_nothing_is_changed(tmp_path):
    check = "import socket\nassert socket.getaddrinfo.__module__ == 'socket', 'changed'\n"
    files = {"cortex.yaml": YAML, "translator.py": check + TRANSLATOR, "caller.py": ""}
    with serve(write_project(tmp_path, files), "--api", "translator") as server:
        assert server.post("/predict", {"text": "a"}).json()["text"] == "A"
        for host, status in (("api-translator:8888", 200), ("api-translator", 200), ("api-caller:8888", 421)):
            assert server.post("/predict", {"text": "a"}, headers={"host": host}).status == status, host


@pytest.mark.parametrize(
    "wrong",
    [
        "{",
        '{"a": 3}',
        '{"a": "http://127.0.0.1:1/path"}',
        "https://127.0.0.1:1",
        '{"a": "http://[::1]:1"}',
        '{"a": "http://h:x"}',
    ],
)
def test_a_variable_that_cannot_be_read_is_an_error(tmp_path, wrong):
    files = {"cortex.yaml": YAML, "translator.py": TRANSLATOR, "caller.py": ""}
    folder = write_project(tmp_path, files)
    with serve(folder, "--api", "translator", env={"HOTPLATE_SIBLINGS": wrong}, wait=False) as server:
        assert server.process.wait(30) == 1
        server.wait_for(lambda running: running.ended, "the end")
        assert "HOTPLATE_SIBLINGS" in server.text()
        assert "Traceback" not in server.text()
