"""The fault driver: submits jobs at a steady rate while it kills what serves them, then checks that nothing was lost.

Every choice comes from the seed, so that the same seed makes the same kills. The model writes each start and finish
to a journal outside of Hotplate.
"""

from __future__ import annotations

import http.client
import json
import os
import random
import signal
import socket
import threading
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, Queue

from serving import Server, serve, write_project

JOURNAL_MODEL = {
    "service.py": """
import os, time
from hotplate import Service

class Work(Service):
    def setup(self):
        self.fd = os.open(os.environ["JOURNAL"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def infer(self, uuid: str, ms: int) -> str:
        os.write(self.fd, f"start {uuid} {os.getpid()}\\n".encode())
        time.sleep(ms / 1000)
        os.write(self.fd, f"finish {uuid} {os.getpid()}\\n".encode())
        return uuid[::-1]
"""
}


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


@dataclass
class Driver:
    folder: Path
    seed: int
    seconds: float
    rate: float = 50.0
    kill_mean_s: float = 3.0
    victims: tuple[str, ...] = ("worker", "worker", "server")
    args: tuple[str, ...] = ("--workers", "2")
    acked: dict[str, str] = field(default_factory=dict)  # uuid -> job id
    kills: list[tuple[float, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.port = free_port()
        self.journal = self.folder / "journal"
        self.todo: Queue[tuple[str, int]] = Queue()
        self.lock = threading.Lock()
        self.stop = threading.Event()
        self.server: Server
        self.stack = ExitStack()
        write_project(self.folder / "model", JOURNAL_MODEL)

    # -- the rig

    def start(self) -> None:
        env = {"HOTPLATE_HOME": str(self.folder / "home"), "JOURNAL": str(self.journal)}
        self.stack = ExitStack()
        more = ("--job-crashes", "50", *self.args)
        self.server = self.stack.enter_context(serve(self.folder / "model", *more, env=env, port=self.port))

    def kill(self, victim: str) -> None:
        if victim == "server":
            self.server.process.kill()
            self.stack.close()
            self.start()
            return
        workers = sorted(self.server.workers())
        if workers:
            try:
                os.kill(self.random.choice(workers), signal.SIGKILL)
            except ProcessLookupError:
                pass

    # -- the load

    def client(self) -> None:
        """Submit until acknowledged: a lost connection leaves it open whether the job was kept; the key settles it."""
        connection: http.client.HTTPConnection | None = None
        while True:
            try:
                uuid, ms = self.todo.get(timeout=0.1)
            except Empty:
                if self.stop.is_set():
                    if connection is not None:
                        connection.close()
                    return
                continue
            while True:
                try:
                    connection = connection or http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
                    headers = {"content-type": "application/json", "prefer": "respond-async", "idempotency-key": uuid}
                    connection.request("POST", "/infer", json.dumps({"uuid": uuid, "ms": ms}), headers)
                    reply = connection.getresponse()
                    body = reply.read()
                    if reply.status == 202:
                        with self.lock:
                            self.acked[uuid] = json.loads(body)["id"]
                        break
                    assert reply.status == 503, (reply.status, body)
                except (OSError, http.client.HTTPException):
                    if connection is not None:
                        connection.close()
                    connection = None
                time.sleep(0.05)

    def run(self) -> None:
        self.start()
        clients = [threading.Thread(target=self.client) for _ in range(4)]
        for client in clients:
            client.start()
        try:
            begun = time.monotonic()
            next_kill = begun + self.random.expovariate(1 / self.kill_mean_s)
            count = 0
            while (now := time.monotonic()) < begun + self.seconds:
                while count < (now - begun) * self.rate:
                    count += 1
                    ms = self.random.choices((1, 5, 50, 300), (50, 30, 15, 5))[0]
                    self.todo.put((f"{self.seed}-{count}-{self.random.getrandbits(48):x}", ms))
                if now >= next_kill:
                    victim = self.random.choice(self.victims)
                    self.kills.append((round(now - begun, 3), victim))
                    self.kill(victim)
                    next_kill = time.monotonic() + self.random.expovariate(1 / self.kill_mean_s)
                time.sleep(0.01)
        finally:
            self.stop.set()
            for client in clients:
                client.join(60)
        self.count = count

    # -- the checker

    def check(self, quiesce_s: float = 60.0) -> dict[str, int]:
        """Hold the invariants. Gives what was counted."""
        said = f"seed {self.seed}, kills {self.kills}"
        assert len(self.acked) == self.count, f"{len(self.acked)} of {self.count} were acknowledged; {said}"
        end = time.monotonic() + quiesce_s
        while self.open_jobs():
            assert time.monotonic() < end, f"I1: jobs did not end: {self.open_jobs()}; {said}"
            time.sleep(0.1)
        starts: Counter[str] = Counter()
        finishes: Counter[str] = Counter()
        for line in self.journal.read_text().splitlines():
            word, uuid, _ = line.split()
            (starts if word == "start" else finishes)[uuid] += 1
        ids = list(self.acked.values())
        assert len(set(ids)) == len(ids), f"two calls share a job; {said}"
        attempts = 0
        for uuid, job_id in self.acked.items():
            job = self.server.get(f"/jobs/{job_id}").json()
            assert job.get("status") == "completed", f"I1, I2: {uuid} is {job}; {said}"
            result = self.server.get(f"/jobs/{job_id}/result").json()
            assert result["output"] == uuid[::-1], f"I2: {uuid} has {result}; {said}"
            assert finishes[uuid] >= 1, f"{uuid} has a result and never ran; {said}"
            assert starts[uuid] <= job["attempt"], f"I5: {uuid} began {starts[uuid]} times, {job}; {said}"
            attempts += job["attempt"]
        return {"acked": len(ids), "attempts": attempts, "runs": sum(starts.values()), "kills": len(self.kills)}

    def open_jobs(self) -> int:
        return len(self.server.get("/jobs?state=queued,retrying,running&limit=500").json()["jobs"])

    def close(self) -> None:
        self.stack.close()
