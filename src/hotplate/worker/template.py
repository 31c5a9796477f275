"""A process that has loaded the project, wholly or up to `setup()`, and is forked for each worker that is wanted.

It waits for the server's word on its socket. With the word come the descriptors of the new worker: its socket, memory,
pipes and lifeline. The child puts them in the place of its own and goes on as any worker does; the template tells the
server its process id, and later, being its parent, how it ended.
"""

from __future__ import annotations

import fcntl
import gc
import os
import select
import socket
import sys
from collections import deque
from typing import TYPE_CHECKING

import msgspec

from hotplate.wire import frames
from hotplate.wire.arena import Arena
from hotplate.wire.frames import HEADER_BYTES, Child, Held
from hotplate.wire.layout import HEADER
from hotplate.worker import forking, lifeline

if TYPE_CHECKING:
    from hotplate.worker.channel import Channel

SOCKET_FD, LIFELINE_FD, REQUESTS_FD, ANSWERS_FD = 3, 4, 5, 6
PLACES = (SOCKET_FD, LIFELINE_FD, ANSWERS_FD, 1, 2)
"""Where the descriptors that come with FORK belong, in their order."""


def hold(channel: Channel, early: str = "") -> Child | None:
    """Wait to be forked. Returns in each child, as a worker to be, and, where a fork is unsafe, in this very process.

    `early` says why this is done before `setup()` though the author asked for more. None: the server is gone.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    gc.collect()
    gc.freeze()  # so that no collection in a child touches, and thereby copies, what all share
    unsafe = forking.why_unsafe((0, 1, 2, SOCKET_FD, LIFELINE_FD, REQUESTS_FD, ANSWERS_FD))
    channel.send(frames.frame(frames.HELD, body=msgspec.msgpack.encode(Held(unsafe, early))))
    return _Template(channel).serve()


class _Template:
    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._data = b""
        self._fds: deque[list[int]] = deque()
        self._children: dict[int, int] = {}  # pidfd -> pid
        self._poll = select.poll()
        self._poll.register(SOCKET_FD, select.POLLIN)

    def serve(self) -> Child | None:
        while True:
            for fd, _ in self._poll.poll():
                if fd != SOCKET_FD:
                    self._reap(fd)
                    continue
                if not self._read():
                    return None
                while (frame := self._next()) is not None:
                    kind, call_id, body = frame
                    if kind == frames.FORK:
                        child = self._fork(call_id, self._fds.popleft(), frames.decode_child(body))
                        if child is not None:
                            return child
                    elif kind == frames.GO:
                        return frames.decode_child(body)
                    elif kind == frames.SHUTDOWN:
                        return None

    def _read(self) -> bool:
        data, ancillary, _, _ = self._channel.socket.recvmsg(
            1 << 16, socket.CMSG_SPACE(4 * len(PLACES)), socket.MSG_CMSG_CLOEXEC
        )
        for level, kind, packed in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                self._fds.append(list(memoryview(packed).cast("i")))
        self._data += data
        return bool(data)

    def _next(self) -> tuple[int, int, bytes] | None:
        if len(self._data) < HEADER_BYTES:
            return None
        size, call_id, kind, *_ = HEADER.unpack_from(self._data)
        if len(self._data) < HEADER_BYTES + size:
            return None
        body = self._data[HEADER_BYTES : HEADER_BYTES + size]
        self._data = self._data[HEADER_BYTES + size :]
        return kind, call_id, body

    def _fork(self, call_id: int, fds: list[int], child: Child) -> Child | None:
        pid = os.fork()
        if pid == 0:
            self._become(fds)
            return child
        try:
            os.setpgid(pid, pid)  # here too: the server may signal the group as soon as it knows of it
        except OSError:
            pass
        for fd in fds:
            os.close(fd)
        pidfd = os.pidfd_open(pid)
        self._children[pidfd] = pid
        self._poll.register(pidfd, select.POLLIN)
        frame = frames.frame(frames.FORKED, call_id=call_id, stamp=pid)
        socket.send_fds(self._channel.socket, [frame], [pidfd])
        return None

    def _become(self, fds: list[int]) -> None:
        """Be a worker: with descriptors of its own, a group of its own, and nothing of the template's."""
        os.setpgid(0, 0)
        for pidfd in self._children:
            os.close(pidfd)
        high = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 64) for fd in fds]  # above every place that is filled below
        for fd in fds:
            os.close(fd)
        for fd, place in zip(high, PLACES, strict=True):
            os.dup2(fd, place, inheritable=place in (1, 2))
            os.close(fd)
        lifeline.tie(LIFELINE_FD)
        self._channel.renew(Arena(ANSWERS_FD))
        forking.reseed()

    def _reap(self, pidfd: int) -> None:
        pid = self._children.pop(pidfd)
        self._poll.unregister(pidfd)
        os.close(pidfd)
        status = os.waitpid(pid, 0)[1]
        frame = frames.frame(frames.GONE, stamp=pid, body=status.to_bytes(4, "little"))
        self._channel.send(frame)
