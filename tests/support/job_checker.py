"""Holds what a run of the fault driver left behind against the invariants. Whatever is wrong is said with the seed.

I1 every acknowledged job ends. I2 it ends once, as its input says. I3 a write with a stale fence changes nothing.
I4 a call fails only if it ran on what was killed. I5 nothing runs without a new attempt. I7 nothing is left behind.
I8 memory does not grow.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from job_driver import WORKER_FILES, Called, Client, Driver, descriptors
from job_rig import WORKERS, children, descendants

TERMINAL = frozenset(("completed", "failed", "dead", "cancelled"))
SLACK_S = 0.5
"""Clocks of the driver's threads: how far a blow and what it did may lie apart."""
CRASHES, CRASH_WINDOW_S, LOOPING_S = 5, 60.0, 15.0
"""So many deaths within so long make an endpoint say that it keeps dying; it then waits for so long."""
REFUSED_SHARE = 0.001
SLOPE_MB_PER_MINUTE = 1.0
WAL_BYTES = 70 * 1024 * 1024


@dataclass
class Journal:
    """What the model wrote down: how often it began each call and ended it, and in which processes."""

    starts: Counter[str] = field(default_factory=Counter[str])
    finishes: Counter[str] = field(default_factory=Counter[str])
    pids: dict[str, set[int]] = field(default_factory=dict[str, set[int]])


