"""An HTTP server on loopback that answers from a script and notes what it was asked."""

from __future__ import annotations

import json
import socket
import ssl
import sys
import threading
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Reply:
    """One answer. `body` may be anything that JSON can hold, bytes, or an iterable of bytes that is sent in pieces.

    `cut` promises one byte more than it sends, and closes. `silent` closes without an answer.
    """

    body: Any = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False
    silent: bool = False


@dataclass
class Seen:
    """One request as it came in. Header names are in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Scripted:
    """`replies[path]` is used up in order; its last one is repeated. Unknown paths answer 404."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.replies: dict[str, deque[Reply]] = defaultdict(deque)
        self.seen: list[Seen] = []
        self.connections = 0
        self.left_early = threading.Event()

    def on(self, path: str, *replies: Reply) -> str:
        self.replies[path] = deque(replies)
        return self.url + path

    def next(self, path: str) -> Reply:
        waiting = self.replies.get(path)
        if not waiting:
            return Reply({"detail": "Not Found"}, 404)
        return waiting.popleft() if len(waiting) > 1 else waiting[0]


@contextmanager
def scripted_server(tls: ssl.SSLContext | None = None) -> Iterator[Scripted]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            super().setup()
            rig.connections += 1

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            rig.seen.append(Seen(self.command, self.path, headers, body))
            reply = rig.next(self.path)
            if reply.silent:
                self.close_connection = True
                return
            self.send(reply)

        do_GET = do_POST = answer

        def send(self, reply: Reply) -> None:
            pieces, length = pieces_of(reply)
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            if length is None:
                self.send_header("transfer-encoding", "chunked")
            else:
                self.send_header("content-length", str(length + reply.cut))
            self.end_headers()
            try:
                for piece in pieces:
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece) if length is None else piece)
                if length is None and not reply.cut:
                    self.wfile.write(b"0\r\n\r\n")
            except OSError:
                rig.left_early.set()
                self.close_connection = True
            self.close_connection = self.close_connection or reply.cut

        def log_message(self, *args: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

        def handle_error(self, request: Any, client_address: Any) -> None:
            error = sys.exc_info()[1]
            if isinstance(error, OSError):
                rig.left_early.set()
            else:
                crashes.append(error)

    crashes: list[BaseException | None] = []
    with Server(("127.0.0.1", 0), Handler) as server:
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        rig = Scripted(f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield rig
        finally:
            server.shutdown()
            thread.join()
    assert not crashes, crashes


def pieces_of(reply: Reply) -> tuple[Iterable[bytes], int | None]:
    if isinstance(reply.body, bytes):
        return [reply.body], len(reply.body)
    if isinstance(reply.body, dict | str | int | float | None):
        content = json.dumps(reply.body).encode()
        reply.headers.setdefault("content-type", "application/json")
        return [content], len(content)
    return reply.body, None


def closed_port() -> int:
    """A port on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
