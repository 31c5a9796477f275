"""An endpoint whose one replica is elsewhere: a scripted one on loopback, or a real `hotplate serve --replica`."""

from __future__ import annotations

import asyncio
import json
import ssl
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import uvloop
from support.scaled_rig import Lines

from hotplate.contract import Contract, Mount, Route
from hotplate.edge.exchange import Exchange
from hotplate.edge.head import RequestHead
from hotplate.server.endpoint import Endpoint
from hotplate.server.memory import Memory
from hotplate.server.metrics import RouteMetrics
from hotplate.server.pool import Pool
from hotplate.server.remote.process import Probing, RemoteProcess
from hotplate.server.remote.reach import Reach
from hotplate.targets.base import Cell, Lost
from hotplate.wire.frames import Meta, encode_meta
from hotplate.wire.remote import Beat, Order, encode_news

PATIENCE_S = 30.0
TOKEN = "t" * 40
CONTRACT = Contract(
    dialect="service",
    entry="service:Hello",
    routes=(Route(path="/infer", name="infer"),),
    mounts=(Mount(method="POST", path="/infer", face="plain", call=0),),
)
PROBING = Probing(interval_s=0.4, timeout_s=0.4, failures=3)
PATIENT = Probing(interval_s=0.4, timeout_s=5.0, failures=3)
"""For a real replica, whose end its target tells: a busy machine may keep it from an answer for a while."""
ANSWER = (
    b"HTTP/1.1 200 OK\r\ndate: x\r\ncontent-type: application/json\r\nx-request-id: a\r\ncontent-length: 2\r\n\r\n42"
)
"""As a replica writes a short one."""


class Plan:
    error_key = "detail"
    patience_ns = None

    def __init__(self, endpoint: Endpoint, index: int, meta: Meta | None, named: bytes = b"") -> None:
        self.endpoint = endpoint
        self.index = index
        self.named_id = named
        self.meta = encode_meta(meta) if meta is not None else b""
        self.deadline_ns = endpoint.deadline_ns

    def consumed(self, exchange: Exchange, size: int) -> None:
        if exchange.link is not None:
            exchange.link.consumed(exchange, size)


class Caller:
    """A client of one call. `greedy` takes each piece of a stream at once."""

    deadline_ns = 0

    def __init__(self, plan: Plan, body: bytes, extent: Any = None, greedy: bool = True) -> None:
        self.greedy = greedy
        self.pieces: list[bytes] = []
        self.steps: list[tuple[float | None, str]] = []
        self.opened: tuple[int, bytes] | None = None
        self.code = ""
        self.done: asyncio.Future[tuple[int, bytes, bytes]] = asyncio.get_running_loop().create_future()
        head = RequestHead("POST", "/infer", "", {}, len(body), keep_alive=True, http_11=True)
        head.plan = plan
        self.exchange = Exchange(self, head, body, extent, time.monotonic_ns())  # pyright: ignore

    def answer(self, exchange: Exchange, status: int, body: bytes, extra: bytes) -> None:
        self.done.set_result((status, body, extra))

    def refused(self, exchange: Exchange, code: str, status: int, body: bytes, extra: bytes, words: str = "") -> None:
        self.code = code
        self.done.set_result((status, body, extra))

    def open_stream(self, exchange: Exchange, status: int, extra: bytes) -> None:
        exchange.streaming = True
        self.opened = (status, extra)

    def write_piece(self, exchange: Exchange, piece: bytes, *, last: bool = False) -> None:
        self.pieces.append(piece)
        if self.greedy:
            exchange.plan.consumed(exchange, len(piece))

    def close_stream(self, exchange: Exchange, status: int, *, whole: bool = True) -> None:
        self.done.set_result((status, b"whole" if whole else b"cut", b""))

    def progress(self, exchange: Exchange, fraction: float | None, text: str) -> None:
        self.steps.append((fraction, text))


