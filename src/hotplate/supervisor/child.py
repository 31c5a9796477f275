"""A process that is kept running: started on a socket that outlives it, started again when it ends."""

from __future__ import annotations

import fcntl
import os
import signal
import sys
from collections.abc import Mapping
from time import monotonic

SOCKET_FD = 3
"""Where a child finds its listening socket. Its standard input ends when the supervisor does."""
STEADY_S = 10.0
"""A child that has run so long is started again at once when it ends."""
FIRST_S = 0.1
MOST_S = 5.0


class Child:
    """One process under supervision. `pid` is None while it does not run."""

    def __init__(self, name: str, command: list[str], socket_fd: int | None, env: Mapping[str, str]) -> None:
        self.name = name
        self.pid: int | None = None
        self.due = 0.0
        self._command = command
        self._socket_fd = socket_fd
        self._env = env
        self._started = 0.0
        self._deaths = 0
        self._lifeline = -1

    def start(self) -> None:
        """Start it. Raises OSError when the machine cannot."""
        life_read, life_write = os.pipe()
        inherited = {0: life_read} if self._socket_fd is None else {0: life_read, SOCKET_FD: self._socket_fd}
        # Above every target number first, so that one dup2 cannot overwrite the source of the next.
        high = {target: fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 64) for target, fd in inherited.items()}
        try:
            self.pid = os.posix_spawn(
                self._command[0],
                self._command,
                self._env,
                file_actions=[(os.POSIX_SPAWN_DUP2, fd, target) for target, fd in high.items()],
                setpgroup=0,  # Ctrl-C reaches the supervisor, which ends its children in order
                setsigmask=[],
                setsigdef=[signal.SIGPIPE, signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD],
            )
        except BaseException:
            os.close(life_write)
            raise
        finally:
            for fd in (life_read, *high.values()):
                os.close(fd)
        self._lifeline = life_write
        self._started = monotonic()

    def ended(self) -> float:
        """It has ended; give how long to wait before it is started again."""
        os.close(self._lifeline)
        self.pid = None
        now = monotonic()
        self._deaths = 0 if now - self._started > STEADY_S else self._deaths + 1
        delay = 0.0 if self._deaths <= 1 else min(MOST_S, FIRST_S * 2 ** (self._deaths - 2))
        self.due = now + delay
        return delay

    def send(self, number: int) -> None:
        """Send a signal, if it runs."""
        if self.pid is not None:
            try:
                os.kill(self.pid, number)
            except ProcessLookupError:
                pass


def python(module: str) -> list[str]:
    """The command of a child of ours."""
    return [sys.executable, "-m", module, "--fd", str(SOCKET_FD)]
