"""The process beside the server in which Ray's client runs (`agent.py`), spoken to by lines of JSON.

Ray's import, its threads and its crashes stay out of the server. When the process dies it is started anew, with
backoff, and told which replicas there are; those live on meanwhile and take their calls as before.
"""

from __future__ import annotations

import asyncio
import os
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from hotplate.errors import TargetRefused, TargetUnavailable

AGENT = Path(__file__).with_name("client") / "agent.py"
CONNECT_S = 60.0
"""How long connecting to a cluster may take."""
REACH_S = 3.0
LINE_BYTES = 16 << 20
PAUSES_S = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
"""Before each new try, after the process has died."""
ERRORS = {"refused": TargetRefused, "unavailable": TargetUnavailable}
FATAL = "its Ray client ended"


class AgentProcess:
    """One for each server. `hear(event)` is called with what the agent tells; `keep()` gives of each
    replica its actor's name and its node. `more` is what else the agent is told at its start."""

    def __init__(
        self,
        python: str,
        address: str,
        namespace: str,
        hear: Callable[[dict[str, Any]], None],
        keep: Callable[[], Mapping[str, tuple[str, str]]],
        warn: Callable[[str], None],
        **more: Any,
    ) -> None:
        self._python = python
        self._address = address
        self._namespace = namespace
        self._hear = hear
        self._keep = keep
        self._more = more
        self._warn = warn
        self._process: Process | None = None
        self._opening: asyncio.Task[None] | None = None
        self._reading: asyncio.Task[None] | None = None
        self._again: asyncio.TimerHandle | None = None
        self._asked: dict[int, asyncio.Future[Any]] = {}
        self._number = 0
        self._deaths = 0
        self._closed = False

    @property
    def pid(self) -> int | None:
        """The process, if there is one."""
        return None if self._process is None else self._process.pid

    async def ask(self, do: str, **words: Any) -> Any:
        """Have something done. Raises TargetRefused or TargetUnavailable as the agent says, or where none runs."""
        await self._open()
        assert self._process is not None and self._process.stdin is not None
        self._number += 1
        number = self._number
        answer = self._asked[number] = asyncio.get_running_loop().create_future()
        try:
            self._process.stdin.write(msgspec.json.encode({"id": number, "do": do, **words}) + b"\n")
            return await answer
        finally:
            self._asked.pop(number, None)

    async def _open(self) -> None:
        """Connect, unless that is done. Of several that want it, one does it for all."""
        while self._opening is None or (self._opening.done() and self._process is None):
            self._opening = asyncio.get_running_loop().create_task(self._connect())
        await asyncio.shield(self._opening)

    async def _connect(self) -> None:
        await _reach(self._address)
        try:
            process = await asyncio.create_subprocess_exec(
                *(self._python, str(AGENT)), stdin=PIPE, stdout=PIPE, stderr=DEVNULL, limit=LINE_BYTES, env=_environ()
            )
        except OSError as error:
            raise TargetRefused(f"{self._python} (ray_python) cannot be run: {error.strerror}.") from None
        assert process.stdin is not None and process.stdout is not None
        told = {"address": self._address, "namespace": self._namespace, "keep": self._keep(), **self._more}
        process.stdin.write(msgspec.json.encode(told) + b"\n")
        try:
            async with asyncio.timeout(CONNECT_S):
                said = await self._first(process)
        except BaseException as error:
            await _kill(process)
            if isinstance(error, TimeoutError):
                text = f"The Ray cluster at {self._address} does not let us in within {CONNECT_S:g} s."
                raise TargetUnavailable(text) from None
            raise
        if said.get("event") != "up":
            await _kill(process)
            raise ERRORS[said.get("error", "unavailable")](said.get("text") or f"{self._python} could not run Ray.")
        self._process = process
        self._deaths = 0
        self._reading = asyncio.get_running_loop().create_task(self._read(process))

    async def _first(self, process: Process) -> dict[str, Any]:
        """What it says when it is connected, or is not; what it tells of replicas meanwhile is heard."""
        assert process.stdout is not None
        while line := await process.stdout.readline():
            said = msgspec.json.decode(line)
            if said.get("event") in ("up", "down"):
                return said
            self._hear(said)
        return {}

    async def _read(self, process: Process) -> None:
        assert process.stdout is not None
        while line := await process.stdout.readline():
            said = msgspec.json.decode(line)
            number = said.get("id")
            if number is None:
                self._hear(said)
            elif (answer := self._asked.get(number)) is not None and not answer.done():
                if "error" in said:
                    answer.set_exception(ERRORS[said["error"]](said["text"]))
                else:
                    answer.set_result(said["ok"])
        await _kill(process)
        self._process = None
        for answer in self._asked.values():
            if not answer.done():
                answer.set_exception(TargetUnavailable("The process that speaks to Ray has died; it is started anew."))
        if not self._closed:
            self._warn("The process that speaks to Ray has died; it is started anew. Replicas take calls meanwhile.")
            self._try_again()

    def _try_again(self) -> None:
        pause = PAUSES_S[min(self._deaths, len(PAUSES_S) - 1)]
        self._deaths += 1
        self._again = asyncio.get_running_loop().call_later(pause, self._reopen)

    def _reopen(self) -> None:
        if self._closed or self._process is not None:
            return
        opening = asyncio.get_running_loop().create_task(self._open())

        def opened(task: asyncio.Task[None]) -> None:
            if not task.cancelled() and (error := task.exception()) is not None:
                self._warn(f"Ray is out of reach: {error}")
                self._try_again()

        opening.add_done_callback(opened)

    async def close(self) -> None:
        """Let the process end."""
        self._closed = True
        if self._again is not None:
            self._again.cancel()
        if self._opening is not None:
            self._opening.cancel()
        if self._reading is not None:
            self._reading.cancel()
        if self._process is not None:
            await _kill(self._process)


async def _reach(address: str) -> None:
    """See whether anybody listens at the address: Ray's own client would try for minutes, and end its process."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdigit():
        if address == "auto":
            return
        raise TargetRefused(f"{address!r} is no address of a Ray cluster: HOST:PORT, ray://HOST:PORT, or auto.")
    try:
        async with asyncio.timeout(REACH_S):
            _, writer = await asyncio.open_connection(host.strip("[]"), int(port))
    except (OSError, TimeoutError):
        text = f"No Ray cluster answers at {address}. See that it runs, and that ray_address is right."
        raise TargetUnavailable(text) from None
    writer.close()


def _environ() -> dict[str, str]:
    """Ray reads RAY_ variables, such as its token; nothing else of ours is its business."""
    found = {name: value for name, value in os.environ.items() if not name.startswith(("HOTPLATE_", "PYTHON"))}
    return {"RAY_USAGE_STATS_ENABLED": "0", **found}


async def _kill(process: Process) -> None:
    try:
        process.kill()
    except ProcessLookupError:
        pass
    await process.wait()
