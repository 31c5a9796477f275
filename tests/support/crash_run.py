"""One crash: submit jobs of every kind to a server until it dies at a point, then let a sound one finish them.

Every job that was acknowledged must be there under its id, must end as its input says, and a submit that is sent again
with its key must not make a second one.
"""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from job_calls import ASYNC, MODEL, ended, result
from job_faults import SELDOM
from serving import Server, serve, write_project

LARGE = "x" * 300_000
LOAD: tuple[tuple[str, dict[str, Any], str], ...] = (
    ("/count", {"number": 41}, "completed"),
    ("/steps", {"steps": 4, "pause": 0.12}, "completed"),
    ("/boom", {"text": "as asked"}, "dead"),
    ("/count", {"number": 41}, "cancelled"),
    ("/infer", {"prompt": LARGE}, "completed"),
    ("/count", {"number": 41}, "completed"),
)
"""Routes, bodies, and how such a job ends. The large one has its input and its result in a blob."""
OUTPUTS: dict[str, Any] = {"/count": 42, "/steps": "done", "/infer": LARGE}
LEAST = 12
MOST_S = 40.0
SUPPORT = str(Path(__file__).parent)


def faulty_env(home: Path) -> dict[str, str]:
    """What lets a server be started as `python -m job_faults`."""
    return {"HOTPLATE_HOME": str(home), "PYTHONPATH": os.pathsep.join((SUPPORT, os.environ.get("PYTHONPATH", "")))}


@dataclass
class CrashRun:
    """`acked` is the id by key. `run` holds everything and raises what is wrong."""

    point: str
    nth: int
    folder: Path
    acked: dict[str, str] = field(default_factory=dict[str, str])
    sent: int = 0

    def run(self) -> None:
        write_project(self.folder / "model", MODEL)
        env = faulty_env(self.folder / "home")
        args = ("--slots", "2", "--job-lease", "1s", "--job-attempts", "2", "--job-crashes", "20")
        program = ("-m", "job_faults", self.point, str(self.nth), "--")
        with serve(self.folder / "model", *args, env=env, program=program) as server:
            self._submit_until_it_dies(server)
            status = server.process.wait(10)
        assert status == -signal.SIGKILL, f"the server ended with {status} instead of at {self.point}"
        before = dict(self.acked)
        with serve(self.folder / "model", *args, env=env) as server:
            for number in range(self.sent):
                assert self._submit(server, number), f"job {number} was refused"
            for key, job_id in before.items():
                assert self.acked[key] == job_id, f"{key} was acknowledged as {job_id} and is forgotten"
            for number in range(self.sent):
                self._ended_well(server, number)
            kept = len(server.get("/jobs?limit=500").json()["jobs"])
            assert kept == self.sent, f"{kept} jobs for {self.sent} keys"

    def _submit_until_it_dies(self, server: Server) -> None:
        end = time.monotonic() + MOST_S
        while time.monotonic() < end:
            try:
                if not self._submit(server, self.sent):
                    return
            finally:
                self.sent += 1
            if self.sent >= LEAST:  # the point is one that is passed while jobs run
                time.sleep(0.05)
        raise AssertionError(f"it never came to {self.point} for the {self.nth}. time")

    def _submit(self, server: Server, number: int) -> bool:
        """Submit one job, and cancel it if it is one to cancel. Says whether the server still lived."""
        route, body, ending = LOAD[number % len(LOAD)]
        key = f"key-{number}"
        try:
            headers = {**ASYNC, "idempotency-key": key, "priority": "u=7" if ending == "cancelled" else "u=3"}
            reply = server.post(route, body, headers=headers)
            if reply.status != 202:
                return False
            self.acked[key] = reply.json()["id"]
            if ending == "cancelled":
                server.request("DELETE", f"/jobs/{self.acked[key]}")
        except Exception:  # noqa: BLE001 - it has died
            return False
        return True

    def _ended_well(self, server: Server, number: int) -> None:
        route, _, ending = LOAD[number % len(LOAD)]
        job = ended(server, self.acked[f"key-{number}"])
        expected = (ending, "completed") if ending == "cancelled" else (ending,)
        assert job["status"] in expected, job
        if job["status"] == "completed":
            output = result(server, job["id"]).json()["output"]
            assert output == OUTPUTS[route], (route, str(output)[:100])
        if ending == "dead":
            assert job["failures"] == 2, job


def nth_of(point: str, run: int) -> int:
    """The how many-th passing of a point a run dies at."""
    return 1 + run % (3 if point.partition(":")[0] in SELDOM else 20)
