"""The fault driver: submits jobs and makes calls at a steady rate while it strikes what serves them.

What is done comes from a plan, which comes from a seed (`job_plan.py`). The model writes each start and finish to a
journal outside of Hotplate. `job_checker.py` holds what was seen against the invariants.
"""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, Queue
from typing import Any

from job_plan import Call, Plan
from job_rig import Rig, descendants

SUBMITTERS = 8
CALLERS = 12
SUBMIT_S = 2.0
"""A submit that takes longer is sent to the other server, with the same key."""
CALL_S = 30.0
LAST_S = 120.0
WORKER_FILES = 6
"""At most so many of a server's files belong to one of its workers, of which there may be more or fewer later."""


@dataclass(frozen=True)
class Called:
    """How a call that waits for its answer went. `outcome` is ok, a status with its code, or how it was cut off.

    `connected` is when its connection was made: one that was kept open may have died with its server before.
    """

    call: Call
    server: int
    connected: float
    ended: float
    outcome: str


class Client:
    """One thread's connections, one for each server."""

    def __init__(self, rig: Rig, timeout_s: float) -> None:
        self._rig = rig
        self._timeout_s = timeout_s
        self._open: dict[int, http.client.HTTPConnection] = {}
        self.connected: dict[int, float] = {}

    def request(self, server: int, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """Status and JSON of an answer below the endpoint's prefix. Raises OSError or HTTPException."""
        connection = self._open.get(server)
        if connection is None:
            connection = http.client.HTTPConnection("127.0.0.1", self._rig.ports[server], timeout=self._timeout_s)
            self._open[server] = connection
            self.connected[server] = time.monotonic()
        named = self._rig.headers | {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            data = None if body is None else json.dumps(body)
            connection.request(method, self._rig.prefix + path, data, {"content-type": "application/json", **named})
            with connection.getresponse() as reply:
                return reply.status, json.loads(reply.read())
        except BaseException:
            connection.close()
            del self._open[server]
            raise

    def close(self) -> None:
        for connection in self._open.values():
            connection.close()


class Driver:
    """`acked` are the jobs that were acknowledged: call and id, by uuid."""

    def __init__(self, rig: Rig, plan: Plan, *, calm_s: float = 0.0) -> None:
        self.plan = plan
        self.calm_s = calm_s
        self.rig = rig
        self.acked: dict[str, tuple[Call, str]] = {}
        self.called: list[Called] = []
        self.submitted = 0
        self.descriptors: list[int] = []
        self.memory: list[tuple[float, tuple[int, ...]]] = []
        self._jobs: Queue[tuple[int, Call]] = Queue()
        self._calls: Queue[tuple[int, Call]] = Queue()
        self._stop = threading.Event()
        self._troubles: list[BaseException] = []

    # -- the load

    def _submit(self, client: Client, number: int, call: Call) -> None:
        """Submit until acknowledged: a lost connection leaves open whether the job was kept; the key settles it."""
        server = number % self.plan.servers
        body = {"uuid": call.uuid, "ms": call.ms, "fail": call.kind == "fail"}
        end = time.monotonic() + LAST_S
        while time.monotonic() < end:
            try:
                status, answer = client.request(
                    server, "POST", "/infer", body, prefer="respond-async", idempotency_key=call.uuid
                )
                if status == 202:
                    self.acked[call.uuid] = (call, answer["id"])
                    if call.kind == "cancel":
                        self._cancel(client, server, answer["id"])
                    return
                assert status == 503, (status, answer)
            except (OSError, http.client.HTTPException):
                pass
            server = (server + 1) % self.plan.servers
            time.sleep(0.02)
        raise AssertionError(f"{call} was not acknowledged within {LAST_S:g} s")

    def _cancel(self, client: Client, server: int, job_id: str) -> None:
        """Ask once: whether it was heard, the job's state will say."""
        try:
            status, answer = client.request(server, "DELETE", f"/jobs/{job_id}")
            assert status in (200, 409, 503), (status, answer)
        except (OSError, http.client.HTTPException):
            pass

    def _call(self, client: Client, number: int, call: Call) -> None:
        server = number % self.plan.servers
        try:
            status, answer = client.request(server, "POST", "/infer", {"uuid": call.uuid, "ms": call.ms})
            right = status == 200 and answer["output"] == call.uuid[::-1]
            outcome = "ok" if right else f"{status} {answer.get('code') or answer.get('status') or answer}"
        except (OSError, http.client.HTTPException) as error:
            outcome = f"cut: {error!r}"
        self.called.append(Called(call, server, client.connected[server], time.monotonic(), outcome))

    def _work(self, line: Queue[tuple[int, Call]], do: Callable[[Client, int, Call], None], timeout_s: float) -> None:
        client = Client(self.rig, timeout_s)
        try:
            while True:
                try:
                    number, call = line.get(timeout=0.1)
                except Empty:
                    if self._stop.is_set():
                        return
                    continue
                do(client, number, call)
        except BaseException as error:
            self._troubles.append(error)
        finally:
            client.close()

    # -- the run

    def run(self) -> None:
        """Drive the whole plan, then as much again without blows as `calm_s` says."""
        self.rig.start()
        self._begin()
        threads: list[threading.Thread] = []
        for count, line, do, timeout_s in (
            (SUBMITTERS, self._jobs, self._submit, SUBMIT_S),
            (CALLERS, self._calls, self._call, CALL_S),
        ):
            threads += [threading.Thread(target=self._work, args=(line, do, timeout_s)) for _ in range(count)]
        for thread in threads:
            thread.start()
        try:
            self._drive()
        finally:
            self._stop.set()
            self.rig.thaw(all_of_them=True)
            for thread in threads:
                thread.join(LAST_S + 60)
        if self._troubles:
            raise self._troubles[0]

    def _begin(self) -> None:
        """One job on each server opens the store; then the database keeps its own account, and files are counted."""
        client = Client(self.rig, CALL_S)
        for number, server in enumerate(self.rig.servers):
            call = Call(f"first-{number}", "work", 1)
            self._submit(client, number, call)
            self._call(client, number, Call(f"call-first-{number}", "work", 1))
            pid = server.process.pid
            self.descriptors.append(descriptors(pid) - WORKER_FILES * len(descendants(pid)))
            if number == 0:
                self.rig.audit()
        client.close()
        self.submitted = len(self.rig.servers)

    def _drive(self) -> None:
        begun = time.monotonic()
        plan, blows = self.plan, list(self.plan.blows)
        jobs = calls = 0
        sampled = 0.0
        while (now := time.monotonic() - begun) < plan.seconds + self.calm_s:
            while jobs < now * plan.rate:
                jobs += 1
                self._jobs.put((jobs, plan.job(jobs)))
            while calls < now * plan.call_rate:
                calls += 1
                self._calls.put((calls, plan.call(calls)))
            self.rig.thaw()
            if blows and blows[0].at_s <= now < plan.seconds:
                self.rig.strike(blows.pop(0))
            if now >= plan.seconds and now >= sampled + 2.0:
                sampled = now
                self.memory.append((now, tuple(private_kb(server.process.pid) for server in self.rig.servers)))
            assert not self._troubles, self._troubles[0]
            time.sleep(0.01)
        self.submitted += jobs

    def close(self) -> None:
        self._stop.set()
        self.rig.close()


def descriptors(pid: int) -> int:
    """Open files of a process, its connections left out: they come and go with clients."""
    folder = Path(f"/proc/{pid}/fd")
    count = 0
    for entry in folder.iterdir():
        try:
            count += not str(entry.readlink()).startswith("socket:")
        except FileNotFoundError:
            pass
    return count


def private_kb(pid: int) -> int:
    """Memory that a process has beside files: its own, and its share of what it shares. Pages of programs and libraries
    come and go as the machine likes."""
    told = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return sum(int(told.split(f"{name}:")[1].split()[0]) for name in ("Pss_Anon", "Pss_Shmem"))
