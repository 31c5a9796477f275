"""An open loop of calls: they go out at their time, however long the others take. One thread with an event loop."""

from __future__ import annotations

import asyncio
import json
import random
import threading
import time
from collections.abc import Callable
from typing import Any

PATIENCE_S = 120.0


class Calls:
    """Calls of `predict(number, seconds)`, each on a connection of its own.

    `outcome` says of each number: `ok`, `refused` (no connection), `cut: …` (no whole answer), or the status and text
    of an answer that is not right. `spans` has when each began and ended.
    """

    def __init__(
        self,
        port: int,
        path: str,
        chance: random.Random,
        *,
        rate: float,
        times: tuple[float, ...],
        headers: Callable[[], dict[str, str]] = dict,
    ) -> None:
        self.outcome: dict[int, str] = {}
        self.spans: dict[int, tuple[float, float]] = {}
        self._port, self._path, self._chance = port, path, chance
        self._rate, self._times, self._headers = rate, times, headers
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))
        self._seconds = 0.0
        self._stop = threading.Event()

    def run(self, seconds: float) -> None:
        """Call for so long, and until all are answered."""
        self.start(seconds)
        self.join()

    def start(self, seconds: float) -> None:
        self._seconds = seconds
        self._thread.start()

    def stop(self) -> None:
        """Begin no further call."""
        self._stop.set()
        self.join()

    def join(self) -> None:
        self._thread.join(self._seconds + 2 * PATIENCE_S)
        assert not self._thread.is_alive()

    async def _run(self) -> None:
        begun, number = time.monotonic(), 0
        async with asyncio.TaskGroup() as group:
            while time.monotonic() < begun + self._seconds and not self._stop.is_set():
                number += 1
                seconds = self._chance.choices(self._times, (70, 25, 5))[0]
                group.create_task(self._call(number, seconds))
                await asyncio.sleep(max(0.0, begun + number / self._rate - time.monotonic()))

    async def _call(self, number: int, seconds: float) -> None:
        begun = time.monotonic()
        try:
            async with asyncio.timeout(PATIENCE_S):
                self.outcome[number] = await self._ask(number, seconds)
        except ConnectionRefusedError:
            self.outcome[number] = "refused"
        except (OSError, EOFError, ValueError) as error:
            self.outcome[number] = f"cut: {error!r}"
        self.spans[number] = (begun, time.monotonic())

    async def _ask(self, number: int, seconds: float) -> str:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            body = json.dumps({"number": number, "seconds": seconds}).encode()
            more = "".join(f"{name}: {value}\r\n" for name, value in self._headers().items())
            head = (
                f"POST {self._path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
                f"connection: close\r\n{more}content-length: {len(body)}\r\n\r\n"
            )
            writer.write(head.encode() + body)
            head_back = (await reader.readuntil(b"\r\n\r\n")).decode()
            length = next(line for line in head_back.split("\r\n") if line.lower().startswith("content-length:"))
            answer = await reader.readexactly(int(length.partition(":")[2]))
        finally:
            writer.close()
        status = int(head_back.split(" ")[1])
        said: Any = json.loads(answer)
        return "ok" if status == 200 and said["output"] == number else f"{status} {answer.decode()[:200]}"
