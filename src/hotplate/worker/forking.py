"""Whether a process may be forked, and what a fork has to forget of its parent.

A fork copies memory and one thread. What other threads held stays locked for ever in the copy, a CUDA context does not
work there, and a connection would be shared with the parent. All of this is looked for, where Linux shows it.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import sys
from collections.abc import Collection, Iterator

TRIAL_S = 5.0
DEVICES = ("/dev/nvidia", "/dev/kfd", "/dev/dri/")


def why_unsafe(own_fds: Collection[int]) -> str:
    """Say why this process may not be forked; nothing where it may. `own_fds` are the descriptors that are ours."""
    return _python_threads() or _cuda() or _descriptors(own_fds) or _children() or _native_threads()


def reseed() -> None:
    """Make the random numbers of a fork its own: its parent's other forks would draw the same ones."""
    if "random" in sys.modules:
        import random

        random.seed()
    numpy_random = sys.modules.get("numpy.random")
    if numpy_random is not None:
        numpy_random.seed()
    torch = sys.modules.get("torch")
    if torch is not None and hasattr(torch, "seed"):
        torch.seed()


def _python_threads() -> str:
    threading = sys.modules.get("threading")
    if threading is None:
        return ""
    names = [thread.name for thread in threading.enumerate() if thread is not threading.current_thread()]
    return f"the thread {names[0]!r} is alive" if names else ""


def _cuda() -> str:
    torch = sys.modules.get("torch")
    cuda = getattr(torch, "cuda", None)
    try:
        initialised = cuda is not None and bool(cuda.is_initialized())
    except Exception:  # noqa: BLE001 - a build without CUDA may say so in any way
        initialised = False
    return "CUDA is initialised" if initialised else ""


def _descriptors(own: Collection[int]) -> str:
    for fd, target in _open_files():
        if fd in own:
            continue
        if target.startswith(DEVICES):
            return f"the device {target} is open"
        if target.startswith(("anon_inode:[eventpoll]", "anon_inode:[io_uring]")):
            return "an event loop is open"
        if target.startswith("socket:") and _is_connection(fd):
            return "a connection is open"
    return ""


def _open_files() -> Iterator[tuple[int, str]]:
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208 - pathlib costs more than the rest of this module
        try:
            yield int(name), os.readlink(f"/proc/self/fd/{name}")  # noqa: PTH115
        except OSError:  # that of the listing itself
            continue


def _is_connection(fd: int) -> bool:
    """Datagram sockets, such as that of a system log, may be shared."""
    try:
        with socket.socket(fileno=os.dup(fd)) as sock:
            return sock.type == socket.SOCK_STREAM
    except OSError:
        return False


def _children() -> str:
    try:
        with open(f"/proc/self/task/{os.getpid()}/children", "rb") as file:
            pids = file.read().split()
    except OSError:  # a kernel that does not tell
        return ""
    return f"it has started the process {int(pids[0])}" if pids else ""


def _native_threads() -> str:
    """Threads of libraries. Those of OpenBLAS and its like end before each fork, so a fork is tried, then counted."""
    if len(os.listdir("/proc/self/task")) == 1:  # noqa: PTH208
        return ""
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    fd = os.pidfd_open(pid)
    try:
        poll = select.poll()
        poll.register(fd, select.POLLIN)
        ended = bool(poll.poll(TRIAL_S * 1000))
    finally:
        os.close(fd)
    if not ended:
        os.kill(pid, signal.SIGKILL)
    status = os.waitpid(pid, 0)[1]
    if not ended or status:
        return "a fork of it does not live"
    count = len(os.listdir("/proc/self/task")) - 1  # noqa: PTH208
    return f"{count} thread{'s' * (count != 1)} of a library {'are' if count > 1 else 'is'} alive" if count else ""
