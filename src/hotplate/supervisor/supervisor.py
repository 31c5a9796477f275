"""The supervisor's loop: start the children, start them again, end them in order.

Connections that come while the server is away wait in the listening socket, which is never closed before the end.
"""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Sequence
from time import monotonic

import msgspec

from hotplate.deployment.home import Home, write_whole
from hotplate.server.log import Log
from hotplate.server.process import describe_exit
from hotplate.supervisor.child import Child
from hotplate.supervisor.own_log import LOOK_S, OwnLog

WATCHED = {signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP}
PATIENCE_S = 5.0
"""How long a child may take to end, besides the time that it has for what is under way."""


class Supervisor:
    """Keeps children running. They are ended in the order in which they are given, each with its own time."""

    def __init__(
        self,
        home: Home,
        log: Log,
        children: Sequence[Child],
        *,
        url: str,
        control_url: str,
        sockets: Sequence[socket.socket],
        grace_s: float,
    ) -> None:
        self._home = home
        self._log = log
        self._children = children
        self._url = url
        self._control_url = control_url
        self._sockets = sockets
        self._grace_s = grace_s
        self._started_at = time.time()
        self._own_log = OwnLog(home)
        self._noted = True

    def run(self) -> int:
        """Supervise until a signal. Gives the exit status."""
        signal.pthread_sigmask(signal.SIG_BLOCK, WATCHED)
        self._forget()  # what an earlier one left: its pid may be somebody else's by now
        try:
            for child in self._children:
                self._start(child)
            while True:
                self._note()
                came = signal.sigtimedwait(WATCHED, self._until_due())
                if came is not None and came.si_signo in (signal.SIGTERM, signal.SIGINT):
                    return self._end()
                self._reap()
                self._start_due()
                if self._own_log.in_use:
                    self._own_log.keep_small()
        finally:
            self._forget()

    def _start(self, child: Child) -> None:
        try:
            child.start()
        except OSError as error:
            child.due = monotonic() + PATIENCE_S
            self._log.error(f"{child.name} could not be started: {error.strerror}")

    def _start_due(self) -> None:
        now = monotonic()
        for child in self._children:
            if child.pid is None and now >= child.due:
                self._start(child)

    def _until_due(self) -> float:
        waits = [child.due - monotonic() for child in self._children if child.pid is None]
        if waits:
            return max(0.0, min(waits))
        return LOOK_S if self._noted else PATIENCE_S

    def _reap(self) -> list[Child]:
        """Learn which children have ended."""
        ended: list[Child] = []
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return ended
            if not pid:
                return ended
            for child in self._children:
                if child.pid == pid:
                    wait = child.ended()
                    ended.append(child)
                    again = f"in {wait:g} s" if wait else "now"
                    self._log.error(f"{child.name} {describe_exit(status)}; it is started again {again}", pid=pid)

    def _note(self) -> None:
        """Say what runs, for the command line and for whoever looks."""
        record = {
            "pid": os.getpid(),
            "url": self._url,
            "control_url": self._control_url,
            "started_at": self._started_at,
            "children": {child.name: child.pid for child in self._children},
        }
        try:
            write_whole(self._home.supervisor_file, msgspec.json.encode(record))
        except OSError as error:  # a full or closed disk ends nothing that runs; it is written when there is room
            if self._noted:
                self._log.error(f"{self._home.supervisor_file} cannot be written: {error.strerror}. Serving goes on.")
            self._noted = False
        else:
            self._noted = True

    def _forget(self) -> None:
        try:
            self._home.supervisor_file.unlink(missing_ok=True)
        except OSError:  # a closed disk: who reads it later looks at the lock, too
            pass

    def _end(self) -> int:
        """End the children one after the other. A second signal makes them hurry."""
        for sock in self._sockets:
            sock.close()
        clean = True
        for index, child in enumerate(self._children):
            grace_s = PATIENCE_S if index else self._grace_s + PATIENCE_S
            clean = self._end_child(child, monotonic() + grace_s) and clean
        return 0 if clean else 1

    def _end_child(self, child: Child, until: float) -> bool:
        child.send(signal.SIGTERM)
        while child.pid is not None:
            left = until - monotonic()
            if left <= 0:
                self._log.error(f"{child.name} did not end in time and is killed")
                child.send(signal.SIGKILL)
                os.waitpid(child.pid, 0)
                child.ended()
                return False
            came = signal.sigtimedwait(WATCHED, min(left, 1.0))
            if came is not None and came.si_signo in (signal.SIGTERM, signal.SIGINT):
                child.send(signal.SIGTERM)
            self._reap_quietly()
        return True

    def _reap_quietly(self) -> None:
        for child in self._children:
            if child.pid is not None and os.waitpid(child.pid, os.WNOHANG)[0]:
                child.ended()
