"""The server's end of a template: a process that has loaded the project, and is asked to fork a worker.

A worker's descriptors go to the template beside the word FORK (unix(7), SCM_RIGHTS), and a pidfd of the child comes
back: the number of a process could mean another one by the time that it is read. The template is the child's parent, so
only it can tell how the child ended.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections import deque
from collections.abc import Callable
from time import monotonic_ns
from typing import TYPE_CHECKING, Literal

import msgspec

from hotplate.server.output import Output
from hotplate.server.process import UNKNOWN_STATUS, Ends, Process, describe_exit
from hotplate.wire import frames
from hotplate.wire.failure import Failure, decode_failure
from hotplate.wire.frames import HEADER_BYTES, Child
from hotplate.wire.layout import HEADER

if TYPE_CHECKING:
    from hotplate.server.log import Log

STATUS_WAIT_S = 1.0
"""How long a template may take to tell how its child ended."""
FORK_S = 10.0
"""How long it may take to fork: it has nothing else to do."""

MAX_SAID_BYTES = 1 << 24
"""The largest thing that a template says is why it failed, with a traceback."""

encode = msgspec.msgpack.Encoder().encode


class TemplateLost(Exception):
    """The template died before it had forked."""


class Forked(Process):
    """A worker that a template has forked. Its end is seen by a pidfd, its status told by the template."""

    level = "template"
    template: Template
    pidfd: int

    def watch(self, loop: asyncio.AbstractEventLoop, exited: Callable[[int], None]) -> None:
        """See `Process.watch`."""
        watched, self.exited = self.exited is not None, exited
        if not watched:
            self._watch_fd(loop, self.pidfd, lambda: self.template.status_of(self))


class Template:
    """One template. `made` ends when it waits to be forked, cannot be, or has failed; `state` says which."""

    def __init__(self, process: Process, log: Log, timeout_s: float, on_end: Callable[[Template], None]) -> None:
        loop = asyncio.get_running_loop()
        self.process = process
        self.state: Literal["making", "ready", "unsafe", "failed", "released", "gone"] = "making"
        self.unsafe = ""
        self.early = ""
        self.failure: Failure | None = None
        self.made: asyncio.Future[None] = loop.create_future()
        self._loop = loop
        self._log = log
        self._on_end = on_end
        self._timeout_s = timeout_s
        self._timer = loop.call_later(timeout_s, self._took_too_long)
        self._data = b""
        self._fds: deque[int] = deque()
        self._ids = 0
        self._asked: dict[int, tuple[Ends, asyncio.Future[Forked]]] = {}
        self._statuses: dict[int, int] = {}
        self._waiting: dict[int, tuple[Forked, asyncio.TimerHandle]] = {}
        self._readings = loop.create_task(self._attach())
        process.socket.setblocking(False)
        loop.add_reader(process.socket.fileno(), self._readable)
        process.watch(loop, self._exited)

    async def _attach(self) -> None:
        output = Output(self._log, 0)
        self.process.output = output
        await output.attach(self._loop, self.process.stdout, self.process.stderr)

    # -- what is asked of it

    async def fork(self, child: Child) -> Process:
        """Have it fork a worker. Raises TemplateLost, and OSError when the machine has no descriptors left."""
        ends = Ends()
        self._ids += 1
        call_id = self._ids
        told: asyncio.Future[Forked] = self._loop.create_future()
        self._asked[call_id] = ends, told
        fds = (
            ends.their_socket.fileno(),
            ends.their_lifeline,
            ends.their_answers,
            ends.their_stdout,
            ends.their_stderr,
        )
        try:
            socket.send_fds(self.process.socket, [frames.frame(frames.FORK, call_id=call_id, body=encode(child))], fds)
        except OSError:
            del self._asked[call_id]
            ends.discard()
            raise TemplateLost from None
        try:
            await asyncio.wait((told,), timeout=FORK_S)
        except asyncio.CancelledError:
            told.add_done_callback(_unwanted)
            raise
        if not told.done():  # stopped, or stuck in a lock that somebody's code holds: the next start makes another one
            told.add_done_callback(_unwanted)
            self._log.warning(f"The template of the workers did not fork within {FORK_S:g} s; it is ended")
            self.state = "gone"
            self.process.kill()
            raise TemplateLost
        return told.result()

    def release(self, child: Child) -> Process:
        """Have it be a worker itself, since it cannot be forked, and give it away."""
        self.state = "released"
        self._loop.remove_reader(self.process.socket.fileno())
        self.process.socket.sendall(frames.frame(frames.GO, body=encode(child)))
        return self.process

    def end(self) -> None:
        """Have it end. Its children live on."""
        if self.state not in ("released", "gone"):
            self.process.kill()

    def status_of(self, child: Forked) -> None:
        """A child has ended: tell its status as soon as it is known."""
        if child.pid in self._statuses:
            child.tell(self._statuses.pop(child.pid))
        elif self.state == "gone":
            child.tell(UNKNOWN_STATUS)
        else:
            timer = self._loop.call_later(STATUS_WAIT_S, self._ended, child.pid, UNKNOWN_STATUS)
            self._waiting[child.pid] = child, timer

    def _ended(self, pid: int, status: int) -> None:
        """A child's status is known, or will not be."""
        if pid in self._waiting:
            child, timer = self._waiting.pop(pid)
            timer.cancel()
            child.tell(status)
        elif status != UNKNOWN_STATUS:
            self._statuses[pid] = status

    # -- what it says

    def _readable(self) -> None:
        try:
            data, fds, _, _ = socket.recv_fds(self.process.socket, 1 << 16, 16, socket.MSG_CMSG_CLOEXEC)
        except BlockingIOError:
            return
        except OSError:
            data, fds = b"", []
        self._fds.extend(fds)
        if not data:  # its end will be told
            self._loop.remove_reader(self.process.socket.fileno())
            return
        self._data += data
        try:
            self._sort()
        except (LookupError, ValueError, msgspec.DecodeError) as error:  # the author's code has the socket too
            self._log.warning(f"The template said what no template says ({error}); it is ended")
            self.process.kill()

    def _sort(self) -> None:
        """Take the frames that are there whole."""
        while len(self._data) >= HEADER_BYTES:
            size, call_id, kind, _, code, meta, stamp = HEADER.unpack_from(self._data)
            end = HEADER_BYTES + size
            if size > MAX_SAID_BYTES:
                raise ValueError(f"a frame of {size} bytes")
            if len(self._data) < end:
                break
            body = self._data[HEADER_BYTES + meta : end]
            self._data = self._data[end:]
            self._told(kind, call_id, code, stamp, body)

    def _told(self, kind: int, call_id: int, code: int, stamp: int, body: bytes) -> None:
        if kind == frames.STATE:
            self.process.marks[frames.STATES[code]] = int.from_bytes(body, "little") or monotonic_ns()
        elif kind == frames.HELD:
            held = frames.decode_held(body)
            self.unsafe, self.early = held.unsafe, held.early
            self._done("unsafe" if held.unsafe else "ready")
        elif kind == frames.FORKED:
            self._forked(call_id, stamp)
        elif kind == frames.GONE:
            self._ended(stamp, int.from_bytes(body, "little"))
        elif kind == frames.FAILED:
            self.failure = decode_failure(body)

    def _forked(self, call_id: int, pid: int) -> None:
        ends, told = self._asked.pop(call_id)
        child = ends.process(Forked, pid)
        child.socket.setblocking(False)
        child.template, child.pidfd = self, self._fds.popleft()
        if told.done():  # cancelled
            _end(child)
        else:
            told.set_result(child)

    def _done(self, state: Literal["ready", "unsafe", "failed"]) -> None:
        self._timer.cancel()
        self.state = state
        if not self.made.done():
            self.made.set_result(None)

    def _took_too_long(self) -> None:
        self.failure = Failure(
            f"The project did not load within {self._timeout_s:g} s.",
            hint="Raise setup_timeout (--setup-timeout 10m) if the model needs longer.",
        )
        self.process.kill()

    def _exited(self, status: int) -> None:
        self._timer.cancel()
        self.process.kill()  # what it started goes with it; its children are in groups of their own
        self._loop.remove_reader(self.process.socket.fileno())
        self._readable()
        making = self.state == "making"
        if making:
            self.failure = self.failure or Failure(f"The worker {describe_exit(status)} while it loaded the project.")
            self._done("failed")
        self.state = "failed" if making else "gone"
        for ends, told in self._asked.values():
            ends.discard()
            if not told.done():
                told.set_exception(TemplateLost())
        self._asked.clear()
        for pid in list(self._waiting):
            self._ended(pid, UNKNOWN_STATUS)
        for fd in self._fds:  # of children that it was not asked for
            os.close(fd)
        self._fds.clear()
        self.process.socket.close()
        if self.process.output is not None:
            self.process.output.close()
        self.process.close()
        self._on_end(self)


def _unwanted(told: asyncio.Future[Forked]) -> None:
    if not told.cancelled() and told.exception() is None:
        _end(told.result())


def _end(child: Forked) -> None:
    """End a worker that nobody wants any more."""
    child.kill()
    os.close(child.pidfd)
    child.discard()
