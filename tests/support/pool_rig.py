"""A real pool on a loop whose clock jumps, with workers that do what the test says: their sockets are real."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from typing import Any

import msgspec
from virtual_loop import VirtualLoop

from hotplate.contract import Contract, Limits, Mount, Route
from hotplate.contract.codec import encode_contract
from hotplate.edge.exchange import Exchange
from hotplate.edge.head import HeadRules, parse_head
from hotplate.server.endpoint import Endpoint
from hotplate.server.log import Log
from hotplate.server.memory import Memory
from hotplate.server.pool import Pool
from hotplate.server.process import Process
from hotplate.wire import frames
from hotplate.wire.arena import Arena, make_arena_file
from hotplate.wire.failure import Failure, encode_failure
from hotplate.wire.frames import HEADER_BYTES
from hotplate.wire.layout import HEADER

CONTRACT = Contract(
    dialect="function",
    entry="model:predict",
    name="model",
    routes=(Route(path="/infer", name="predict"),),
    mounts=(Mount(method="POST", path="/infer", face="plain", call=0),),
    limits=Limits(),
)


class Plan:
    named_id = b""
    patience_ns = None
    error_key = "detail"
    meta = b""
    index = 0


HEAD = parse_head(b"POST / HTTP/1.1\r\nHost: x\r\n\r\n", HeadRules())
HEAD.plan = Plan()


class Client:
    """A connection that notes its answers."""

    def __init__(self) -> None:
        self.answers: list[int] = []

    def answer(self, exchange: Exchange, status: int, body: bytes, extra: bytes) -> None:
        self.answers.append(status)

    def refused(self, exchange: Exchange, code: str, status: int, body: bytes, extra: bytes, words: str = "") -> None:
        self.answer(exchange, status, body, extra)


class FakeProcess(Process):
    """A worker without a process: the test speaks for it. `told` holds the calls that it has and has not answered."""

    def __init__(self, pid: int) -> None:
        ours, self.theirs = socket.socketpair()
        ours.setblocking(False)
        self.theirs.setblocking(False)
        fd = make_arena_file(1 << 16)
        answers = Arena(fd)
        os.close(fd)
        out, self.out = os.pipe()
        err, self.err = os.pipe()
        life, self.life = os.pipe()
        super().__init__(pid, ours, answers, stdout=out, stderr=err, lifeline=life)
        self.mark = answers.view[:4].cast("I")
        self.calls: list[int] = []
        self.stopped = False  # it was asked to end
        self.killed = False
        self._data = b""

    def kill(self) -> None:
        self.killed = True

    def watch(self, loop: Any, exited: Callable[[int], None]) -> None:
        self.exited = exited

    def say(self, *parts: bytes) -> None:
        self.theirs.sendall(b"".join(parts))

    def state(self, name: str) -> None:
        self.say(frames.frame(frames.STATE, code=frames.STATES.index(name)))

    def hello(self, contract: Contract = CONTRACT) -> None:
        meta = msgspec.msgpack.encode({"version": frames.VERSION, "pid": self.pid})
        self.say(
            frames.frame(frames.HELLO, meta=meta),
            frames.frame(frames.STATE, code=frames.STATES.index("LAUNCH_PREDICT_LOOP")),
            frames.frame(frames.CONTRACT, body=encode_contract(contract)),
        )

    def run(self) -> None:
        self.hello()
        self.state("SETUP_SERVICE")
        self.state("RUNNING")

    def fail(self, text: str) -> None:
        self.say(frames.frame(frames.FAILED, body=encode_failure(Failure(text))))

    def read(self) -> None:
        try:
            while part := self.theirs.recv(1 << 16):
                self._data += part
        except BlockingIOError:
            pass
        while len(self._data) >= HEADER_BYTES:
            size, call_id, kind, *_ = HEADER.unpack_from(self._data)
            self._data = self._data[HEADER_BYTES + size :]
            if kind == frames.REQUEST:
                assert not self.stopped, "a call for a worker that was asked to end"
                self.calls.append(call_id)
            elif kind == frames.SHUTDOWN:
                self.stopped = True

    def answer(self) -> None:
        """Answer the first of its calls, as a worker with one slot."""
        call_id = self.calls.pop(0)
        self.mark[0] = call_id
        self.say(HEADER.pack(2, call_id, frames.RESPONSE, 0, 200, 0, 5_000_000_000) + b"{}")

    def begin(self) -> None:
        """Take the first call out of its queue."""
        if self.calls:
            self.mark[0] = self.calls[0]

    def end(self, status: int = 0) -> None:
        """The process is gone."""
        self.mark.release()
        self.theirs.close()
        for fd in (self.out, self.err, self.life):
            os.close(fd)
        assert self.exited is not None
        self.exited(status)


class PoolRig:
    """The pool, its workers and what they were told."""

    def __init__(self, size: int = 0, **more: Any) -> None:
        self.loop = VirtualLoop()
        self.endpoint = Endpoint(
            queue_size=None, id_prefix="x", memory=Memory(), on_held=more.pop("on_held", lambda: None)
        )
        self.made: list[FakeProcess] = []
        self.failures: list[Failure] = []
        self.ready = 0
        self.null = os.open(os.devnull, os.O_WRONLY)
        self.log = Log(level="error", as_json=True, fd=self.null)
        self.pool = Pool(
            self.endpoint,
            self.log,
            size=size,
            slots=None,
            setup_timeout_s=more.pop("setup_timeout_s", 1e6),
            id_prefix="x",
            replica_header=b"",
            spawn=more.pop("spawn", self.spawn),
            on_contract=lambda: None,
            on_failed=self.failures.append,
            on_ready=self._ready,
            keep_trying=more.pop("keep_trying", True),
        )

    def _ready(self) -> None:
        self.ready += 1

    def spawn(self, number: int) -> Process:
        process = FakeProcess(1_000_000 + number)
        self.made.append(process)
        return process

    def living(self) -> list[FakeProcess]:
        return [process for process in self.made if process.theirs.fileno() >= 0]

    def settle(self) -> None:
        self.loop.turns()
        for process in self.living():
            process.read()
        self.loop.turns()

    def resize(self, size: int) -> None:
        self.loop.call(lambda: self.pool.resize(size))
        self.settle()

    def submit(self) -> Client:
        client = Client()
        exchange = Exchange(client, HEAD, b"{}", None, 1)  # pyright: ignore
        self.loop.call(lambda: self.endpoint.submit(exchange))
        self.settle()
        return client

    def end(self, process: FakeProcess, status: int = 0) -> None:
        self.loop.call(lambda: process.end(status))
        self.loop.pass_time(0.1)
        self.settle()

    def close(self) -> None:
        self.pool.stopping = True
        self.endpoint.fail_waiting("unavailable", "The end.")
        stop = self.loop.create_task(self.pool.stop(1.0))
        self.loop.turns()
        for process in self.living():
            process.begin()
            self.end(process)
        self.loop.run_until_complete(stop)
        self.endpoint.fail_waiting("unavailable", "The end.")
        self.loop.turns()
        self.loop.close()
        os.close(self.null)
