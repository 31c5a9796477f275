"""The server of one replica for a remote server: from a record and a token to an exit status.

It binds its port, says which, and waits to be told with what to start; then it is a server like any other, with one
worker. It ends at SIGTERM, when it is told to, and by itself when no server has asked for it for a while.
"""

from __future__ import annotations

import asyncio
import os
import ssl
import stat
import sys
from dataclasses import replace
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import structs

from hotplate.config.settings import SETTINGS
from hotplate.edge.exchange import EdgeLimits
from hotplate.errors import SettingError
from hotplate.server.access import AccessLog
from hotplate.server.cell.door import CarriedTraces, Door
from hotplate.server.cell.edge import CellEdge
from hotplate.server.cell.folders import with_folders
from hotplate.server.cell.link import MarkedLink
from hotplate.server.cell.newsroom import Newsroom
from hotplate.server.deployed import Deployed
from hotplate.server.environment import revision_environment
from hotplate.server.life import Life, edge_limits, run_loop
from hotplate.server.listening import bind
from hotplate.server.log import Log
from hotplate.server.memory import Memory
from hotplate.server.naming import named
from hotplate.server.process import ALLOCATOR, Process, spawn
from hotplate.server.replica import resident_bytes
from hotplate.server.told import revision_frame
from hotplate.wire import frames
from hotplate.wire.failure import Failure
from hotplate.wire.marks import VARIABLE, open_marks
from hotplate.wire.remote import Batch, Beat, Failed, Line, Metric, Order, Record, State, Told

if TYPE_CHECKING:
    from hotplate.config.settings import Settings
    from hotplate.deployment.records import Revision

UNWANTED_S = 60.0
"""How long a replica stays that nobody tells to start, or that no server listens to any more."""
LOOK_S = 1.0
NOTICE_S = 0.25
"""How long calls are still taken after the server was told that the end is near."""
MORE_HEADERS, MORE_BYTES = 16, 8 * 1024
"""What a server may add to the head of a call that its own edge has let through."""


def serve_replica(revision: Revision, token: str, settings: Settings) -> int:
    """Serve one replica until its end. Gives the exit status.

    Raises:
        SettingError: the port is taken.
    """
    return run_loop(CellServing(revision, token, settings).main())


class CellLog(Log):
    """What befalls the worker is told to the server; what it prints goes there alone: only there secrets are masked."""

    room: Newsroom

    def write(self, level: str, text: str, more: dict[str, Any]) -> None:
        """Write one line, and tell the server what it should know."""
        last_output = more.pop("last_output", None)
        if level in ("warning", "error"):
            self.room.tell(Record(level, text, last_output))
        super().write(level, text if last_output is None else text.partition("\n")[0], more)

    def output(self, worker: int, stream: str, line: str, request_id: str = "") -> None:
        """The worker printed a line."""
        self.room.tell(Line(stream, line, request_id))

    def block(self, text: str) -> None:
        """Several lines, such as a traceback."""
        self.room.tell(Record("error", text))


