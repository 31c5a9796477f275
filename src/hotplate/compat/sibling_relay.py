"""Adds the worker's token to what it asks of its siblings, for a server that wants one. Cortex's code sends none.

It listens on loopback, and lets nobody in but this very process: who connects has said before from which port. One
request for each connection: its head gets `authorization`, `connection: close`, and the trace that is active where the
connection is made; the answer's head gets the second. All else passes as it is.
"""

from __future__ import annotations

import re
import selectors
import socket
import time
from contextlib import suppress
from threading import Condition, Thread

from hotplate.wire.trace import outgoing

MAX_HEAD_BYTES = 64 * 1024
PATIENCE_S = 5.0
"""How long a connection waits to be named by who made it."""
PAUSE_S = 0.1
BUFFER_BYTES = 64 * 1024
MAX_EXPECTED = 1024
MAX_CONNECTIONS = 256

_REPLACED = re.compile(rb"\r\nconnection:[^\r\n]*", re.IGNORECASE)
_INTERIM = re.compile(rb"HTTP/1\.[01] 1\d\d ")
_TRACED = re.compile(rb"\r\ntraceparent:", re.IGNORECASE)
_AUTHORIZED = re.compile(rb"\r\nauthorization:", re.IGNORECASE)


class Relay:
    """A listener and a thread for each connection."""

    def __init__(self, target: tuple[str, int], token: str) -> None:
        self._target = target
        self._extra = b"\r\nauthorization: Bearer %b" % token.encode("ascii")
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.place: tuple[str, int] = self._listener.getsockname()[:2]
        self._expected: dict[int, bytes] = {}  # what the head gets besides
        self._changed = Condition()
        self._open = 0
        Thread(target=self._accept, name="hotplate-siblings", daemon=True).start()

    def expect(self, port: int) -> None:
        """Let the connection in that comes from a port of this machine."""
        told = outgoing()
        with self._changed:
            self._expected[port] = b"".join(b"\r\n%b: %b" % (n.encode(), v.encode("latin-1")) for n, v in told.items())
            while len(self._expected) > MAX_EXPECTED:  # of connections that never came
                del self._expected[next(iter(self._expected))]
            self._changed.notify_all()

    def leave(self) -> None:
        """Give up a fork's part in what its parent listens on."""
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, (_, port) = self._listener.accept()
            except OSError:  # too many open files: the next one may find room
                time.sleep(PAUSE_S)
                continue
            with self._changed:
                if self._open >= MAX_CONNECTIONS:
                    client.close()
                    continue
                self._open += 1
            Thread(target=self._serve, args=(client, port), name="hotplate-sibling", daemon=True).start()

    def _serve(self, client: socket.socket, port: int) -> None:
        try:
            with client:
                extra = self._claim(port)
                if extra is None:
                    return
                with suppress(OSError), socket.create_connection(self._target) as server:
                    if self._send_head(client, server, extra):
                        _pump(client, server)
        finally:
            with self._changed:
                self._open -= 1

    def _claim(self, port: int) -> bytes | None:
        """What was said of the connection from a port; None: it is not of this process."""
        with self._changed:
            if not self._changed.wait_for(lambda: port in self._expected, PATIENCE_S):
                return None
            return self._expected.pop(port)

    def _send_head(self, client: socket.socket, server: socket.socket, extra: bytes) -> bool:
        data = b""
        while b"\r\n\r\n" not in data:
            part = client.recv(BUFFER_BYTES)
            if not part or len(data) > MAX_HEAD_BYTES:
                return False
            data += part
        head, _, rest = data.partition(b"\r\n\r\n")
        head = _REPLACED.sub(b"", head) + b"\r\nconnection: close"
        if not _AUTHORIZED.search(head):
            head += self._extra
        if not _TRACED.search(head):
            head += extra
        server.sendall(head + b"\r\n\r\n" + rest)
        return True


class _Answer:
    """Adds `connection: close` to an answer's head: not every server says so, and a client would use the connection
    again."""

    def __init__(self) -> None:
        self._head = b""
        self._told = False

    def passed(self, data: bytes) -> bytes:
        """Give what goes on to the client for what came from the server."""
        if self._told:
            return data
        self._head += data
        out: list[bytes] = []
        while (end := self._head.find(b"\r\n\r\n")) >= 0:
            head, self._head = self._head[:end], self._head[end:]
            if not _INTERIM.match(head):
                out += [_REPLACED.sub(b"", head), b"\r\nconnection: close"]
                break
            out += [head, self._head[:4]]  # such as 100 Continue
            self._head = self._head[4:]
        else:
            if len(self._head) <= MAX_HEAD_BYTES:
                return b"".join(out)
        self._told = True
        return b"".join((*out, self._head))


def _pump(client: socket.socket, server: socket.socket) -> None:
    """Pass bytes on in both directions until the answer ends."""
    answer = _Answer()
    with selectors.DefaultSelector() as watched:
        watched.register(client, selectors.EVENT_READ)
        watched.register(server, selectors.EVENT_READ)
        while True:
            ready = {key.fileobj for key, _ in watched.select()}
            if client in ready:
                data = client.recv(BUFFER_BYTES)
                if data:
                    server.sendall(data)
                else:
                    watched.unregister(client)
                    server.shutdown(socket.SHUT_WR)
            if server in ready:
                data = server.recv(BUFFER_BYTES)
                if not data:
                    return
                client.sendall(answer.passed(data))
