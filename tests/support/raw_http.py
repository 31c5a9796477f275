"""HTTP as bytes, for tests that send what no client library would."""

from __future__ import annotations

import json
import socket
from typing import Any

from serving import Reply

HEAD = b"POST /infer HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


def post(body: Any, path: str = "/infer", more: bytes = b"", version: bytes = b"1.1") -> bytes:
    """A whole request with a length. A body that is not bytes is sent as JSON."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    line = b"POST %b HTTP/%b\r\nHost: localhost\r\nContent-Type: application/json\r\n" % (path.encode(), version)
    return line + more + b"Content-Length: %d\r\n\r\n" % len(data) + data


def chunked(body: bytes, size: int, path: str = "/infer", more: bytes = b"", trailer: bytes = b"") -> bytes:
    """A whole request with a chunked body, in chunks of `size` bytes."""
    head = b"POST %b HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n%b" % (path.encode(), more)
    parts = [body[at : at + size] for at in range(0, len(body), size)]
    framed = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts)
    return head + b"Transfer-Encoding: chunked\r\n\r\n" + framed + b"0\r\n" + trailer + b"\r\n"


class Reader:
    """Reads answers, one after the other, from a connection."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.data = b""

    def more(self) -> bytes:
        part = self.sock.recv(1 << 16)
        self.data += part
        return part

    def until(self, end: bytes) -> bytes:
        while end not in self.data:
            if not self.more():
                raise EOFError(self.data)
        found, _, self.data = self.data.partition(end)
        return found

    def exactly(self, count: int) -> bytes:
        while len(self.data) < count:
            if not self.more():
                raise EOFError(self.data)
        found, self.data = self.data[:count], self.data[count:]
        return found

    def head(self) -> tuple[int, dict[str, str]]:
        lines = self.until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(": ")
            assert name.lower() not in headers, f"two {name} headers"
            headers[name.lower()] = value
        return int(lines[0].split()[1]), headers

    def chunk(self) -> bytes:
        size = int(self.until(b"\r\n"), 16)
        data = self.exactly(size)
        assert self.exactly(2) == b"\r\n"
        return data

    def reply(self, *, head_only: bool = False) -> Reply:
        status, headers = self.head()
        if head_only or status in (204, 304):
            return Reply(status, headers, b"")
        if headers.get("transfer-encoding") == "chunked":
            body = b""
            while piece := self.chunk():
                body += piece
            return Reply(status, headers, body)
        if "content-length" in headers:
            return Reply(status, headers, self.exactly(int(headers["content-length"])))
        while self.more():
            pass
        body, self.data = self.data, b""
        return Reply(status, headers, body)

    def closed(self) -> bool:
        """Whether the server has closed and nothing is left."""
        return not self.data and not self.more()
