"""Starting a worker process: its socket, its memory, its pipes, and nothing else of ours.

posix_spawn, not fork: the server's threads, loop and descriptors stay with the server.
"""

from __future__ import annotations

import fcntl
import os
import signal
import socket
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Literal, TypeVar

from hotplate.wire.arena import Arena, make_arena_file

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

    from hotplate.hardware.limiter import Share
    from hotplate.server.link import Link, Owner
    from hotplate.server.output import Output
    from hotplate.wire.failure import Failure

Stage = Literal["", "imports", "loaded"]
"""How far a template loads the project before it waits to be forked; nothing: it is a worker of its own."""
Level = Literal["cold", "template"]
"""How a worker came to be: a fresh interpreter, or a fork of a process that had its modules imported."""

# The worker's end; the same numbers stand in worker/boot.py, which the server does not import.
SOCKET_FD, LIFELINE_FD, REQUESTS_FD, ANSWERS_FD = 3, 4, 5, 6

HUGE_PAGES = {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}
"""glibc (manual, Memory Allocation Tunables): ask the kernel for large pages. A fork copies an entry for each page,
which for half a gigabyte of weights would take longer than all the rest of a start."""

SOCKET_BYTES = 1024 * 1024

ALLOCATOR = {"MALLOC_TRIM_THRESHOLD_": "67108864", "MALLOC_MMAP_THRESHOLD_": "67108864"}
"""glibc (mallopt(3)): keep freed memory for the next call. By default each answer of a megabyte is mapped from the
kernel, zeroed and given back again, which costs several times the work on its bytes."""

SAID_AT_ONCE = {"PYTHONUNBUFFERED": "1"}
"""Python, also that of programs that a model starts: into a pipe it holds back what has no newline yet, and a program
all up to 8 KiB. A crash would take with it what was printed last, and a log that is followed would stand still."""

UNKNOWN_STATUS = -1
"""The status of a process whose parent, a template, was gone before it could tell."""

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
    lost = False
    """A process of this machine is never gone with its place."""
    output: Output | None = None
    """What reads its pipes, where somebody does already."""
    exited: Callable[[int], None] | None = None
    share: Share | None = None
    """What it has of the machine, given back when it has ended."""
    link: Callable[..., Link] | None = None
    """What makes its link, where that is one of another kind."""

    def __init__(
        self, pid: int, sock: socket.socket, answers: Arena, *, stdout: int, stderr: int, lifeline: int
    ) -> None:
        self.pid = pid
        self.socket = sock
        self.answers = answers
        self.stdout = stdout
        self.stderr = stderr
        self.lifeline = lifeline
        self.marks: dict[str, int] = {}
        """When it reached which state, where that was before anybody listened (monotonic ns)."""

    rss_bytes = 0
    """Of a replica that tells it; else the system does (`replica.py`)."""
    where = ""
    """The machine, where it is another one."""

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
        """Call `exited` with the status when the process ends, even while a child of it holds the socket open.

        When this is called again, the last `exited` counts.
        """
        watched, self.exited = self.exited is not None, exited
        if watched:
            return
        if hasattr(os, "pidfd_open"):
            self._watch_fd(loop, os.pidfd_open(self.pid), lambda: self.tell(os.waitpid(self.pid, 0)[1]))
            return

        def poll() -> None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.tell(status)
            else:
                loop.call_later(POLL_S, poll)

        poll()

    @staticmethod
    def _watch_fd(loop: AbstractEventLoop, pidfd: int, then: Callable[[], None]) -> None:
        def ended() -> None:
            loop.remove_reader(pidfd)
            os.close(pidfd)
            then()

        loop.add_reader(pidfd, ended)

    def make_link(
        self, owner: Owner, number: int, *, id_prefix: str, replica_header: bytes, loop: AbstractEventLoop
    ) -> Link:
        """What calls go through."""
        from hotplate.server.link import Link

        make = self.link or Link
        return make(owner, self, number, id_prefix=id_prefix, replica_header=replica_header, loop=loop)

    async def attach(self, loop: AbstractEventLoop, link: Link, output: Output) -> None:
        """Begin to read what it says and prints."""
        if self.output is None:
            await output.attach(loop, self.stdout, self.stderr)
        await loop.create_connection(lambda: link, sock=self.socket)

    def describe_exit(self, status: int) -> str:
        """How it ended, as the end of a sentence."""
        return describe_exit(status)

    def tell(self, status: int) -> None:
        """Tell whoever watches that the process has ended."""
        assert self.exited is not None
        self.exited(status)

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


P = TypeVar("P", bound=Process)


class Ends:
    """What a worker shares with the server: our ends, and its own, which are closed here once it has them."""

    def __init__(self) -> None:
        self.socket, self.their_socket = socket.socketpair()
        for end in (self.socket, self.their_socket):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SOCKET_BYTES)
            end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SOCKET_BYTES)
        self.stdout, self.their_stdout = os.pipe()
        self.stderr, self.their_stderr = os.pipe()
        self.their_lifeline, self.lifeline = os.pipe()
        self.their_answers = make_arena_file()

    def process(self, kind: type[P], pid: int) -> P:
        """The process that has the other ends now."""
        made = kind(
            pid,
            self.socket,
            Arena(self.their_answers),
            stdout=self.stdout,
            stderr=self.stderr,
            lifeline=self.lifeline,
        )
        self.close_theirs()
        return made

    def close_theirs(self) -> None:
        """Close the worker's ends."""
        self.their_socket.close()
        for fd in (self.their_stdout, self.their_stderr, self.their_lifeline, self.their_answers):
            os.close(fd)

    def discard(self) -> None:
        """Close everything: no process came to be."""
        self.close_theirs()
        self.socket.close()
        for fd in (self.stdout, self.stderr, self.lifeline):
            os.close(fd)


def spawn(python: str, requests_fd: int, env: Mapping[str, str], *, stage: Stage = "") -> Process:
    """Start `python -P -m hotplate.worker`, which waits for its instructions. Raises OSError when the machine cannot.

    `stage` says that it is to be a template; it has to be told so in its first frame as well.
    """
    ends = Ends()
    null = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    child = {
        0: null,
        1: ends.their_stdout,
        2: ends.their_stderr,
        SOCKET_FD: ends.their_socket.fileno(),
        LIFELINE_FD: ends.their_lifeline,
        REQUESTS_FD: requests_fd,
        ANSWERS_FD: ends.their_answers,
    }
    # Above every target number first, so that one dup2 cannot overwrite the source of the next.
    high = {target: fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 64) for target, fd in child.items()}
    try:
        pid = os.posix_spawn(
            python,
            [python, "-P", "-m", "hotplate.worker"],  # -P: the shell's folder is no place to import from
            {**SAID_AT_ONCE, **ALLOCATOR, **(HUGE_PAGES if stage else {}), **env},
            file_actions=[(os.POSIX_SPAWN_DUP2, fd, target) for target, fd in high.items()],
            setpgroup=0,
            setsigmask=[],
            setsigdef=[signal.SIGPIPE, signal.SIGINT, signal.SIGTERM],
        )
    except OSError:
        ends.discard()
        raise
    finally:
        for fd in (*high.values(), null):
            os.close(fd)
    return ends.process(Process, pid)


def describe_exit(status: int) -> str:
    """`was killed by SIGSEGV` or `exited with status 3`."""
    if status == UNKNOWN_STATUS:
        return "ended"
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        try:
            return f"was killed by {signal.Signals(number).name}"
        except ValueError:
            return f"was killed by signal {number}"
    return f"exited with status {os.waitstatus_to_exitcode(status)}"
