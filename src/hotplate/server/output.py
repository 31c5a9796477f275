"""What a worker prints, line by line: capped in length and rate, with the last lines kept for crash reports."""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Callable
from time import monotonic
from typing import Any

from hotplate.server.log import MAX_LINE_BYTES, Log

RATE_BYTES_S = 1024 * 1024
TAIL_LINES = 20
TAIL_BYTES = 4096
LAST_READS = 16


class Output:
    """Reads both streams of one worker. Never lets the worker wait for a slow log: what is too much is counted."""

    def __init__(self, log: Log, number: int) -> None:
        self.log = log
        self.number = number
        self.dropped = 0
        self.running: Callable[[], str] | None = None  # gives the id of the request that is running
        self.hear: Callable[[str, str, str], None] | None = None  # is told of each line: stream, text, request
        self._tail: deque[str] = deque(maxlen=TAIL_LINES)
        self._sources: list[tuple[asyncio.ReadTransport, _Lines]] = []
        self._second = 0.0
        self._spent = 0

    async def attach(self, loop: asyncio.AbstractEventLoop, stdout: int, stderr: int) -> None:
        """Read from the pipes."""
        for fd, stream in ((stdout, "stdout"), (stderr, "stderr")):
            pipe = os.fdopen(fd, "rb", buffering=0)
            self._sources.append(await loop.connect_read_pipe(lambda stream=stream: _Lines(self, stream), pipe))

    def line(self, stream: str, data: bytes) -> None:
        """Pass one line on, or count it when the worker prints faster than anyone can read."""
        now = monotonic()
        if now - self._second > 1.0:
            self._second, self._spent = now, 0
        self._spent += len(data)
        text = data.decode(errors="replace").rstrip("\r")
        self._tail.append(text[:TAIL_BYTES])
        if self._spent > RATE_BYTES_S:
            if not self.dropped:
                asyncio.get_running_loop().call_later(1.0, self._own_up)
            self.dropped += 1
            return
        request_id = self.running() if self.running is not None else ""
        self.log.output(self.number, stream, text, request_id)
        if self.hear is not None:
            self.hear(stream, text, request_id)

    def _own_up(self) -> None:
        dropped, self.dropped = self.dropped, 0
        self.log.warning(f"worker {self.number} printed too much: {dropped} lines were dropped")

    def tail(self) -> str:
        """The last lines."""
        return "\n".join(self._tail)[-TAIL_BYTES:]

    def close(self) -> None:
        """Read what a dead worker left behind, such as a crash's stack, and stop."""
        for transport, lines in self._sources:
            pipe = transport.get_extra_info("pipe")
            for _ in range(LAST_READS):
                data = None if pipe.closed else pipe.read(MAX_LINE_BYTES)  # None: nothing is there
                if not data:
                    break
                lines.data_received(data)
            transport.close()


class _Lines(asyncio.Protocol):
    """Cuts a pipe's bytes into lines."""

    def __init__(self, output: Output, stream: str) -> None:
        self._output = output
        self._stream = stream
        self._rest = b""

    def data_received(self, data: bytes) -> None:
        lines = (self._rest + data).split(b"\n")
        self._rest = lines.pop()
        for line in lines:
            self._output.line(self._stream, line[:MAX_LINE_BYTES])
        if len(self._rest) > MAX_LINE_BYTES:
            self._output.line(self._stream, self._rest[:MAX_LINE_BYTES])
            self._rest = b""

    def connection_lost(self, exc: Exception | None) -> Any:
        if self._rest:
            self._output.line(self._stream, self._rest[:MAX_LINE_BYTES])
            self._rest = b""
