"""A replica in a container: to its pool a process like any other, whose wire came through a mounted socket."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import struct
import tempfile
from asyncio import AbstractEventLoop
from collections.abc import Callable
from pathlib import Path

from hotplate.engine import replica
from hotplate.engine.engine import Engine
from hotplate.engine.layout import USER_ID
from hotplate.engine.replica import Cell
from hotplate.errors import EngineRefused, EngineUnavailable
from hotplate.server.process import UNKNOWN_STATUS, Ends, Process, StartFailed
from hotplate.wire.failure import Failure

CONNECT_S = 60.0
LOOK_S = 1.0
_PEER = struct.Struct("3i")


class ContainedProcess(Process):
    """A worker in a container. Its number is this machine's, by which it is watched; the engine ends its container."""

    engine: Engine
    name: str
    folder: Path
    note: Callable[[str], None]
    gone = False
    at_end: Callable[[], None] | None = None

    def kill(self) -> None:
        """End the worker at once, and with it the container."""
        if self.gone:
            return
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        except PermissionError:  # the engine's own user may do it
            asyncio.get_running_loop().run_in_executor(None, replica.kill, self.engine, self.name)

    def watch(self, loop: AbstractEventLoop, exited: Callable[[int], None]) -> None:
        """Call `exited` with the worker's status when it has ended, as the engine tells it."""
        watched, self.exited = self.exited is not None, exited
        if watched:
            return
        try:
            pidfd = os.pidfd_open(self.pid)
        except ProcessLookupError:
            self._ended(loop)
        else:
            self._watch_fd(loop, pidfd, lambda: self._ended(loop))

    def _ended(self, loop: AbstractEventLoop) -> None:
        self.gone = True
        asked = loop.run_in_executor(None, replica.ended, self.engine, self.name)
        asked.add_done_callback(self._tell)

    def _tell(self, asked: asyncio.Future[tuple[int, bool]]) -> None:
        if asked.cancelled() or isinstance(asked.exception(), EngineRefused | EngineUnavailable):
            self.tell(UNKNOWN_STATUS)
            return
        code, over = asked.result()
        if over:
            self.note("A replica took more memory than its hardware has, and was ended.")
        self.tell(code - 128 if code > 128 else code << 8)

    def close(self) -> None:
        """Close what only this process used."""
        super().close()
        if self.at_end is not None:
            self.at_end()
        shutil.rmtree(self.folder, ignore_errors=True)


class Door:
    """The folder that a container sees of the server, with a socket to be let in by. Nobody else can enter it."""

    def __init__(self, within: Path) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="d", dir=within))
        self.folder.chmod(0o711)  # nobody but the server's user comes as far as this
        self._listener = self.socket("link")
        self._listener.settimeout(LOOK_S)

    def socket(self, name: str) -> socket.socket:
        """A listening socket in the folder, which the container's user may connect to."""
        found = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        found.bind(str(self.folder / name))
        (self.folder / name).chmod(0o666)
        found.listen(8)
        return found

    def let_in(self, alive: Callable[[], bool], fds: list[int]) -> int:
        """Wait for the worker, and give it what it needs. Gives its process number on this machine.

        Raises:
            TimeoutError: it did not come, or has ended.
        """
        for _ in range(int(CONNECT_S / LOOK_S)):
            try:
                connection, _ = self._listener.accept()
            except TimeoutError:
                if not alive():
                    raise
                continue
            with connection:
                peer = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size)
                socket.send_fds(connection, [b"\0"], fds)
                return _PEER.unpack(peer)[0]
        raise TimeoutError

    def shut(self) -> None:
        """Let nobody in any more."""
        self._listener.close()

    def remove(self) -> None:
        """Take it away."""
        self.shut()
        shutil.rmtree(self.folder, ignore_errors=True)


def give(folder: Path) -> str:
    """Let replicas write to a folder; give the user that they run as, whatever user an image has for its own.

    They are of the server's user, unless that is root: then the folder's files are given to nobody in particular.
    Others may write there meanwhile, so every step is taken from an open folder: no link leads it to a file outside.
    """
    if os.geteuid() != 0:
        return f"{os.geteuid()}:{os.getegid()}"
    for _, folders, files, at in os.fwalk(folder):
        if os.fstat(at).st_uid != USER_ID:
            os.fchown(at, USER_ID, USER_ID)
        for name in (*folders, *files):
            try:
                if os.stat(name, dir_fd=at, follow_symlinks=False).st_uid != USER_ID:
                    os.chown(name, USER_ID, USER_ID, dir_fd=at, follow_symlinks=False)
            except FileNotFoundError:
                pass  # gone meanwhile
    return f"{USER_ID}:{USER_ID}"


async def start(
    engine: Engine, cell: Cell, door: Door, requests_fd: int, note: Callable[[str], None]
) -> ContainedProcess:
    """Start a container and give its worker, which waits for its instructions.

    Raises:
        StartFailed: the engine says no, or the worker ended before it was there.
    """
    ends = Ends()
    theirs = [
        ends.their_stdout,
        ends.their_stderr,
        ends.their_socket.fileno(),
        ends.their_lifeline,
        requests_fd,
        ends.their_answers,
    ]
    starting = asyncio.get_running_loop().run_in_executor(None, _start, engine, cell, door, theirs)
    try:
        pid = await asyncio.shield(starting)
        process = ends.process(ContainedProcess, pid)
    except BaseException as error:
        if isinstance(error, asyncio.CancelledError):
            await asyncio.wait([starting])
            _ = starting.cancelled() or starting.exception()  # looked at, so that nobody is told that it was not
        ends.discard()
        door.remove()
        await asyncio.get_running_loop().run_in_executor(None, replica.remove, engine, cell.name)
        if isinstance(error, EngineRefused | EngineUnavailable):
            raise StartFailed(Failure(error.message)) from error
        raise
    door.shut()
    process.engine, process.name, process.folder, process.note = engine, cell.name, door.folder, note
    return process


def _start(engine: Engine, cell: Cell, door: Door, fds: list[int]) -> int:
    replica.start(engine, cell)

    def alive() -> bool:
        return engine.ask("inspect", "--format", "{{.State.Running}}", cell.name) == "true"

    try:
        pid = door.let_in(alive, fds)
    except TimeoutError:
        state = engine.ask("inspect", "--format", "{{.State.Status}} ({{.State.ExitCode}}) {{.State.Error}}", cell.name)
        raise StartFailed(Failure(f"The container's worker did not come: {state.strip()}.")) from None
    if not pid:
        raise StartFailed(Failure("The engine runs its containers where this machine does not see their processes."))
    return pid
