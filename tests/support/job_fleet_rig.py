"""What `hotplate up` runs, for the fault driver: an endpoint that begins at zero, its replicas, the server, control."""

from __future__ import annotations

import os
import signal
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

from job_plan import Blow, Victim
from job_rig import LEASE_S, WORKERS, Rig, children, total

from tests.behaviour.up.test_the_supervisor_keeps_things_running import deploy, running, up
from tests.fleet import Fleet

VICTIMS: tuple[Victim, ...] = ("worker",) * 2 + ("server",) * 3 + ("control",) * 2
NAME = "busy"


@dataclass
class FleetServer:
    """The server, whichever process it is now, as the checker asks it."""

    rig: FleetRig

    @property
    def process(self) -> SimpleNamespace:
        return SimpleNamespace(pid=self.rig.child("server"))

    def metric(self, name: str) -> float:
        page = self.rig.fleet.get(f"/{NAME}/metrics", self.rig.headers)
        return total(page.body.decode(), name)


class FleetRig(Rig):
    """`environment` must be set before it is started."""

    prefix = f"/{NAME}"
    fewest_workers = 0

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.root = folder / "home"
        self.fleet: Fleet
        self._stack = ExitStack()

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
        self.fleet = self._stack.enter_context(up(self.root))
        self.ports = [self.fleet.port]
        self.headers = {"authorization": f"Bearer {(self.root / 'admin-token').read_text().strip()}"}
        limits = ("--min-replicas", "0", "--max-replicas", str(WORKERS), "--scaledown-secs", "3600")
        deploy(self.root, self.folder / "model", NAME, *limits)

    def child(self, name: str) -> int | None:
        return running(self.root)["children"][name]

    @property
    def servers(self) -> list[FleetServer]:
        return [FleetServer(self)]

    def strike(self, blow: Blow) -> None:
        at = time.monotonic()
        if blow.victim == "worker":
            workers = sorted(each["pid"] for each in self.fleet.replicas(NAME) if each["pid"])
            if workers:
                self._kill(blow, at, {workers[int(blow.pick * len(workers))]})
        elif blow.victim == "control":
            if (pid := self.child("control")) is not None:
                self._kill(blow, at, {pid})
        else:
            (server,) = self.servers
            pid = server.process.pid
            self.count_stale(server)
            pids = {pid, *children(pid)}
            os.kill(pid, signal.SIGKILL)
            self.fleet.wait_for(lambda: self._back(pid), "the next server", 60)
            self._note(blow, at, pids)

    def _kill(self, blow: Blow, at: float, pids: set[int]) -> None:
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:  # it is away just now
                return
        self._note(blow, at, pids)

    def _back(self, before: int) -> bool:
        now = self.child("server")
        return now not in (None, before) and self.fleet.get(f"{self.prefix}/jobs?limit=1", self.headers).status == 200

    def close(self) -> None:
        self._stack.close()
        super().close()
