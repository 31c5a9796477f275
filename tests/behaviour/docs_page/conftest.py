from __future__ import annotations

import json
import struct
import sys
import threading
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # the modules beside this file, whatever pytest's import mode is

from chromium import CHROMIUM, Page, browser
from sample_openapi import OPENAPI

from hotplate.server import pages

PREFIX = "/plates"


def png(width: int = 96, height: int = 64) -> bytes:
    """A small picture: a warm gradient."""
    rows = b"".join(b"\0" + b"".join(bytes((255 - x, 90 + y, 40)) for x in range(width)) for y in range(height))

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


@dataclass
class Call:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Endpoint:
    """Stands in for a server, below a prefix. Remembers the calls; the stream stops halfway until `go_on` is set."""

    url: str = ""
    calls: list[Call] = field(default_factory=list)
    go_on: threading.Event = field(default_factory=threading.Event)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    endpoint: Endpoint

    def log_message(self, *args: object) -> None:
        pass

    def answer(self, status: int, body: bytes, content_type: str, headers: Any = ()) -> None:
        self.send_response(status)
        for name, value in (("content-type", content_type), ("content-length", str(len(body))), *headers):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def answer_json(self, value: Any, status: int = 200) -> None:
        self.answer(status, json.dumps(value).encode(), "application/json")

    def do_GET(self) -> None:
        path = self.path.removeprefix(PREFIX)
        if not self.path.startswith(PREFIX):
            self.answer_json({"detail": "Not Found"}, 404)
        elif path == "/openapi.json":
            self.answer_json(OPENAPI)
        elif path == "/healthcheck":
            self.answer_json({"status": "RUNNING", "async_enable": True})
        elif found := pages.get(path):
            self.answer(200, *found, pages.HEADERS)
        else:
            self.answer_json({"detail": "Not Found"}, 404)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        path = self.path.removeprefix(PREFIX)
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.endpoint.calls.append(Call("POST", path, headers, body))
        path = path.partition("?")[0]
        if path == "/stream":
            self.stream()
        elif path == "/infer" and not json.loads(body)["prompt"]:
            message = "String should have at least 1 character"
            self.answer_json({"detail": [{"type": "x", "loc": ["body", "prompt"], "msg": message, "input": ""}]}, 422)
        elif path == "/detect" and "image/" in headers.get("accept", ""):
            self.answer(200, png(), "image/png")
        elif path == "/detect" and headers["content-type"] == "application/json":
            found = [{"name": "plate", "confidence": 0.93, "box": {"x": 4, "y": 8}}]
            output = {"detections": found, "image_with_boxes": json.loads(body)["image"]}
            self.answer_json({"output": output, "analytics": {"inference_time_ms": 1.5, "performance_time_ms": 2.5}})
        elif path == "/hostile":
            self.answer_json({"output": "<img src=x onerror=alert(1)>" + json.loads(body).popitem()[1]})
        else:
            self.answer_json({"output": "ok", "analytics": {"inference_time_ms": 1.5, "performance_time_ms": 2.5}})

    def stream(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        self.end_headers()
        for piece in ("Hot", " plate"):
            self.wfile.write(f"data: {json.dumps(piece)}\r\n\r\n".encode())
        self.wfile.flush()
        self.endpoint.go_on.wait(20)
        self.wfile.write(b'data: "s"\n\ndata: [DONE]\n\n')
        self.close_connection = True


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    made = Endpoint()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"endpoint": made}))
    made.url = f"http://127.0.0.1:{server.server_address[1]}{PREFIX}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield made
    made.go_on.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "it's a $plate.png"  # a name that a shell would trip over
    path.write_bytes(png())
    return path


@pytest.fixture(scope="session")
def _browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    if CHROMIUM is None:
        pytest.skip("needs Chromium: sudo apt-get install chromium")
    with browser(tmp_path_factory.mktemp("profile")) as page:
        yield page


@pytest.fixture
def page(_browser: Page, endpoint: Endpoint) -> Page:
    _browser.problems.clear()
    _browser.requested.clear()
    _browser.look()
    _browser.open(f"{endpoint.url}/docs")
    return _browser
