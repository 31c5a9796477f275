"""Two `hotplate up` with one PostgreSQL, for the fault driver: each is killed as a whole in turn, as a host that loses
its power, and comes back."""

from __future__ import annotations

import os
import signal
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace

import psycopg
from job_plan import Blow, Victim
from job_rig import LEASE_S, WORKERS, Rig, descendants, total
from shared_rig import Pair, kill, pair

from tests.behaviour.up.test_the_supervisor_keeps_things_running import deploy, hotplate, running

VICTIMS: tuple[Victim, ...] = ("worker",) * 2 + ("server",) * 4
NAME = "busy"
DOWN_S = 2.0
"""How long what was killed stays away: as long as a lease, so that the other one takes its jobs."""
AUDIT = (
    "CREATE TABLE hotplate.audit (id BIGSERIAL, seq BIGINT, attempt INTEGER, was TEXT, became TEXT)",
    """CREATE FUNCTION hotplate.write_down() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO hotplate.audit (seq, attempt, was, became) VALUES (new.seq, new.attempt, old.state, new.state);
        RETURN NULL; END $$""",
    """CREATE TRIGGER audit_states AFTER UPDATE OF state ON hotplate.job FOR EACH ROW
        WHEN (old.state <> new.state) EXECUTE FUNCTION hotplate.write_down()""",
)


@dataclass
class SharedServer:
    """One of them, whichever process it is now, as the checker asks it."""

    rig: SharedRig
    number: int

    @property
    def process(self) -> SimpleNamespace:
        return SimpleNamespace(pid=running(self.rig.pair.roots[self.number])["children"]["server"])

    def metric(self, name: str) -> float:
        page = self.rig.pair.fleets[self.number].get(f"/{NAME}/metrics", self.rig.headers)
        return total(page.body.decode(), name)


class SharedRig(Rig):
    """`environment` must be set before it is started. A server that is struck is its whole host."""

    prefix = f"/{NAME}"
    fewest_workers = 0

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.pair: Pair
        self._stack = ExitStack()
        self._away: threading.Thread | None = None
        self._trouble: list[BaseException] = []
        self._turn = 0

    @property
    def environment(self) -> dict[str, str]:
        return {
            "JOURNAL": str(self.journal),
            "TMPDIR": str(self.temporary),
            "HOTPLATE_JOB_CRASHES": "50",
            "HOTPLATE_JOB_ATTEMPTS": "2",
            "HOTPLATE_JOB_LEASE": f"{LEASE_S:g}s",
        }

    def start(self) -> None:
        self.pair = self._stack.enter_context(pair())
        self.ports = [fleet.port for fleet in self.pair.fleets]
        self.headers = self.pair.admin
        limits = ("--min-replicas", "0", "--max-replicas", str(WORKERS), "--scaledown-secs", "3600")
        deploy(self.pair.roots[0], self.folder / "model", NAME, *limits)
        self.pair.two.wait_for(lambda: self.pair.two.of(NAME), "the endpoint on the other server")

    @property
    def servers(self) -> list[SharedServer]:
        return [SharedServer(self, number) for number in range(2)]

    # -- blows

    def strike(self, blow: Blow) -> None:
        """The load goes on meanwhile; of hosts and the database, one is away at a time."""
        self._raise()
        if blow.victim == "worker":
            self._strike_worker(blow)
        elif self._away is None or not self._away.is_alive():
            what = self._strike_host if blow.victim == "server" else self._strike_database
            if blow.victim == "server":  # in turn: a busy machine has time for two of them perhaps
                blow, self._turn = replace(blow, server=self._turn), 1 - self._turn
            self._away = threading.Thread(target=self._do, args=(what, blow))
            self._away.start()

    def _do(self, what: object, blow: Blow) -> None:
        try:
            what(blow)  # type: ignore[operator]
        except BaseException as error:
            self._trouble.append(error)

    def _strike_worker(self, blow: Blow) -> None:
        try:
            workers = sorted(each["pid"] for each in self.pair.fleets[blow.server].replicas(NAME) if each["pid"])
            pid = workers[int(blow.pick * len(workers))]
            os.kill(pid, signal.SIGKILL)
        except (OSError, IndexError, AssertionError):  # its host is away just now
            return
        self._note(blow, time.monotonic(), {pid})

    def _strike_host(self, blow: Blow) -> None:
        root, port = self.pair.roots[blow.server], self.ports[blow.server]
        server = self.servers[blow.server]
        self.count_stale(server)
        pids = {server.process.pid, *descendants(server.process.pid)}
        at = time.monotonic()
        kill(root)
        time.sleep(DOWN_S)
        (root / "test.log").unlink(missing_ok=True)
        done = hotplate(root, "up", "--port", str(port), "--control-port", "0", "--detach", timeout_s=120)
        assert done.returncode == 0, done.stderr
        fleet = self.pair.fleets[blow.server]
        fleet.wait_for(lambda: fleet.get(f"{self.prefix}/jobs?limit=1", self.headers).status == 200, "it is back", 60)
        self._note(blow, at, pids)

    def _strike_database(self, blow: Blow) -> None:
        at = time.monotonic()
        self.pair.database.stop()
        time.sleep(DOWN_S)
        self.pair.database.start()
        self._note(blow, at, set())

    def thaw(self, *, all_of_them: bool = False) -> None:
        """Wait for what is away."""
        if all_of_them and self._away is not None:
            self._away.join(200)
            self._raise()

    def _raise(self) -> None:
        if self._trouble:
            raise self._trouble[0]

    # -- looking

    def audit(self) -> None:
        """Let the database write down every change of a state from now on."""
        with psycopg.connect(self.pair.database.url, autocommit=True) as db:
            for statement in AUDIT:
                db.execute(statement)

    def changes(self) -> dict[str, list[tuple[int, str, str]]]:
        """By job: attempt, state before, state after, in their order."""
        found: dict[str, list[tuple[int, str, str]]] = {}
        with psycopg.connect(self.pair.database.url) as db:
            tables = "hotplate.audit a JOIN hotplate.job USING (seq)"
            rows = db.execute(f"SELECT job.id, a.attempt, was, became FROM {tables} ORDER BY a.id")
            for job_id, attempt, was, became in rows:
                found.setdefault(job_id, []).append((attempt, was, became))
        return found

    @property
    def places(self) -> list[Path]:
        """Folders with files that are named after servers."""
        return [self.temporary]

    @property
    def log_bytes(self) -> int:
        """The database's log is its own matter."""
        return 0

    def close(self) -> None:
        if self._away is not None:
            self._away.join(200)
        self._stack.close()
        super().close()
