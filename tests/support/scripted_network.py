"""A network for tests: names are looked up in a table, and each connection is played by a script in a thread."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence

from hotplate.media.fetch import Network

Answer = bytes | Callable[[socket.socket, bytes], None]


class ScriptedNetwork:
    """`names` maps a host to its addresses, or to several lists that are given out one per lookup. `answers` are
    given out one per connection: bytes to send, or a function of (socket, request head).
    """

    def __init__(
        self,
        names: Mapping[str, Sequence[str] | Sequence[Sequence[str]]],
        answers: Iterable[Answer] = (),
        server_tls: ssl.SSLContext | None = None,
        client_tls: ssl.SSLContext | None = None,
    ) -> None:
        self.names = {
            k: [list(v)] if not v or isinstance(v[0], str) else [list(x) for x in v] for k, v in names.items()
        }
        self.answers = list(answers)
        self.lookups: list[str] = []
        self.connections: list[tuple[str, int]] = []
        self.requests: list[bytes] = []
        self.sent_bytes = 0
        self.threads: list[threading.Thread] = []
        self.server_tls = server_tls
        self.network = Network(
            resolve=self.resolve, connect=self.connect, tls=lambda: client_tls or ssl.create_default_context()
        )

    def resolve(self, host: str, port: int) -> list[str]:
        self.lookups.append(host)
        if host not in self.names:
            raise socket.gaierror("no such name")
        lists = self.names[host]
        return lists.pop(0) if len(lists) > 1 else lists[0]

    def connect(self, address: str, port: int, timeout_s: float) -> socket.socket:
        self.connections.append((address, port))
        if not self.answers:
            raise ConnectionRefusedError
        ours, theirs = socket.socketpair()
        thread = threading.Thread(target=self.play, args=(theirs, self.answers.pop(0)))
        self.threads.append(thread)
        thread.start()
        return ours

    def play(self, sock: socket.socket, answer: Answer) -> None:
        sock.settimeout(20)
        try:
            if self.server_tls is not None:
                sock = self.server_tls.wrap_socket(sock, server_side=True)
            request = b""
            while b"\r\n\r\n" not in request:
                more = sock.recv(65536)
                if not more:
                    return
                request += more
            self.requests.append(request)
            if isinstance(answer, bytes):
                sock.sendall(answer)
            else:
                answer(sock, request)
        except OSError:
            pass  # the client left
        finally:
            sock.close()

    def flood(self, head: bytes, piece: bytes, most: int) -> Callable[[socket.socket, bytes], None]:
        """An answer that goes on and on, up to `most` bytes; what was really sent is in `sent_bytes`."""

        def send(sock: socket.socket, _: bytes) -> None:
            sock.sendall(head)
            while self.sent_bytes < most:
                sock.sendall(piece)
                self.sent_bytes += len(piece)

        return send

    def join(self) -> None:
        for thread in self.threads:
            thread.join(20)
            assert not thread.is_alive()


def reply(body: bytes, *headers: str, status: str = "200 OK", length: bool = True) -> bytes:
    """A whole answer."""
    lines = [f"HTTP/1.1 {status}", *headers, *([f"Content-Length: {len(body)}"] if length else [])]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def redirect(location: str, status: str = "302 Found") -> bytes:
    return reply(b"", f"Location: {location}", status=status)