class Checker:
    def __init__(self, driver: Driver) -> None:
        self.driver = driver
        self.rig = driver.rig
        self.said = f"seed {driver.plan.seed}, {driver.plan.seconds:g} s"
        self.client = Client(self.rig, 30.0)

    def check(self, quiesce_s: float = 60.0) -> dict[str, float]:
        """Hold all of them. Gives what was counted. `quiesce_s` is how long no job at all may end before all have."""
        self._all_ended(quiesce_s)
        journal = self._journal()
        jobs = self._jobs()
        counted = self._each_ended_once(jobs, journal)
        counted |= self._calls_failed_with_their_worker(journal)
        for server in self.rig.servers:
            self.rig.count_stale(server)
        counted["stale writes refused"] = int(self.rig.stale)
        self._nothing_is_left()
        if self.driver.memory:
            counted["MB per minute"] = round(self._slope(), 3)
        self.client.close()
        return counted

    # -- jobs

    def _all_ended(self, quiesce_s: float) -> None:
        assert len(self.driver.acked) == self.driver.submitted, (
            f"{len(self.driver.acked)} of {self.driver.submitted} were acknowledged; {self.said}"
        )
        fewest, end = float("inf"), time.monotonic() + quiesce_s
        while left := self._page("state=queued,retrying,running&limit=500")["jobs"]:
            waiting = self.rig.servers[0].metric("hotplate_jobs_waiting")
            if waiting < fewest:  # a slow machine may owe many: it must get on with them
                fewest, end = waiting, time.monotonic() + quiesce_s
            assert time.monotonic() < end, f"I1: {len(left)} jobs do not end: {left[:3]}; {self.said}"
            time.sleep(0.1)

    def _page(self, query: str) -> dict[str, Any]:
        status, page = self.client.request(0, "GET", f"/jobs?{query}")
        assert status == 200, page
        return page

    def _jobs(self) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {}
        query = "limit=500"
        while True:
            page = self._page(query)
            found |= {job["id"]: job for job in page["jobs"]}
            if page["next_before"] is None:
                return found
            query = f"limit=500&before={page['next_before']}"

    def _journal(self) -> Journal:
        journal = Journal()
        for line in self.rig.journal.read_text().splitlines():
            word, uuid, pid = line.split()
            if word == "start":
                journal.starts[uuid] += 1
                journal.pids.setdefault(uuid, set()).add(int(pid))
            else:
                journal.finishes[uuid] += 1
        return journal

    def _each_ended_once(self, jobs: dict[str, dict[str, Any]], journal: Journal) -> dict[str, float]:
        acked = self.driver.acked
        ids = [job_id for _, job_id in acked.values()]
        assert len(set(ids)) == len(ids), f"two calls share a job; {self.said}"
        assert len(jobs) == len(ids), f"{len(jobs)} jobs are kept for {len(ids)} calls; {self.said}"
        changes = self.rig.changes()
        attempts = again = 0
        for number, (uuid, (call, job_id)) in enumerate(acked.items()):
            job = jobs.get(job_id)
            assert job is not None, f"I1: {uuid} was acknowledged as {job_id} and is forgotten; {self.said}"
            expected = {"work": ("completed",), "fail": ("dead",), "cancel": ("cancelled", "completed")}[call.kind]
            assert job["status"] in expected, f"I2: {call} is {job}; {self.said}"
            if job["status"] == "completed":
                path = f"/jobs/{job_id}/result"
                status, result = self.client.request(number % len(self.rig.ports), "GET", path)
                assert (status, result.get("output")) == (200, uuid[::-1]), f"I2: {uuid} has {result}; {self.said}"
                assert journal.finishes[uuid] >= 1, f"{uuid} has a result and never ran; {self.said}"
            if call.kind == "fail":
                assert job["failures"] == 2, f"{call} is {job}; {self.said}"
            assert journal.starts[uuid] <= job["attempt"], (
                f"I5: {uuid} began {journal.starts[uuid]} times, {job}; {self.said}"
            )
            if not uuid.startswith("first-"):
                self._history_is_sound(changes[job_id], job)
            attempts += job["attempt"]
            again += job["attempt"] - 1 if call.kind == "work" else 0
        return {
            "acknowledged": len(ids),
            "attempts": attempts,
            "run again": again,
            "runs": sum(journal.starts[uuid] for uuid in acked),
            "blows": len(self.rig.struck),
        }

    def _history_is_sound(self, history: list[tuple[int, str, str]], job: dict[str, Any]) -> None:
        """By the database's own account: each change follows from the one before, and the end comes once and last."""
        said = f"{history} of {job}; {self.said}"
        state, attempt = "queued", 0
        for number, was, became in history:
            assert was == state and was not in TERMINAL, f"I2: {said}"
            assert number == attempt + (became == "running"), f"I3, I5: {said}"
            state, attempt = became, number
        assert state == job["status"] and state in TERMINAL, f"I2: {said}"
        assert attempt == job["attempt"], f"I5: {said}"

    # -- calls

    def _calls_failed_with_their_worker(self, journal: Journal) -> dict[str, float]:
        failed = [called for called in self.driver.called if called.outcome != "ok"]
        refused = Counter[str]()
        for called in failed:
            if called.outcome.startswith("cut"):
                assert self._struck(called, "server"), f"I4: {called}; {self.said}"
            elif called.outcome == "502 worker_lost":
                killed = {pid for struck in self.rig.struck for pid in struck.pids}
                assert journal.pids.get(called.call.uuid, set()) & killed, f"I4: {called}; {self.said}"
            else:
                assert called.outcome.startswith("503"), f"I4: {called}; {self.said}"
                refused[called.outcome] += not self._crash_looping(called)
        most = max(1.0, REFUSED_SHARE * len(self.driver.called))
        assert refused.total() <= most, f"I4: calls were refused: {refused}; {self.said}"
        for called in self.driver.called:
            assert journal.starts[called.call.uuid] <= 1, f"{called} was run twice; {self.said}"
        return {"calls": len(self.driver.called), "calls failed": len(failed), "calls refused": refused.total()}

    def _crash_looping(self, called: Called) -> bool:
        """Whether so many workers of a server had died that it says so, and waits before it starts more."""
        deaths = [
            struck
            for struck in self.rig.struck
            if (struck.blow.victim, struck.blow.server) == ("worker", called.server)
            and called.ended - CRASH_WINDOW_S - LOOPING_S < struck.at < called.ended + SLACK_S
        ]
        return called.outcome in ("503 unavailable", "503 CRASH_LOOPING") and len(deaths) >= CRASHES

    def _struck(self, called: Called, victim: str) -> bool:
        return any(
            struck.blow.victim == victim
            and struck.blow.server == called.server
            and struck.at - SLACK_S <= called.ended
            and called.connected <= struck.until + SLACK_S
            for struck in self.rig.struck
        )

    # -- what is left

    def _nothing_is_left(self) -> None:
        servers = self.rig.servers
        for server, before in zip(servers, self.driver.descriptors, strict=True):
            self._idle(server)
            left = children(server.process.pid)
            now = descriptors(server.process.pid) - WORKER_FILES * len(descendants(server.process.pid))
            assert now <= before + 4, f"I7: {now} files are open besides workers', {before} were; {self.said}"
            assert self.rig.fewest_workers <= len(left) <= WORKERS, f"I7: processes {left} of {WORKERS}; {self.said}"
        alive = {str(server.process.pid) for server in servers}
        for place in self.rig.places:
            owners = {path.name for path in place.iterdir() if path.name.startswith(("hotplate-jobs-", *"0123456789"))}
            dead = {name for name in owners if not alive & set(name.split("-"))}
            assert not dead, f"I7: files of dead servers in {place}: {dead}; {self.said}"
        assert self.rig.log_bytes <= WAL_BYTES, f"I7: the log has {self.rig.log_bytes} bytes; {self.said}"

    def _idle(self, server: Any) -> None:
        """Every slot and every byte of the bodies' memory has come back."""
        busy = ("hotplate_requests_in_progress", "hotplate_queue_depth", "hotplate_body_memory_bytes")
        end = time.monotonic() + 10
        while left := {name: value for name in busy if (value := server.metric(name))}:
            assert time.monotonic() < end, f"I7: still in use: {left}; {self.said}"
            time.sleep(0.05)

    def _slope(self) -> float:
        """How fast memory grew while nothing was struck, by least squares, of the server that grew most."""
        samples = self.driver.memory
        begun = (samples[0][0] + samples[-1][0]) / 2  # pools and the database's caches fill first
        rows = [(at / 60, sizes) for at, sizes in samples if at >= begun]
        worst = 0.0
        for which in range(len(rows[0][1])):
            worst = max(worst, slope([(at, sizes[which] / 1024) for at, sizes in rows]))
        assert worst < SLOPE_MB_PER_MINUTE, f"I8: memory grows by {worst:.2f} MB per minute; {self.said}"
        return worst


def slope(points: list[tuple[float, float]]) -> float:
    """Of the straight line that lies nearest to the points."""
    middle_x = sum(x for x, _ in points) / len(points)
    middle_y = sum(y for _, y in points) / len(points)
    spread = sum((x - middle_x) ** 2 for x, _ in points)
    return sum((x - middle_x) * (y - middle_y) for x, y in points) / spread if spread else 0.0