Script = Callable[[bytes, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Scripted:
    """A replica whose answers to calls the test writes. Without `wire`, it knows HTTP alone."""

    def __init__(self, script: Script | None = None, wire: Script | None = None) -> None:
        self.script = script
        self.wire = wire
        self.calls: list[bytes] = []
        self.connections = 0
        self.silent = False
        self.ready = True
        self.abandoned = 0
        self.orders: list[bytes] = []
        self.ends = 0
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, limit=1 << 24)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        for writer in self._writers:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            while not writer.is_closing():
                head = await reader.readuntil(b"\r\n\r\n")
                await self._answer(head, reader, writer)
        except (asyncio.IncompleteReadError, OSError, asyncio.CancelledError):
            pass
        finally:
            writer.close()
            self._tasks.discard(task)

    async def _answer(self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.silent:
            await asyncio.sleep(3600)
        path = head.split(b" ", 2)[1]
        if path == b"/_replica/start":
            length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            self.orders.append(await reader.readexactly(length))
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")
        elif path == b"/_replica/end":
            self.ends += 1
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")
            await self.close()
        elif path == b"/readyz":
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")
        elif path == b"/_replica/news":
            await self._tell(writer)
        elif path == b"/_replica/link":
            if self.wire is None:
                writer.write(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 2\r\n\r\n{}")
                return
            writer.write(b"HTTP/1.1 101 Switching Protocols\r\nupgrade: hotplate-link/1\r\n\r\n")
            await self.wire(b"", reader, writer)
        else:
            self.connections += not getattr(writer, "counted", False)
            writer.counted = True  # pyright: ignore
            self.calls.append(head)
            assert self.script is not None
            await self.script(head, reader, writer)

    async def _tell(self, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        write_chunk(writer, b'{"type":"state","state":"RUNNING"}\n')
        while not writer.is_closing():
            if not self.silent:
                beat = Beat(ready=self.ready, abandoned=self.abandoned, call_ns=1_000_000, rss_bytes=1)
                write_chunk(writer, encode_news(beat) + b"\n")
            await asyncio.sleep(0.05)


def write_chunk(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(b"%x\r\n%b\r\n" % (len(data), data))


class NoTarget:
    """A target whose one cell is there already."""

    kind = "test"

    def __init__(self) -> None:
        self.ended: list[Cell] = []
        self.lost: Lost = lambda reason, *, own=False: None

    def watch(self, cell: Cell, lost: Lost) -> None:
        self.lost = lost


class RemoteRig:
    """`process` is the latest replica's."""

    def __init__(self, scripted: Scripted | None, target: Any = None, request: Any = None, order: Any = None) -> None:
        self.scripted = scripted
        self.log = Lines()
        self.memory = Memory()
        self.failures: list[str] = []
        self.processes: list[RemoteProcess] = []
        self.target = target() if target is not None else NoTarget()  # on the loop
        self.probing = PROBING if scripted is not None else PATIENT
        self.tls: ssl.SSLContext | None = None
        self._request = request
        self._order = order or Order(endpoint="e", id_prefix="r-1", environment={}, secrets={}, settings={})
        self.endpoint = Endpoint(
            queue_size=None, id_prefix="r", memory=self.memory, timeout_s=20.0, on_held=lambda: None
        )
        self.endpoint.contract = CONTRACT
        self.endpoint.routes = [RouteMetrics("/infer")]
        self.pool = Pool(
            self.endpoint,
            self.log,
            size=1,
            slots=None,
            setup_timeout_s=20.0,
            id_prefix="r",
            replica_header=b"",
            spawn=self._spawn,
            on_contract=self._contract,
            on_failed=lambda failure: self.failures.append(failure.text()),
            on_ready=lambda: None,
            keep_trying=True,
        )

    @property
    def link(self) -> Any:
        return self.pool.workers[-1].link

    def _contract(self) -> None:
        contract = self.endpoint.contract
        assert contract is not None
        self.endpoint.routes = [RouteMetrics(mount.path) for mount in contract.mounts if mount.call is not None]

    async def _spawn(self, number: int) -> RemoteProcess:
        if self.scripted is not None:
            cell = Cell(name=f"c{number}", host="127.0.0.1", port=self.scripted.port, where="node-7")
        else:
            cell = await self.target.start(self._request(number))

        def remove(target: Any, cell: Cell) -> None:
            if self.scripted is None:
                self._ending = asyncio.get_running_loop().create_task(target.end(cell))
            else:
                target.ended.append(cell)

        reach = Reach(host=cell.host, port=cell.port, token=TOKEN, tls=self.tls if cell.tls else None)
        order = json.dumps(_builtins(self._order)).encode()
        process = RemoteProcess(self.target, cell, reach, order, self.probing, remove)
        self.processes.append(process)
        return process

    async def start(self) -> None:
        if self.scripted is not None:
            await self.scripted.open()
        await self.pool.start()
        await self.until(lambda: self.endpoint.links, "a replica")

    def send(self, body: bytes = b"{}", **more: Any) -> Caller:
        """Make a call. A body that is large goes where the edge puts one."""
        plan = Plan(self.endpoint, more.pop("index", 0), more.pop("meta", None), more.pop("named", b""))
        extent = None
        if len(body) > 32 * 1024:
            extent = self.memory.allocate(len(body))
            extent.view[:] = body
            body = b""
        submit = more.pop("submit", True)
        caller = Caller(plan, body, extent, **more)
        if submit:
            self.endpoint.submit(caller.exchange)
        return caller

    async def call(self, body: bytes = b"{}", **more: Any) -> tuple[int, bytes, bytes]:
        return await asyncio.wait_for(self.send(body, **more).done, PATIENCE_S)

    async def until(self, found: Callable[[], Any], what: str, timeout_s: float = PATIENCE_S) -> Any:
        end = time.monotonic() + timeout_s
        while time.monotonic() < end:
            if result := found():
                return result
            await asyncio.sleep(0.005)
        raise AssertionError(f"{what} did not happen: {self.pool.counts()} {self.log.lines[-30:]} {self.failures}")

    async def close(self) -> None:
        await self.pool.stop(2.0)
        if self.scripted is None:
            await asyncio.sleep(0.05)
            await self.target.close()
        if self.scripted is not None:
            await self.scripted.close()
        await asyncio.sleep(0.02)
        assert self.memory.held == 0, "a large body's room was not given back"
        self.memory.close()


def _builtins(order: Order) -> dict[str, Any]:
    import msgspec

    return msgspec.to_builtins(order)


def run(
    scenario: Callable[[RemoteRig], Coroutine[Any, Any, None]],
    *made: Any,
    probing: Probing | None = None,
    tls: Any = None,
    **more: Any,
) -> None:
    """Run a scenario with a rig on a loop of its own."""

    async def main() -> None:
        rig = RemoteRig(*made, **more)
        rig.probing = probing or rig.probing
        rig.tls = tls
        try:
            await rig.start()
            await asyncio.wait_for(scenario(rig), PATIENCE_S)
        finally:
            await rig.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
