"""A way to a server that can be shut and opened again: while it is shut nobody listens on its port."""

from __future__ import annotations

import select
import socket
import threading
from contextlib import suppress


class Gate:
    """Forwards connections to a port of this machine."""

    def __init__(self, to_port: int) -> None:
        self._to = to_port
        self._threads: list[threading.Thread] = []
        self._shut = threading.Event()
        self.port = 0
        self.open()

    def open(self) -> None:
        listener = socket.create_server(("127.0.0.1", self.port))
        self.port = listener.getsockname()[1]
        self._shut = threading.Event()
        self._follow(self._accept, listener, self._shut)

    def shut(self) -> None:
        """Stop listening and cut what goes through."""
        self._shut.set()
        for thread in self._threads:
            thread.join(10)
        self._threads.clear()

    def _follow(self, work, *given) -> None:
        thread = threading.Thread(target=work, args=given)
        self._threads.append(thread)
        thread.start()

    def _accept(self, listener: socket.socket, shut: threading.Event) -> None:
        with listener:
            listener.settimeout(0.05)
            while not shut.is_set():
                with suppress(TimeoutError):
                    self._follow(self._forward, listener.accept()[0], shut)

    def _forward(self, near: socket.socket, shut: threading.Event) -> None:
        with near, suppress(OSError), socket.create_connection(("127.0.0.1", self._to)) as far:
            while not shut.is_set():
                for ready in select.select((near, far), (), (), 0.05)[0]:
                    data = ready.recv(65536)
                    if not data:
                        return
                    (far if ready is near else near).sendall(data)
