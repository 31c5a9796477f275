"""What containers of this server share: the engine, looked for when it is needed, images, what a crash left behind."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec

from hotplate.deployment.home import Home, write_whole
from hotplate.engine import replica
from hotplate.engine.engine import Engine, find_engine
from hotplate.engine.names import revision_tag
from hotplate.errors import EngineRefused, EngineUnavailable
from hotplate.server.log import Log
from hotplate.server.process import StartFailed
from hotplate.wire.failure import Failure

MARK = "containers"
"""A file in the home's run folder that says that there may be some, and where the server's folder for them is."""
PREFIX = "hotplate-containers-"
BUFFER_BYTES = 64 * 1024


class Containers:
    """One for each server."""

    def __init__(self, home: Home, network: str, url: str, log: Log) -> None:
        self.home = home
        self.log = log
        self.network = ""
        self._wanted = network
        self._url = url
        self._engine: Engine | None = None
        self._opening = asyncio.Lock()
        self._images: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._folder: Path | None = None
        self._before = self._read_mark()
        self._relays: set[asyncio.Server] = set()

    @property
    def port(self) -> int:
        """The server's port, at which replicas reach it on their own loopback."""
        return int(self._url.rpartition(":")[2])

    @property
    def may_be_left(self) -> bool:
        """Whether a server before this one had containers."""
        return bool(self._before)

    def _read_mark(self) -> str:
        try:
            return (self.home.run / MARK).read_text("utf-8")
        except OSError:
            return ""

    @property
    def folder(self) -> Path:
        """Where sockets and large bodies for containers lie, each in a folder of its own. Nobody else may enter."""
        if self._folder is None:
            shared = "/dev/shm" if os.path.isdir("/dev/shm") else None  # noqa: S108, PTH112
            self._folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=shared))
            write_whole(self.home.run / MARK, str(self._folder).encode())
        return self._folder

    async def engine(self) -> Engine:
        """The engine. Raises StartFailed where none answers."""
        async with self._opening:
            if self._engine is None:
                try:
                    self._engine = await asyncio.to_thread(self._open)
                except (EngineRefused, EngineUnavailable) as error:
                    raise StartFailed(Failure(error.message)) from error
            return self._engine

    def _open(self) -> Engine:
        engine = find_engine()
        for name in replica.left(engine, str(self.home.root)):
            self.log.warning(f"Removing the container {name[:12]}, which a server that is gone has left")
            replica.remove(engine, name)
        before = Path(self._before)
        if before.name.startswith(PREFIX) and before != self._folder:
            shutil.rmtree(before, ignore_errors=True)
        self.network = replica.network(engine, self._wanted)
        return engine

    async def clear(self) -> None:
        """Remove what a server before this one left."""
        try:
            await self.engine()
        except StartFailed as error:
            self.log.warning(f"Containers of an earlier server may be left: {error}")

    async def image(self, digest: str) -> str:
        """The image of a revision, built if it is not there. Raises StartFailed."""
        engine = await self.engine()
        tag = revision_tag(digest)
        async with self._images[digest]:
            if not await asyncio.to_thread(engine.has, tag):
                await self._build(digest)
        return tag

    async def _build(self, digest: str) -> None:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "hotplate.images", digest),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, "HOTPLATE_HOME": str(self.home.root)},
        )
        try:
            said = (await process.communicate())[0]
        except BaseException:
            if process.returncode is None:
                process.kill()
                await process.wait()
            raise
        if process.returncode:
            raise StartFailed(_failure(said))

    def spills(self, endpoint: str) -> str:
        """The folder of an endpoint's bodies that are too large for its arena: its containers see it, no other's."""
        folder = self.folder / f"b{sha256(endpoint.encode()).hexdigest()[:12]}"  # short: sockets may lie in it
        folder.mkdir(exist_ok=True)
        folder.chmod(0o711)
        return str(folder)

    async def relay(self, listener: socket.socket) -> Callable[[], None]:
        """Carry what comes in at a container's socket to the server's port. Gives what ends that."""
        host, _, port = self._url.removeprefix("http://").rpartition(":")

        async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                far_reader, far_writer = await asyncio.open_connection(host.strip("[]"), int(port))
            except OSError:
                writer.close()
                return
            async with asyncio.TaskGroup() as group:
                group.create_task(_copy(reader, far_writer))
                group.create_task(_copy(far_reader, writer))
            far_writer.close()
            writer.close()

        server = await asyncio.start_unix_server(carry, sock=listener)
        self._relays.add(server)

        def end() -> None:
            server.close()
            self._relays.discard(server)

        return end

    def close(self) -> None:
        """At the server's end."""
        for server in self._relays:
            server.close()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            (self.home.run / MARK).unlink(missing_ok=True)


def _failure(said: bytes) -> Failure:
    try:
        given: dict[str, Any] = msgspec.json.decode(said.strip().splitlines()[-1], type=dict[str, Any])
    except (msgspec.DecodeError, IndexError):
        return Failure("The image cannot be built; the server's log says more.")
    trace = given.get("trace") or ""
    return Failure(str(given.get("message")), hint=str(given.get("hint") or ""), trace=str(trace))


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(BUFFER_BYTES):
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
    except OSError:
        writer.close()  # and with it the other way
