"""uvicorn as control runs it: on an open socket, with bounds on heads, and ended by a signal with code 0."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import stat
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import uvicorn

from hotplate.control.log import log

if TYPE_CHECKING:
    from starlette.types import ASGIApp

GRACE_S = 3
"""For answers that are on their way. Whoever follows a log is cut off: the client connects again."""
MAX_HEAD_BYTES = 32 * 1024
MAX_CONNECTIONS = 1000


def run(app: ASGIApp, listener: socket.socket, *, longest_s: float | None = None) -> None:
    """Serve until SIGTERM or SIGINT, or at most so long."""
    config = uvicorn.Config(
        app,
        # h11 bounds the head; httptools in uvicorn does not. This is not the way of a call: speed is no matter.
        http="h11",
        h11_max_incomplete_event_size=MAX_HEAD_BYTES,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=MAX_CONNECTIONS,
        timeout_graceful_shutdown=GRACE_S,
    )
    _Server(config, longest_s).run(sockets=[listener])


class _Server(uvicorn.Server):
    """uvicorn raises the signal that ended it once more, and so dies of it before the database is closed."""

    def __init__(self, config: uvicorn.Config, longest_s: float | None) -> None:
        super().__init__(config)
        self._longest_s = longest_s

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        self._watch_supervisor(loop)
        if self._longest_s is not None:
            loop.call_later(self._longest_s, self.handle_exit, signal.SIGTERM, None)
        try:
            yield
        finally:
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(number)

    def _watch_supervisor(self, loop: asyncio.AbstractEventLoop) -> None:
        """End with a supervisor that dies without a word: standard input is a pipe that it holds (`Child`)."""
        if not stat.S_ISFIFO(os.fstat(0).st_mode):
            return

        def ended() -> None:
            loop.remove_reader(0)
            if not self.should_exit:
                log("warning", "The supervisor is gone: control ends.")
                self.handle_exit(signal.SIGTERM, None)

        loop.add_reader(0, ended)
