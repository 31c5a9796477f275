"""The worker's end of the socket to the server: reads frames into a queue of work, sends answers.

Used by one thread at a time for reading; `send` may be called from any thread.
"""

from __future__ import annotations

import os
import select
import socket
from collections import deque
from collections.abc import Callable, Iterable
from threading import Lock
from time import monotonic_ns

from hotplate.errors import WireError
from hotplate.wire import frames
from hotplate.wire.arena import Arena
from hotplate.wire.frames import (
    ARENA,
    CANCEL,
    CHECKS,
    CHUNK,
    HEADER_BYTES,
    MAX_FRAME_BYTES,
    RELEASE,
    REQUEST,
    RESPONSE,
    SHUTDOWN,
    TO_WORKER,
    WINDOW,
)
from hotplate.wire.layout import HEADER, PLACE
from hotplate.worker.flow import Flow

READ_BYTES = 256 * 1024
CANCELLED_STATUS = 499
"""The status of a call that was dropped for its caller; nobody is there to see it (nginx's number for it)."""
FORK_RETURNED = (
    b"The code called os.fork(), and its child came back from the function as if it were the worker. "
    b"The child is ended, and the worker answers. Let such a child end with os._exit().\n"
)

Work = tuple[int, int, int, int, int, bytes]
"""A call that waits: id, route, flags, bytes of meta, stamp, payload (meta, then body)."""


