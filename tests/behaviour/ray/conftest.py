"""One endpoint on the Ray cluster, of whose calls it is known where they ran."""

from __future__ import annotations

import random
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.open_loop import Calls
from support.targets_rig import Target, wait_for

SERVICE = """
import os, time
from octoai.service import Service




class Numbers(Service):
    def infer(self, number: int, seconds: float, until: str = "") -> int:
        with open(os.environ["JOURNAL"], "a") as file:
            file.write(f"{number} {os.getpid()} {VERSION}\\n")
        time.sleep(seconds)
        while until and not os.path.exists(until):
            time.sleep(0.02)
        return number
"""


@dataclass
class Numbers:
    """An endpoint that gives back its number, after a while. `journal` has where each call began."""

    target: Target
    name: str
    folder: Path
    journal: Path

    def deploy(self, *words: str, version: int = 1) -> None:
        self.folder.mkdir(exist_ok=True)
        (self.folder / "service.py").write_text(SERVICE.replace("{VERSION}", str(version)))
        words = ("--env", f"JOURNAL={self.journal}", "--hardware", "cpus=1", *words)
        self.target.installation.run("deploy", "-n", self.name, "--wait", "100", *words, folder=self.folder)

    def calls(self, rate: float, seconds: tuple[float, ...] = (0.02, 0.2, 1.0)) -> Calls:
        port = int(self.target.installation.supervisor["url"].rpartition(":")[2])
        token = {"authorization": f"Bearer {self.target.installation.admin}"}
        chance = random.Random(7)
        return Calls(port, f"/{self.name}/infer", chance, rate=rate, times=seconds, headers=lambda: token)

    def began(self) -> dict[int, list[int]]:
        """By the number of a call, the workers in which it began."""
        found: dict[int, list[int]] = {}
        for line in self.journal.read_text().splitlines() if self.journal.exists() else []:
            number, pid, _ = line.split()
            found.setdefault(int(number), []).append(int(pid))
        return found

    def places(self) -> dict[str, str]:
        """Where each replica is that runs."""
        there = self.target.endpoint(self.name)["replicas"]
        return {each["replica_id"]: each["where"] for each in there if each["status"] == "running"}

    def metric(self, name: str) -> float:
        """The value of a metric of the server for this endpoint."""
        made = self.target.installation
        headers = {"authorization": f"Bearer {made.admin}"}
        with urllib.request.urlopen(
            urllib.request.Request(made.supervisor["url"] + "/metrics", headers=headers)
        ) as page:
            text = page.read().decode()
        lines = [line for line in text.splitlines() if line.startswith(f"{name}{{") and f'"{self.name}"' in line]
        return sum(float(line.rpartition(" ")[2]) for line in lines)

    def spread(self, count: int) -> dict[str, str]:
        return wait_for(lambda: (found := self.places()) and len(found) == count and found, f"{count} replicas")


@pytest.fixture
def numbers(on_ray, ray_cluster, tmp_path, request) -> Numbers:
    before = ray_cluster.used
    name = f"numbers-{abs(hash(request.node.name)) % 10**6}"
    yield Numbers(on_ray, name, tmp_path / "project", tmp_path / "journal")
    on_ray.installation.run("endpoint", "delete", "--name", name, "--force", code=None)
    wait_for(lambda: ray_cluster.used <= before, "the end of its replicas, beside which the next test's are placed")


def node_of(where: str) -> str:
    """The beginning of the id in `node 160eba17 (127.0.0.1)`."""
    return where.split()[1]
