"""What the fault driver strikes: two servers of one project that share its jobs. Struck, and looked at afterwards.

What `hotplate up` runs is in `job_fleet_rig.py`, two of it on one PostgreSQL in `job_shared_rig.py`.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import sqlite3
import tempfile
import time
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from job_plan import Blow
from serving import Server, serve, write_project

MODEL = {
    "service.py": """
import os, time
from hotplate import Service

class Work(Service):
    def setup(self):
        self.fd = os.open(os.environ["JOURNAL"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def infer(self, uuid: str, ms: int, fail: bool = False) -> str:
        os.write(self.fd, f"start {uuid} {os.getpid()}\\n".encode())
        time.sleep(ms / 1000)
        if fail:
            raise ValueError("as asked")
        os.write(self.fd, f"finish {uuid} {os.getpid()}\\n".encode())
        return uuid[::-1]
"""
}
WORKERS = 2
LEASE_S = 2.0
FREEZE_S = 5.0
AUDIT = (
    "CREATE TABLE IF NOT EXISTS audit (seq INTEGER, attempt INTEGER, was TEXT, became TEXT)",
    "CREATE TRIGGER IF NOT EXISTS audit_states AFTER UPDATE OF state ON job WHEN old.state <> new.state BEGIN"
    " INSERT INTO audit VALUES (new.seq, new.attempt, old.state, new.state); END",
)
"""Every change of a state, written down by the database itself, whoever makes it."""


@dataclass(frozen=True)
class Struck:
    """A blow that fell. `pids` died of it; `until` is when the server could be reached again."""

    blow: Blow
    at: float
    until: float
    pids: frozenset[int]


class Rig:
    """What any of them has. `ports` do not change when a server is started anew. `stale` counts refused writes of all
    that were asked. The endpoint is asked below `prefix`, with `headers`."""

    prefix = ""
    fewest_workers = WORKERS

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ports: list[int] = []
        self.headers: dict[str, str] = {}
        self.journal = folder / "journal"
        self.temporary = Path(tempfile.mkdtemp(prefix="hp-", dir="/tmp"))  # short, for the paths of sockets
        self.struck: list[Struck] = []
        self.stale = 0.0
        write_project(folder / "model", MODEL)

    def start(self) -> None:
        raise NotImplementedError

    def strike(self, blow: Blow) -> None:
        raise NotImplementedError

    def thaw(self, *, all_of_them: bool = False) -> None:
        """Let go on what has been stopped for long enough."""

    @property
    def servers(self) -> list[Any]:
        raise NotImplementedError

    def count_stale(self, server: Any) -> None:
        """Add what a server refused, before it dies."""
        self.stale += server.metric("hotplate_job_stale_writes_total")

    def close(self) -> None:
        shutil.rmtree(self.temporary, ignore_errors=True)

    def _note(self, blow: Blow, at: float, pids: set[int]) -> Struck:
        struck = Struck(blow, at, time.monotonic(), frozenset(pids))
        self.struck.append(struck)
        return struck

    # -- looking

    @property
    def database(self) -> Path:
        return next((self.folder / "home").glob("jobs/*/jobs.db"))

    @property
    def places(self) -> list[Path]:
        """Folders with files that are named after servers."""
        return [self.database.parent / "owners", self.temporary]

    @property
    def log_bytes(self) -> int:
        """What the database's log takes."""
        return self.database.with_name("jobs.db-wal").stat().st_size

    def audit(self) -> None:
        """Let the database write down every change of a state from now on."""
        with closing(sqlite3.connect(self.database, timeout=20)) as db, db:
            for statement in AUDIT:
                db.execute(statement)

    def changes(self) -> dict[str, list[tuple[int, str, str]]]:
        """By job: attempt, state before, state after, in their order."""
        found: dict[str, list[tuple[int, str, str]]] = {}
        with closing(sqlite3.connect(self.database, timeout=20)) as db:
            rows = "SELECT id, a.attempt, was, became FROM audit a JOIN job USING (seq) ORDER BY a.rowid"
            for job_id, attempt, was, became in db.execute(rows):
                found.setdefault(job_id, []).append((attempt, was, became))
        return found


class Pair(Rig):
    """Two of `hotplate run`."""

    def __init__(self, folder: Path, ports: list[int]) -> None:
        super().__init__(folder)
        self.ports = ports
        self.thaws: list[tuple[float, Server, Struck]] = []
        self._servers: list[Server] = []
        self._stacks: list[ExitStack] = []

    def start(self) -> None:
        for port in self.ports:
            self._stacks.append(ExitStack())
            self._servers.append(self._serve(self._stacks[-1], port))

    def _serve(self, stack: ExitStack, port: int) -> Server:
        env = {
            "HOTPLATE_HOME": str(self.folder / "home"),
            "JOURNAL": str(self.journal),
            "TMPDIR": str(self.temporary),
        }
        lease = ("--job-lease", f"{LEASE_S:g}s", "--job-crashes", "50", "--job-attempts", "2")
        server = stack.enter_context(
            serve(self.folder / "model", "--workers", str(WORKERS), *lease, env=env, port=port)
        )
        # A worker that dies before all of them have run once ends `hotplate run`: that is a project that does not load.
        server.wait_for(lambda found: found.count("-> State.RUNNING") >= WORKERS, "every worker")
        return server

    def close(self) -> None:
        for server in self._servers:
            if server.process.poll() is None:
                server.process.send_signal(signal.SIGCONT)
        for stack in self._stacks:
            stack.close()
        super().close()

    @property
    def servers(self) -> list[Server]:
        return self._servers

    # -- blows

    def strike(self, blow: Blow) -> None:
        server = self._servers[blow.server]
        self._assert_alive(server)
        at = time.monotonic()
        if blow.victim == "worker":
            workers = sorted(server.workers())
            if workers:
                pid = workers[int(blow.pick * len(workers))]
                os.kill(pid, signal.SIGKILL)
                self._note(blow, at, {pid})
        elif blow.victim == "server":
            self.count_stale(server)
            pids = {server.process.pid, *server.workers()}
            server.process.kill()
            self._stacks[blow.server].close()
            self._servers[blow.server] = self._serve(self._stacks[blow.server], self.ports[blow.server])
            self._note(blow, at, pids)
        else:
            server.process.send_signal(signal.SIGSTOP)
            struck = self._note(blow, at, set())
            self.thaws.append((at + FREEZE_S, server, struck))

    def thaw(self, *, all_of_them: bool = False) -> None:
        """Let go on what has been stopped for long enough."""
        now = time.monotonic()
        left: list[tuple[float, Server, Struck]] = []
        for until, server, struck in self.thaws:
            if now < until and not all_of_them:
                left.append((until, server, struck))
            elif server.process.poll() is None:
                server.process.send_signal(signal.SIGCONT)
                self.struck[self.struck.index(struck)] = Struck(struck.blow, struck.at, now, struck.pids)
        self.thaws = left

    @staticmethod
    def _assert_alive(server: Server) -> None:
        status = server.process.poll()
        assert status is None, f"a server ended by itself with {status}; its log:\n{server.text()[-6000:]}"

    def count_stale(self, server: Server) -> None:
        """Add what a server refused, before it dies. One that is stopped cannot tell."""
        self._assert_alive(server)
        if all(server is not frozen for _, frozen, _ in self.thaws):
            super().count_stale(server)


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def total(page: str, name: str) -> float:
    """What a page of metrics says of one name, all its labels together."""
    return sum(
        float(line.rpartition(" ")[2]) for line in page.splitlines() if line.startswith((f"{name} ", f"{name}{{"))
    )


def descendants(pid: int) -> list[int]:
    """Its children, and theirs: workers that were forked are their template's."""
    return [each for child in children(pid) for each in (child, *descendants(child))]


def children(pid: int) -> list[int]:
    """Every child of a process."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
