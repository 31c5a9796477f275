"""How much of an answer a client has not taken yet, and whether it takes enough of it."""

from __future__ import annotations

import asyncio
import sys

LEAST_BYTES = 64 * 1024
"""A client that reads at all takes this much within the time that it may stall."""

if sys.platform == "linux":
    import fcntl
    from termios import TIOCOUTQ

    def _queued(fd: int) -> int:
        """Bytes in the socket's send queue (tcp(7), SIOCOUTQ). The kernel takes megabytes from us at once."""
        try:
            return int.from_bytes(fcntl.ioctl(fd, TIOCOUTQ, bytes(4)), sys.byteorder)
        except OSError:
            return 0

else:

    def _queued(fd: int) -> int:  # noqa: ARG001
        return 0


def unsent_bytes(transport: asyncio.Transport) -> int:
    """What is written and has not been received: in our buffer, and in the kernel's."""
    sock = transport.get_extra_info("socket")
    return transport.get_write_buffer_size() + (_queued(sock.fileno()) if sock is not None else 0)


class Stall:
    """Watches one connection while it has more to send than fits into its buffers."""

    __slots__ = ("_since_ns", "_unsent")

    def __init__(self, now: int, unsent: int) -> None:
        self._since_ns = now
        self._unsent = unsent

    def too_long(self, now: int, unsent: int, limit_ns: int) -> bool:
        """Whether the client has taken less than LEAST_BYTES for `limit_ns`. Asked at every tick."""
        if unsent <= self._unsent - LEAST_BYTES:
            self._since_ns, self._unsent = now, unsent
            return False
        self._unsent = max(self._unsent, unsent)  # a stream goes on writing until its window is used up
        return now - self._since_ns > limit_ns
