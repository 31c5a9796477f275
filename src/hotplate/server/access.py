"""The access log: one line per answer, written in blocks so that it costs the request path little."""

from __future__ import annotations

import asyncio
import sys

from hotplate.edge.exchange import Exchange
from hotplate.edge.response import STATUS_LINES
from hotplate.server.log import Log, one_line

FLUSH_S = 0.1


class AccessLog:
    """`127.0.0.1:40888 - "POST /infer HTTP/1.1" 200 OK`, as the seed's server writes it."""

    def __init__(self, log: Log, mode: str) -> None:
        self.on = mode == "on" or (mode == "auto" and sys.stderr.isatty())
        self._log = log
        self._lines: list[tuple[str, str, str, int]] = []
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to write."""
        self._loop = loop

    def note(self, exchange: Exchange, status: int) -> None:
        """Remember one answer."""
        if not self._lines and self._loop is not None:
            self._loop.call_later(FLUSH_S, self.flush)
        self._lines.append(
            (exchange.connection.peer, exchange.head.method, exchange.head.prefix + exchange.head.path, status)
        )

    def flush(self) -> None:
        """Write what is remembered."""
        lines, self._lines = self._lines, []
        for peer, method, path, status in lines:
            phrase = STATUS_LINES.get(status, b"HTTP/1.1 %d" % status)[9:].strip().decode()
            self._log.info(f'{peer} - "{method} {one_line(path)} HTTP/1.1" {phrase}')