class CellServing:
    """See `serve_replica`."""

    def __init__(self, revision: Revision, token: str, settings: Settings) -> None:
        self.revision = revision
        self.settings = settings
        self.log = CellLog(level=settings.log_level, as_json=settings.log_format == "json")
        self.memory = Memory()
        self.deployed: Deployed | None = None
        self._marks = open_marks(os.environ.pop(VARIABLE, ""))
        self._tls = _server_tls(settings.link_cert, settings.link_key) if settings.link_cert else None
        self._listener = bind(settings)
        self._access = AccessLog(self.log, "off")
        self._token = token
        self._order: Order | None = None
        self._ended_by_order = False
        self._status = 0
        self._life: Life
        self._edge: CellEdge

    async def main(self) -> int:
        """Serve to the end."""
        loop = asyncio.get_running_loop()
        life = self._life = Life(self.settings, self.log)
        door = self._door = Door(
            self._token,
            self._access,
            start=self._start,
            end=self._end,
            listen=lambda exchange: self.log.room.listen(exchange),
            leave=lambda exchange: self.log.room.leave(exchange),
        )
        edge = self._edge = CellEdge(door, _limits(self.settings), loop)
        edge.busy = lambda: any(wire.busy for wire in door.wires)
        self.log.room = Newsroom(edge, self._beat)
        await edge.listen(self._listener, self._tls)
        port = self._listener.getsockname()[1]
        sys.stdout.write(f'{{"port": {port}}}\n')
        sys.stdout.flush()
        self.log.info(f"A replica of {self.revision.digest[:12]} waits for its server on port {port}")
        self._end_with_parent(loop)
        side = [loop.create_task(self._leave_if_unwanted())]
        if os.getpid() == 1:
            from hotplate.server.orphans import reap

            side.append(loop.create_task(reap()))
        await life.stop.wait()
        for task in side:
            task.cancel()
        await self._drain()
        self.memory.close()
        self.log.info("Stopped")
        return self._status

    async def _drain(self) -> None:
        deployed, room = self.deployed, self.log.room
        if deployed is None:
            return self._edge.close()
        deployed.system.draining = True
        if not self._ended_by_order and not self._status:
            room.tell(State("SHUTTING_DOWN"))
            await asyncio.sleep(NOTICE_S)  # calls that are on their way come to an open door

        def fail_waiting() -> None:
            deployed.endpoint.fail_waiting("unavailable", "The replica is shutting down.")

        async def stop(grace_s: float) -> None:
            await deployed.pool.stop(grace_s)
            room.close()
            for wire in self._door.wires:
                wire.close()
            await asyncio.sleep(0)

        await self._life.drain(self._edge, fail_waiting, stop)

    # -- what the server says

    def _end(self) -> None:
        self._ended_by_order = True
        self._life.stop.set()

    def _start(self, order: Order) -> str:
        if self._order is not None:
            return "" if order == self._order else "This replica was started with another order."
        self._order = order
        loop = asyncio.get_running_loop()
        known = {name: value for name, value in order.settings.items() if name in SETTINGS}
        settings = self.settings = replace(self.settings, **known)
        self._life.settings = settings
        self._edge.limits = _limits(settings)
        self.memory.budget.limit = settings.body_memory_bytes
        traces: Any = CarriedTraces() if settings.traces == "on" else None
        deployed = self.deployed = Deployed(
            settings=settings,
            log=self.log,
            access=self._access,
            memory=self.memory,
            id_prefix=order.id_prefix,
            size=1,
            spawn=self._spawn,
            on_routes=self._edge.heads.clear,
            on_failed=self._failed,
            on_ready=lambda: None,
            version=self.revision.digest[:12],
            traces=traces,
        )
        deployed.system.edge = self._edge
        deployed.pool.overhear = self._overhear
        deployed.use(named(self.revision, order.endpoint))
        self._door.deployed = deployed
        self._starting = loop.create_task(deployed.pool.start())
        return ""

    def _spawn(self, number: int) -> Process:
        order, revision = self._order, self.revision
        assert order is not None
        inherited = revision_environment(os.environ)
        environment = with_folders(order.environment)
        process = spawn(revision.python, self.memory.fd, {**ALLOCATOR, **inherited, **environment})
        process.instruct(
            revision_frame(
                revision,
                name=order.endpoint,
                root=revision.root,
                slots=self.settings.slots,
                traces=self.settings.traces == "on",
                id_prefix=f"{order.id_prefix}-{number}-",
                environment={**environment, **order.secrets},
            )
        )
        process.socket.setblocking(False)
        if self._marks is not None:
            process.link = partial(MarkedLink, self._marks)
        return process

    # -- what the server is told

    def _overhear(self, kind: int, code: int, meta: bytes, body: bytes) -> None:
        tell = self.log.room.tell
        if kind == frames.STATE:
            tell(State(frames.STATES[code]))
        elif kind == frames.CONTRACT:
            tell(Told(msgspec.Raw(body)))
        elif kind == frames.METRIC:
            tell(Metric(frames.decode_sample(meta)))
        elif kind == frames.BATCH:
            tell(Batch(int.from_bytes(body, "little"), code))

    def _failed(self, failure: Failure) -> None:
        self.log.room.tell(Failed(failure))
        self._status = 1
        self._life.stop.set()

    def _beat(self) -> Beat:
        deployed = self.deployed
        if deployed is None:
            return Beat(ready=False, abandoned=0, call_ns=0, rss_bytes=0)
        workers = deployed.pool.workers
        calls = [exchange for worker in workers for exchange in worker.link.pending.values()]
        return Beat(
            ready=any(link.ready for link in deployed.endpoint.links) and not deployed.system.draining,
            abandoned=sum(exchange.abandoned for exchange in calls),
            call_ns=max((worker.link.call_ns for worker in workers), default=0),
            rss_bytes=sum(resident_bytes(worker.process.pid) for worker in workers),
        )

    # -- without a server

    def _end_with_parent(self, loop: asyncio.AbstractEventLoop) -> None:
        """Whoever started this process may hold the other end of its standard input: it ends when that does."""
        try:
            kind = os.fstat(0).st_mode
            if not (stat.S_ISFIFO(kind) or stat.S_ISSOCK(kind)):  # asyncio's pipes to a child are sockets
                return
        except OSError:
            return

        def ended() -> None:
            if not os.read(0, 4096):
                loop.remove_reader(0)
                self._life.stop.set()

        loop.add_reader(0, ended)

    async def _leave_if_unwanted(self) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            room = self.log.room
            if not room.listened and monotonic() - room.heard_at > UNWANTED_S and not self._edge.owes:
                self.log.warning(f"No server has asked for this replica for {UNWANTED_S:g} s: it ends")
                self._life.stop.set()
                return


def _server_tls(cert: str, key: str) -> ssl.SSLContext:
    """With what the replica proves who it is."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(cert, key or None)
    except (OSError, ssl.SSLError) as error:
        raise SettingError(f"The replica's certificate cannot be used: {error}.", key="link_cert") from None
    return context


def _limits(settings: Settings) -> EdgeLimits:
    """The edge's limits. All connections come from one address, and whoever has the token is let in by any name."""
    limits = edge_limits(replace(settings, allow_origin=""))
    rules = structs.replace(
        limits.rules, hosts=None, max_headers=limits.rules.max_headers + MORE_HEADERS, known_hosts=set()
    )
    return structs.replace(
        limits,
        max_header_bytes=limits.max_header_bytes + MORE_BYTES,
        max_connections_per_ip=limits.max_connections,
        rules=rules,
    )
