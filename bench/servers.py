"""Start a server on a free loopback port, wait until it answers correctly, and stop all of it again."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench import procfs
from bench.cores import pinned
from bench.records import BenchError, Call, Peer

HOST = "127.0.0.1"
READY_S = 90.0
WRONG_S = 15.0
GRACE_S = 4.0


class Refused(http.client.HTTPException):
    """An answer with another status than 200."""

    def __init__(self, status: int, body: bytes) -> None:
        super().__init__(f"status {status}: {body[:300]!r}")
        self.status = status


@dataclass(slots=True, kw_only=True)
class Server:
    """A running server: its peer, its port, and the process that was started."""

    peer: Peer
    port: int
    scratch: Path
    popen: subprocess.Popen[bytes]
    began: float = field(default_factory=time.perf_counter)

    def tree(self) -> list[procfs.Process]:
        """All of its processes."""
        return procfs.tree(self.popen.pid)

    def log(self) -> str:
        """The end of what it wrote."""
        return (self.scratch / "server.log").read_text(errors="replace")[-1500:]


def free_port() -> int:
    """A port on which nobody listens now, given by the system."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def ask(port: int, call: Call, value: Any, timeout_s: float = 10.0) -> Any:
    """Make one call and give what the answer says. Raises OSError or HTTPException where there is no good answer."""
    body = call.encode(value)
    connection = http.client.HTTPConnection(HOST, port, timeout=timeout_s)
    try:
        connection.request("POST", call.path, body.data, {"Content-Type": body.content_type, **call.headers})
        answer = connection.getresponse()
        data = answer.read()
        if answer.status != 200:
            raise Refused(answer.status, data)
        return call.decode(data)
    finally:
        connection.close()


@contextmanager
def started(peer: Peer, task: str, cores: set[int]) -> Iterator[Server]:
    """Start a peer's server for a task on these cores; stop its whole process tree on the way out, whatever happens."""
    with tempfile.TemporaryDirectory(prefix=f"bench-{peer.name}-", ignore_cleanup_errors=True) as folder:
        scratch = Path(folder)
        port = free_port()
        launch = peer.launch(task, port, scratch)
        with (scratch / "server.log").open("wb") as log, pinned(cores):
            began = time.perf_counter()
            popen = subprocess.Popen(
                launch.argv,
                cwd=launch.cwd,
                env={**os.environ, "PYTHONDONTWRITEBYTECODE": "", **launch.env},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        server = Server(peer=peer, port=port, scratch=scratch, popen=popen, began=began)
        try:
            yield server
        finally:
            stop(server)


def wait_ready(
    server: Server, call: Call, value: Any, expected: Any, *, poll_s: float = 0.02, limit_s: float = READY_S
) -> float:
    """Poll until the first correct answer. Gives the seconds since the command was started."""
    deadline = time.perf_counter() + limit_s
    last: object = "nothing listened"
    serves = False
    while time.perf_counter() < deadline:
        if server.popen.poll() is not None:
            raise BenchError(f"{server.peer.name} ended with status {server.popen.returncode}:\n{server.log()}")
        try:
            found = ask(server.port, call, value)
            if found == expected:
                return time.perf_counter() - server.began
            last, wrong = f"it answered {found!r:.200}", True
        except Refused as error:
            last, wrong = error, error.status < 500
        except (OSError, http.client.HTTPException, ValueError, LookupError) as error:
            last, wrong = error, False
        if wrong and not serves:
            # It serves, but not this: some answer 404 until their model is loaded, none for long.
            serves, deadline = True, min(deadline, time.perf_counter() + WRONG_S)
        time.sleep(poll_s)
    raise BenchError(f"{server.peer.name} gave no correct answer to POST {call.path} ({last}):\n{server.log()}")


def stop(server: Server) -> None:
    """Ask the server to end, then end every process of its tree that is still there."""
    members = server.tree()
    try:
        server.popen.terminate()
        with suppress(subprocess.TimeoutExpired):
            server.popen.wait(GRACE_S)
    finally:
        left = {*members, *server.tree()}
        for member in left:
            if _lives(member):
                with suppress(ProcessLookupError):
                    os.kill(member.pid, signal.SIGKILL)
        deadline = time.perf_counter() + GRACE_S
        while any(_lives(member) for member in left) and time.perf_counter() < deadline:
            server.popen.poll()
            time.sleep(0.005)
        server.popen.wait(GRACE_S)


def _lives(member: procfs.Process) -> bool:
    """Whether it is still there, and still the same: a number may have gone to someone else, the start time tells."""
    now = procfs.process(member.pid)
    return now is not None and now.started == member.started and not now.zombie
