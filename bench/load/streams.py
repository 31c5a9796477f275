"""Read many event streams at once and count the tokens. Runs as a process of its own: `python -m bench.load.streams`.

Each of the connections posts, reads its stream to the end, and posts again. A token is an occurrence of the marker
in what came over the socket, so that the framing of the peer does not matter; a stream with a wrong number of them
is an error.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import time
from pathlib import Path
from typing import cast

from bench.load import child
from bench.records import BenchError, Call, Load
from bench.servers import HOST, Server

MARKER = b"token"
_LAST_CHUNK = b"0\r\n\r\n"
_DRAIN_S = 10.0


def drive(
    server: Server, call: Call, value: object, *, connections: int, tokens: int, seconds: float, core: int
) -> Load:
    """Run the client for some seconds. `requests` of the load are tokens, those after the last second too."""
    body = call.encode(value)
    file = server.scratch / "request-body"
    file.write_bytes(body.data)
    numbers = [str(number) for number in (server.port, connections, tokens, seconds)]
    headers = [text for header in call.headers.items() for text in header]
    options = [*numbers, call.path, str(file), body.content_type, *headers]
    done = child.run([sys.executable, "-m", "bench.load.streams", *options], core)
    if done.status:
        raise BenchError(f"the stream client failed against {server.peer.name}:\n{done.output[-1500:]}")
    seen = json.loads(done.output)
    return Load(
        requests=seen["tokens"],
        duration_s=seen["seconds"],
        errors=seen["errors"],
        client_cpu_s=done.cpu_s,
        values={
            "rate": seen["rate"],
            "first_ms": seen["first_ms"],
            "streams": seen["streams"],
            "events_per_read": seen["per_read"],
        },
    )


class _Stream(asyncio.Protocol):
    """One connection. The counters live in the shared `_Tally`."""

    def __init__(self, tally: _Tally) -> None:
        self.tally = tally
        self.tail = b""
        self.seen = 0
        self.sent = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no asyncio.Transport, only alike.
        self.transport = cast("asyncio.Transport", transport)
        self.tally.open += 1
        self.post()

    def post(self) -> None:
        self.seen, self.tail, self.sent = 0, b"", time.perf_counter()
        self.transport.write(self.tally.request)

    def data_received(self, data: bytes) -> None:
        tally = self.tally
        joined = self.tail + data
        found = joined.count(MARKER)
        if found:
            if not self.seen:
                tally.first.append(time.perf_counter() - self.sent)
            self.seen += found
            tally.tokens += found
            tally.reads += 1
        # One byte less than the marker, so that no marker is counted twice.
        self.tail = joined[1 - len(MARKER) :]
        if joined.endswith(_LAST_CHUNK):
            tally.streams += 1
            tally.errors += self.seen != tally.expected
            if tally.running:
                self.post()
            else:
                self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self.tally.open -= 1
        if self.tally.running:
            self.tally.errors += 1


class _Tally:
    """What all connections have seen together."""

    def __init__(self, request: bytes, expected: int) -> None:
        self.request, self.expected = request, expected
        self.tokens = self.reads = self.streams = self.errors = 0
        self.first: list[float] = []
        self.running = True
        self.open = 0


async def _run(port: int, connections: int, expected: int, seconds: float, request: bytes) -> dict[str, float]:
    tally = _Tally(request, expected)
    loop = asyncio.get_running_loop()
    began = time.perf_counter()
    for _ in range(connections):
        await loop.create_connection(lambda: _Stream(tally), HOST, port)
    await asyncio.sleep(seconds)
    took = time.perf_counter() - began
    in_time = tally.tokens
    tally.running = False
    # Streams that are left in the middle would be the next window's burden: peers go on producing them.
    drained = loop.time() + _DRAIN_S
    while tally.open and loop.time() < drained:
        await asyncio.sleep(0.01)
    return {
        "tokens": tally.tokens,
        "rate": in_time / took,
        "seconds": time.perf_counter() - began,
        "streams": tally.streams,
        "errors": tally.errors,
        "per_read": tally.tokens / max(1, tally.reads),
        "first_ms": statistics.median(tally.first) * 1e3 if tally.first else 0.0,
    }


def main() -> None:
    """Read the arguments that `drive` gives, run, write one JSON object."""
    import uvloop

    parser = argparse.ArgumentParser()
    for name in ("port", "connections", "tokens"):
        parser.add_argument(name, type=int)
    parser.add_argument("seconds", type=float)
    for name in ("path", "file", "content_type"):
        parser.add_argument(name)
    parser.add_argument("headers", nargs="*")
    given = parser.parse_args()
    body = Path(given.file).read_bytes()
    pairs = zip(given.headers[::2], given.headers[1::2], strict=True)
    lines = [
        f"POST {given.path} HTTP/1.1",
        f"Host: {HOST}:{given.port}",
        f"Content-Type: {given.content_type}",
        f"Content-Length: {len(body)}",
        *(f"{name}: {value}" for name, value in pairs),
    ]
    request = "\r\n".join(lines).encode() + b"\r\n\r\n" + body
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        seen = runner.run(_run(given.port, given.connections, given.tokens, given.seconds, request))
    print(json.dumps(seen))


if __name__ == "__main__":
    main()
