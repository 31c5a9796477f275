"""Ties a worker and everything that it starts to the server's life: they go when the lifeline pipe closes.

On Linux the kernel itself kills the process group (fcntl(2), F_SETSIG), even while user code holds the GIL.
Elsewhere a thread waits for the pipe.
"""

from __future__ import annotations

import os
import signal
import sys
from threading import Thread

F_SETSIG = 10  # linux/fcntl.h; not in the fcntl module before Python 3.13


def tie(fd: int) -> None:
    """Die when the other end of `fd` closes, or has closed already."""
    if sys.platform == "linux":
        import fcntl

        fcntl.fcntl(fd, fcntl.F_SETOWN, -os.getpgrp())
        fcntl.fcntl(fd, F_SETSIG, signal.SIGKILL)
        flags = fcntl.fcntl(fd, fcntl.F_GETFL)
        fcntl.fcntl(fd, fcntl.F_SETFL, flags | os.O_ASYNC | os.O_NONBLOCK)
        try:
            os.read(fd, 1)
        except BlockingIOError:
            return
        os.killpg(0, signal.SIGKILL)  # the server died before this was set up
    else:
        Thread(target=_wait_for_end, args=(fd,), name="hotplate-lifeline", daemon=True).start()


def _wait_for_end(fd: int) -> None:
    os.read(fd, 1)
    os.killpg(0, signal.SIGKILL)
