"""Starting a worker process: its socket, its memory, its pipes, and nothing else of ours.

posix_spawn, not fork: the server's threads, loop and descriptors stay with the server.
"""

from __future__ import annotations

import fcntl
import os
import signal
import socket
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Literal

from hotplate.wire.arena import Arena, make_arena_file

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

    from hotplate.hardware.limiter import Share
    from hotplate.server.output import Output
    from hotplate.wire.failure import Failure

Level = Literal["cold", "template"]
"""How a worker came to be: a fresh interpreter, or a fork of a process that had its modules imported."""

# The worker's end; the same numbers stand in worker/boot.py, which the server does not import.
SOCKET_FD, LIFELINE_FD, REQUESTS_FD, ANSWERS_FD = 3, 4, 5, 6

SOCKET_BYTES = 1024 * 1024

ALLOCATOR = {"MALLOC_TRIM_THRESHOLD_": "67108864", "MALLOC_MMAP_THRESHOLD_": "67108864"}
"""glibc (mallopt(3)): keep freed memory for the next call. By default each answer of a megabyte is mapped from the
kernel, zeroed and given back again, which costs several times the work on its bytes."""


POLL_S = 0.05
"""How often to look for the end of a process where the system cannot tell of it."""


class StartFailed(Exception):
    """No worker came to be: loading the project failed in the process that it would have been forked from."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


class Process:
    """A started worker. `lifeline` is kept open as long as the worker may live."""

    level: Level = "cold"
    output: Output | None = None
    """What reads its pipes, where somebody does already."""
    share: Share | None = None
    """What it has of the machine, given back when it has ended."""

    def __init__(
        self, pid: int, sock: socket.socket, answers: Arena, *, stdout: int, stderr: int, lifeline: int
    ) -> None:
        self.pid = pid
        self.socket = sock
        self.answers = answers
        self.stdout = stdout
        self.stderr = stderr
        self.lifeline = lifeline

    def instruct(self, spec: bytes) -> None:
        """Tell the worker what to load: its first frame. To be called once, before the socket is given to a loop."""
        self.socket.sendall(spec)

    def kill(self) -> None:
        """End the worker and everything that it started, at once."""
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass

    def watch(self, loop: AbstractEventLoop, exited: Callable[[int], None]) -> None:
        """Call `exited` with the status when the process ends, even while a child of it holds the socket open."""
        if hasattr(os, "pidfd_open"):
            fd = os.pidfd_open(self.pid)

            def ended() -> None:
                loop.remove_reader(fd)
                os.close(fd)
                exited(os.waitpid(self.pid, 0)[1])

            loop.add_reader(fd, ended)
        else:

            def poll() -> None:
                pid, status = os.waitpid(self.pid, os.WNOHANG)
                if pid:
                    exited(status)
                else:
                    loop.call_later(POLL_S, poll)

            poll()

    def discard(self) -> None:
        """Close everything of a process that was never used."""
        self.socket.close()
        os.close(self.stdout)
        os.close(self.stderr)
        self.close()

    def close(self) -> None:
        """Close what only this process used. The socket and the pipes belong to the loop by now."""
        os.close(self.lifeline)
        self.answers.close()
        if self.share is not None:
            self.share.release()


def spawn(python: str, requests_fd: int, env: Mapping[str, str]) -> Process:
    """Start `python -P -m hotplate.worker`, which waits to be instructed. Raises OSError when the machine cannot."""
    ours, theirs = socket.socketpair()
    for end in (ours, theirs):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SOCKET_BYTES)
        end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SOCKET_BYTES)
    out_read, out_write = os.pipe()
    err_read, err_write = os.pipe()
    life_read, life_write = os.pipe()
    answers_fd = make_arena_file()
    null = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    child = {
        0: null,
        1: out_write,
        2: err_write,
        SOCKET_FD: theirs.fileno(),
        LIFELINE_FD: life_read,
        REQUESTS_FD: requests_fd,
        ANSWERS_FD: answers_fd,
    }
    # Above every target number first, so that one dup2 cannot overwrite the source of the next.
    high = {target: fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 64) for target, fd in child.items()}
    try:
        pid = os.posix_spawn(
            python,
            [python, "-P", "-m", "hotplate.worker"],  # -P: the shell's folder is no place to import from
            {**ALLOCATOR, **env},
            file_actions=[(os.POSIX_SPAWN_DUP2, fd, target) for target, fd in high.items()],
            setpgroup=0,
            setsigmask=[],
            setsigdef=[signal.SIGPIPE, signal.SIGINT, signal.SIGTERM],
        )
        answers = Arena(answers_fd)
    finally:
        for fd in (*high.values(), null, out_write, err_write, life_read, answers_fd):
            os.close(fd)
        theirs.close()
    return Process(pid, ours, answers, stdout=out_read, stderr=err_read, lifeline=life_write)


def describe_exit(status: int) -> str:
    """`was killed by SIGSEGV` or `exited with status 3`."""
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        try:
            return f"was killed by {signal.Signals(number).name}"
        except ValueError:
            return f"was killed by signal {number}"
    return f"exited with status {os.waitstatus_to_exitcode(status)}"
