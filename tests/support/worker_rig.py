"""A worker's engine in a thread of the test, with the server's end of its socket in the test's hands."""

from __future__ import annotations

import asyncio
import inspect
import json
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic_ns
from typing import Any

from hotplate.contract import Batching, Mount, Route
from hotplate.dialects.base import Call
from hotplate.faces.base import Answer
from hotplate.wire import frames
from hotplate.wire.arena import Arena, make_arena_file
from hotplate.wire.frames import HEADER_BYTES
from hotplate.wire.layout import HEADER, PLACE
from hotplate.worker import inline, tasks, threads
from hotplate.worker.channel import Channel
from hotplate.worker.invoke import Invoker

ARENA_BYTES = 1 << 20


class JsonCodec:
    """One JSON value in, one JSON value out; `"bad"` cannot be decoded."""

    def decode(self, body: Any, head: Any) -> tuple[Any, ...]:
        value = json.loads(bytes(body))
        if value == "bad":
            raise ValueError("bad")
        return (value,)

    def encode(self, value: Any, head: Any, inference_ns: int, elapsed_ns: int) -> bytes:
        return json.dumps(value).encode()

    def encode_item(self, value: Any) -> bytes:
        return str(value).encode()

    def encode_end(self) -> bytes:
        return b"<end>"

    def encode_break(self, error: BaseException, request_id: str) -> bytes:
        return b"<broken by %b>" % type(error).__name__.encode()

    def error(self, error: BaseException, request_id: str) -> Answer:
        return Answer(status=500, body=type(error).__name__.encode())


class JsonFace:
    name = "json"
    headers = ()
    stream_content_type = "text/plain"

    def codec(self, call: Call, mount: Mount) -> JsonCodec:
        return JsonCodec()


def call_of(function: Callable[..., Any], batching: Batching | None = None) -> Call:
    route = Route(
        path=f"/{function.__name__}",
        name=function.__name__,
        stream=inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function),
        asynchronous=inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function),
        batching=batching,
    )
    return Call(route=route, function=function, parameters=(), returns=Any)


@dataclass
class Frame:
    kind: int
    call_id: int
    code: int
    flags: int
    stamp: int
    body: bytes


class Rig:
    """What the server would do, by hand."""

    def __init__(self, calls: list[Call], engine: str, slots: int) -> None:
        ours, theirs = socket.socketpair()
        self.socket = ours
        self.socket.settimeout(10)
        self.fds = [make_arena_file(ARENA_BYTES), make_arena_file(ARENA_BYTES)]
        self.requests, self.answers = Arena(self.fds[0]), Arena(self.fds[1])
        self.channel = Channel(theirs, self.requests, self.answers)
        mounts = [Mount(method="POST", path=c.route.path, face="json", call=n) for n, c in enumerate(calls)]
        self.invoker = Invoker(tuple(calls), tuple((JsonFace(), mount) for mount in mounts), self.channel, "id-")
        self.ids = 0
        self.data = b""
        self.failure: BaseException | None = None
        self._before = set(threading.enumerate())
        self.thread = threading.Thread(target=self._serve, args=(engine, slots), daemon=True)
        self.thread.start()

    def _serve(self, engine: str, slots: int) -> None:
        try:
            if engine == "inline":
                inline.serve(self.channel, self.invoker)
            elif engine == "threads":
                threads.Engine(self.channel, self.invoker, slots).serve()
            else:
                loop = asyncio.new_event_loop()
                try:
                    tasks.serve(self.channel, self.invoker, slots, loop)
                finally:
                    loop.close()
        except BaseException as error:
            self.failure = error

    def request_frame(self, value: Any = None, route: int = 0) -> bytes:
        self.ids += 1
        body = json.dumps(value).encode()
        return frames.frame(frames.REQUEST, call_id=self.ids, code=route, body=body, stamp=monotonic_ns())

    def request(self, value: Any = None, route: int = 0) -> int:
        self.socket.sendall(self.request_frame(value, route))
        return self.ids

    def cancel(self, call_id: int) -> None:
        self.socket.sendall(frames.frame(frames.CANCEL, call_id=call_id))

    def window(self, call_id: int, size: int) -> None:
        self.socket.sendall(frames.frame(frames.WINDOW, call_id=call_id, stamp=size))

    def shut_down(self) -> None:
        self.socket.sendall(frames.frame(frames.SHUTDOWN))

    def read(self) -> Frame:
        """The next frame; bodies in the answers' arena are fetched, and their room given back."""
        while True:
            if len(self.data) >= HEADER_BYTES:
                size, call_id, kind, flags, code, meta, stamp = HEADER.unpack_from(self.data)
                end = HEADER_BYTES + size
                if len(self.data) >= end:
                    body = self.data[HEADER_BYTES + meta : end]
                    self.data = self.data[end:]
                    if flags & frames.ARENA:
                        offset, length = PLACE.unpack(body)
                        place, body = body, bytes(self.answers.view[offset : offset + length])
                        self.socket.sendall(frames.frame(frames.RELEASE, body=place))
                    return Frame(kind, call_id, code, flags, stamp, body)
            part = self.socket.recv(1 << 16)
            assert part, f"the worker ended: {self.failure!r}"
            self.data += part

    def read_until(self, kind: int, call_id: int | None = None) -> list[Frame]:
        """Frames up to one of a kind."""
        found: list[Frame] = []
        while not found or found[-1].kind != kind or (call_id is not None and found[-1].call_id != call_id):
            found.append(self.read())
        return found

    def answer(self, call_id: int) -> Frame:
        return self.read_until(frames.RESPONSE, call_id)[-1]

    def quiet(self, seconds: float = 0.1) -> bytes:
        """What comes within a while: nothing, where a test says that nothing may come."""
        self.socket.settimeout(seconds)
        try:
            return self.data + self.socket.recv(1 << 16)
        except TimeoutError:
            return self.data
        finally:
            self.socket.settimeout(10)

    def close(self) -> None:
        self.socket.close()
        for thread in set(threading.enumerate()) - self._before:  # what other tests left is not waited for
            if thread is self.thread or thread.name.startswith("hotplate-"):
                thread.join(5)
        self.channel.socket.close()
        for fd in self.fds:
            os.close(fd)

    def ended(self, timeout_s: float = 5) -> bool:
        self.thread.join(timeout_s)
        return not self.thread.is_alive()


@contextmanager
def rig(*calls: Call | Callable[..., Any], engine: str = "inline", slots: int = 1) -> Iterator[Rig]:
    """Start an engine with routes; end it, and see that it ends."""
    made = Rig([call if isinstance(call, Call) else call_of(call) for call in calls], engine, slots)
    try:
        yield made
        made.shut_down()
        assert made.ended(), "the engine did not end"
        assert made.failure is None, made.failure
    finally:
        made.close()
