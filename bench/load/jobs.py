"""Submit jobs over HTTP. Runs as a process of its own on the client's core, and writes a JSON object.

`python -m bench.load.jobs flood PORT COUNT CONNECTIONS`: so many jobs at once, and how long until the last has ended.
`python -m bench.load.jobs starts PORT COUNT`: one after the other on an idle server: from before the submit to the
first line of the function (CLOCK_MONOTONIC, one clock for all processes), and to the result in the client's hands.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import time
from typing import Any

from bench.servers import HOST

HEAD = (
    "POST {path} HTTP/1.1\r\nHost: localhost\r\nPrefer: respond-async\r\nContent-Type: application/json\r\n"
    "Content-Length: {length}\r\n\r\n{body}"
)
WARM = 20
POLL_S = 0.02


class Connection:
    """One keep-alive connection, one request at a time."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._reader: asyncio.StreamReader
        self._writer: asyncio.StreamWriter

    async def open(self) -> Connection:
        self._reader, self._writer = await asyncio.open_connection(HOST, self._port)
        return self

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        """Status and body of an answer."""
        self._writer.write(request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        return int(head[9:12]), await self._reader.readexactly(length)

    async def get(self, path: str) -> tuple[int, Any]:
        status, body = await self.ask(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        return status, json.loads(body)

    def close(self) -> None:
        self._writer.close()


def submit_of(path: str, value: Any) -> bytes:
    """A submit, as it goes over the socket."""
    body = json.dumps(value)
    return HEAD.format(path=path, length=len(body), body=body).encode()


async def flood(port: int, count: int, connections: int) -> dict[str, float]:
    """Submit jobs that do nothing, and wait for the end of all of them."""
    request = submit_of("/infer", {"prompt": "Hello world!"})
    opened = [await Connection(port).open() for _ in range(connections)]
    left = count

    async def keep_on(connection: Connection) -> None:
        nonlocal left
        while left > 0:
            left -= 1
            status, body = await connection.ask(request)
            if status != 202:
                raise RuntimeError(f"{status} {body[:200]!r}")

    begun = time.perf_counter()
    await asyncio.gather(*map(keep_on, opened))
    submitted = time.perf_counter() - begun
    while (await opened[0].get("/jobs?state=queued,retrying,running&limit=1"))[1]["jobs"]:
        await asyncio.sleep(POLL_S)
    ended = time.perf_counter() - begun
    _, page = await opened[0].get("/jobs?state=failed,dead&limit=1")
    if page["jobs"]:
        raise RuntimeError(f"a job failed: {page['jobs']}")
    for connection in opened:
        connection.close()
    return {"total_s": ended, "submitted_s": submitted, "rate": count / ended}


async def starts(port: int, count: int) -> dict[str, float]:
    """Time single jobs."""
    request = submit_of("/entered", {"number": 1})
    connection = await Connection(port).open()
    to_start: list[float] = []
    to_result: list[float] = []
    for _ in range(count + WARM):
        begun = time.monotonic_ns()
        status, body = await connection.ask(request)
        if status != 202:
            raise RuntimeError(f"{status} {body[:200]!r}")
        _, answer = await connection.get(f"{json.loads(body)['links']['result']}?wait=20")
        to_result.append((time.monotonic_ns() - begun) / 1e6)
        to_start.append((answer["output"] - begun) / 1e6)
    connection.close()
    to_start, to_result = sorted(to_start[WARM:]), sorted(to_result[WARM:])
    at = int(0.99 * count)
    return {
        "p99_ms": to_start[at],
        "p50_ms": statistics.median(to_start),
        "result_p99_ms": to_result[at],
        "result_p50_ms": statistics.median(to_result),
    }


def main() -> None:
    """Do one of them."""
    what, *numbers = sys.argv[1:]
    doing = {"flood": flood, "starts": starts}[what]
    print(json.dumps(asyncio.run(doing(*map(int, numbers)))))


if __name__ == "__main__":
    main()