class Channel:
    """Frames in, frames out.

    `queue` holds calls in their order; whoever takes one calls `start` first. `flows` holds the streams that are
    open, `cancelled` the plain calls that run and that nobody waits for (the engine sees to it). `closing` says that
    the server asked for an end, `gone` that nothing more will come from it: the calls that it sent before are still
    owed an answer in the first case, and to nobody in the second.
    """

    def __init__(self, sock: socket.socket, requests: Arena, answers: Arena) -> None:
        self.socket = sock
        self.requests = requests
        self.answers = answers
        self.queue: deque[Work] = deque()
        self.flows: dict[int, Flow] = {}
        self.cancelled: set[int] = set()
        self.closing = False
        self.gone = False
        self.on_cancel: Callable[[int], None] | None = None
        self.on_window: Callable[[int], None] | None = None
        self.on_checks: Callable[[str], None] | None = None
        self._inbox = memoryview(bytearray(READ_BYTES))
        self._rest = b""
        self._lock = Lock()
        self._answers_lock = Lock()
        self._started = answers.view[:4].cast("I")
        self._forked = False

    def know_forks(self) -> None:
        """From here on what forks this process is the author's code: what it leaves behind is no worker."""
        os.register_at_fork(after_in_child=self._in_fork)

    def _in_fork(self) -> None:
        self._forked = True
        self._lock = Lock()  # a thread that is not here may have held it

    def _end_fork(self, data: bytes) -> None:
        """A fork that returns from the author's function would answer its parent's call, and take the next ones."""
        if HEADER.unpack_from(data)[2] not in (RESPONSE, CHUNK):
            return
        os.write(2, FORK_RETURNED)
        os._exit(1)

    def start(self, call_id: int) -> None:
        """Note, where the server can read it after a crash, that this call and all before it left the queue."""
        self._started[0] = call_id

    def current(self) -> int:
        """The call that left the queue last: the one that runs, where calls run one by one."""
        return self._started[0]

    def start_all(self, call_ids: Iterable[int]) -> None:
        """Note the same for calls taken out of their order: the mark only ever rises (ids wrap at 32 bits)."""
        mark = self._started[0]
        for call_id in call_ids:
            if 0 < (call_id - mark) & 0xFFFFFFFF < 0x80000000:
                mark = call_id
        self._started[0] = mark

    def renew(self, answers: Arena) -> None:
        """Begin anew in a fork: another socket has taken the place of the old one, and this is its memory."""
        self._started.release()
        self.answers.close()
        self.answers = answers
        self._started = answers.view[:4].cast("I")
        self._rest = b""

    def count(self, kind: str, name: str, value: float, labels: dict[str, str]) -> None:
        """Report a value that the author's code counts."""
        sample = frames.Sample(kind, name, value, labels)
        try:
            self.send(frames.frame(frames.METRIC, meta=frames.encode_meta(sample)))
        except OSError:  # the server is gone; so is this worker, soon
            pass

    def read(self, *, block: bool = True) -> bool:
        """Read what is there and sort it. False when the server is gone, or nothing came and `block` is false."""
        try:
            count = self.socket.recv_into(self._inbox, 0, 0 if block else socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except ConnectionResetError:
            count = 0
        if not count:
            self.closing = self.gone = True
            return False
        self.feed(bytes(self._inbox[:count]))
        return True

    def feed(self, data: bytes) -> None:
        """Sort received bytes into the queue and act on the other frames. Raises WireError."""
        if self._rest:
            data = self._rest + data
        unpack = HEADER.unpack_from
        append = self.queue.append
        at, end = 0, len(data)
        while end - at >= HEADER_BYTES:
            size, call_id, kind, flags, code, meta, stamp = unpack(data, at)
            after = at + HEADER_BYTES + size
            if after > end:
                if size > MAX_FRAME_BYTES or kind not in TO_WORKER:
                    raise WireError(f"A frame of kind {kind} and {size} bytes came from the server.")
                break
            if kind == REQUEST:
                append((call_id, code, flags, meta, stamp, data[at + HEADER_BYTES : after]))
            else:
                self._control(kind, call_id, stamp, data[at + HEADER_BYTES : after])
            at = after
        self._rest = data[at:]

    def _control(self, kind: int, call_id: int, stamp: int, payload: bytes) -> None:
        if kind == CANCEL:
            for index, work in enumerate(self.queue):
                if work[0] == call_id:
                    del self.queue[index]
                    self.drop(call_id)
                    return
            flow = self.flows.get(call_id)
            if flow is not None:
                flow.cancelled = True
            if self.on_cancel is not None:
                self.on_cancel(call_id)
        elif kind == WINDOW:
            flow = self.flows.get(call_id)
            if flow is not None:
                flow.passed += stamp
                if self.on_window is not None:
                    self.on_window(call_id)
        elif kind == RELEASE:
            if len(payload) != PLACE.size:
                raise WireError("A release from the server names no place.")
            with self._answers_lock:
                self.answers.release(*PLACE.unpack(payload))
        elif kind == SHUTDOWN:
            self.closing = True
        elif kind == CHECKS:
            if self.on_checks is not None:
                self.on_checks(payload.decode())
        else:
            raise WireError(f"A frame of kind {kind} came from the server; this worker does not know it.")

    def unwanted(self, call_id: int) -> bool:
        """Whether nobody waits for a call that runs."""
        flow = self.flows.get(call_id)
        return flow.cancelled if flow is not None else call_id in self.cancelled

    def drop(self, call_id: int) -> None:
        """Tell the server that a cancelled call is over and its slot free."""
        self.send(HEADER.pack(0, call_id, RESPONSE, 0, CANCELLED_STATUS, 0, 0))

    def send(self, data: bytes) -> None:
        """Send frames. Safe from any thread; frames of one call are never mixed.

        Not by `sendall`: an event loop that watches the socket has made it non-blocking (libuv does so behind
        Python's back), and `sendall` would then raise in the middle of a frame when the server is busy.
        """
        if self._forked:
            self._end_fork(data)
        with self._lock:
            try:
                sent = self.socket.send(data)
            except BlockingIOError:
                sent = 0
            if sent < len(data):
                self._send_rest(memoryview(data)[sent:])

    def _send_rest(self, left: memoryview) -> None:
        room = select.poll()
        room.register(self.socket, select.POLLOUT)
        while left:
            room.poll()
            try:
                left = left[self.socket.send(left) :]
            except BlockingIOError:
                pass

    def place(self, body: bytes | bytearray | memoryview) -> bytes | None:
        """Put an answer into shared memory and give its PLACE, or None when there is no room."""
        length = len(body)
        with self._answers_lock:
            offset = self.answers.allocate(length)
        if offset is None:
            return None
        self.answers.view[offset : offset + length] = body
        return PLACE.pack(offset, length)

    def state(self, name: str) -> None:
        """Tell the server how far this worker is, and since when."""
        now = monotonic_ns().to_bytes(8, "little")
        self.send(frames.frame(frames.STATE, code=frames.STATES.index(name), body=now))


def view_of(channel: Channel, flags: int, payload: bytes) -> memoryview:
    """The body of a frame whose flags say ARENA."""
    if not flags & ARENA:
        raise WireError("The frame's body is not in the arena.")
    offset, length = PLACE.unpack(payload)
    return channel.requests.view[offset : offset + length]
