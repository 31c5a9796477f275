"""Replicas as processes of this machine, reached as if they were on another: the target `loopback`.

It is the smallest target there is, and the one by which the link and the suite of targets are tested.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import tempfile
from asyncio.subprocess import DEVNULL, PIPE, Process
from pathlib import Path
from typing import Any

import msgspec

from hotplate.errors import TargetRefused
from hotplate.targets.base import Cell, Lost, StartRequest, Surroundings
from hotplate.targets.command import record_of, replica_variables, replica_words
from hotplate.wire.marks import VARIABLE as MARKS

HOST = "127.0.0.1"
PORT_S = 30.0
"""How long a process may take to bind its port."""
KEPT_OUT = ("HOTPLATE_", "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")
"""What of this server's variables would mean something else to a replica."""


class Loopback:
    """See `base.Target`."""

    kind = "loopback"

    def __init__(self, around: Surroundings, *, cert: str = "", key: str = "") -> None:
        self._around = around
        self._cert, self._key = cert, key
        self._folder = Path(tempfile.mkdtemp(prefix="hotplate-loopback-"))
        self._watching: set[asyncio.Task[None]] = set()

    async def check(self, request: StartRequest) -> None:
        """A process of this machine is no place for what has to be shared out."""
        if request.hardware.gpus:
            raise TargetRefused("The target loopback shares out no GPUs. Use the target local or docker for them.")

    async def start(self, request: StartRequest) -> Cell:
        """Start a process, and wait for its port."""
        await self.check(request)
        record, marked = (self._folder / f"{request.name}.{end}" for end in ("json", "marks"))
        record.write_bytes(record_of(request.revision))
        kept = {name: value for name, value in os.environ.items() if not name.startswith(KEPT_OUT)}
        process = await asyncio.create_subprocess_exec(
            *replica_words(sys.executable, record),
            stdin=PIPE,
            stdout=PIPE,
            stderr=DEVNULL,
            env={
                **kept,
                **request.environment,
                **replica_variables(request.token, host=HOST, cert=self._cert, key=self._key),
                MARKS: str(marked),
            },
            start_new_session=True,
        )
        try:
            port = await asyncio.wait_for(_port(process), PORT_S)
        except BaseException:
            await _kill(process)
            record.unlink(missing_ok=True)
            raise
        where = f"process {process.pid}"
        told: dict[str, Any] = {"where": where, "tls": bool(self._cert), "marks": marked.read_bytes}
        return Cell(name=request.name, host=HOST, port=port, ref=process, **told)

    def watch(self, cell: Cell, lost: Lost) -> None:
        """Wait for its end."""
        task = asyncio.get_running_loop().create_task(_follow(_process(cell), lost))
        self._watching.add(task)
        task.add_done_callback(self._watching.discard)

    async def end(self, cell: Cell) -> None:
        """Kill it and what it started."""
        await _kill(_process(cell))
        for end in ("json", "marks"):
            (self._folder / f"{cell.name}.{end}").unlink(missing_ok=True)

    async def clear(self) -> None:
        """Nothing is left by a server that was killed: its replicas end when their standard input does."""

    async def close(self) -> None:
        """Let go of the folder."""
        for task in self._watching:
            task.cancel()
        for path in self._folder.glob("*"):
            path.unlink(missing_ok=True)
        self._folder.rmdir()


def _process(cell: Cell) -> Process:
    assert isinstance(cell.ref, Process)
    return cell.ref


async def _port(process: Process) -> int:
    assert process.stdout is not None
    line = await process.stdout.readline()
    try:
        return int(msgspec.json.decode(line, type=dict[str, int])["port"])
    except (msgspec.DecodeError, KeyError):
        raise TargetRefused("The replica's process ended before it listened. Its log may say why.") from None


async def _follow(process: Process, lost: Lost) -> None:
    status = await process.wait()
    how = f"was killed by signal {-status}" if status < 0 else f"ended with status {status}"
    lost(f"its process {how}", own=True)


async def _kill(process: Process) -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass
    await process.wait()
