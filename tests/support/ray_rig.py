"""A Ray cluster of three nodes on this machine, for tests: `ray_cluster.py` in the environment of the extra `ray`."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex
from typing import Any

import peers

PROGRAM = Path(__file__).with_name("ray_cluster.py")
HEAD = {"cpus": 4, "resources": {"head": 1}}
GPUS = {"cpus": 4, "gpus": 2, "resources": {"accelerator_type:A100": 1, "shelf": 2}}
PLAIN = {"cpus": 4}


@dataclass
class Rig:
    """`nodes` are ids, in the order of their making: the head, the one with GPUs, a plain one, and those added."""

    process: subprocess.Popen[str]
    python: Path
    folder: Path
    variables: dict[str, str]
    address: str = ""
    nodes: list[str] = field(default_factory=list)

    @property
    def settings(self) -> dict[str, str]:
        """What an installation that uses the cluster has."""
        return {**self.variables, "HOTPLATE_RAY_PYTHON": str(self.python), "HOTPLATE_RAY_CACHE": self.cache}

    @property
    def cache(self) -> str:
        """Where the nodes keep what is shipped to them."""
        return str(self.folder / "cache")

    def tell(self, **told: Any) -> Any:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(json.dumps(told) + "\n")
        self.process.stdin.flush()
        return self.hear()

    def hear(self) -> Any:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, (self.folder / "stderr").read_text()[-3000:]
        return json.loads(line)

    def kill(self, node: int) -> None:
        """Kill a node: its raylet, with kill -9. Its workers end with it."""
        self.tell(kill=node)

    @property
    def actors(self) -> list[str]:
        """The names of all actors that have one."""
        return self.tell(ask="actors")["answer"]

    @property
    def used(self) -> float:
        """How many CPUs are taken."""
        return self.tell(ask="used")["answer"]

    def drain(self, node: int, seconds: int) -> None:
        """Announce that a node will be taken back."""
        assert self.tell(drain=node, seconds=seconds)["accepted"]

    def add(self, resources: dict[str, Any]) -> int:
        self.nodes.append(self.tell(add=resources)["added"])
        return len(self.nodes) - 1

    def run(self, code: str, timeout_s: float = 100) -> str:
        """Run a program with Ray's client, connected to the cluster."""
        begin = f"import ray; ray.init({self.address!r}, log_to_driver=False, logging_level='ERROR')\n"
        done = subprocess.run(
            [str(self.python), "-c", begin + code],
            env={**os.environ, **self.variables},
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


@contextmanager
def cluster(nodes: Sequence[dict[str, Any]] = (HEAD, GPUS, PLAIN), *, kept: bool = False) -> Iterator[Rig]:
    """The first node is the head. `kept`: what the head knows is kept on disk, so that it may be started again."""
    python = peers.ray_python()
    folder = Path(tempfile.mkdtemp(prefix="hr-"))  # short: Unix sockets lie in it
    variables = {
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": token_hex(32),
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # what makes every address 127.0.0.1
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_TMPDIR": str(folder),
    }
    if kept:
        variables |= {"RAY_gcs_storage": "rocksdb", "RAY_gcs_storage_path": str(folder / "gcs")}
    with (folder / "stderr").open("w") as errors:
        process = subprocess.Popen(
            [str(python), str(PROGRAM), str(folder), json.dumps(list(nodes))],
            env={**os.environ, **variables},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            start_new_session=True,
        )
    rig = Rig(process, python, folder, variables)
    try:
        with process:
            said = rig.hear()
            rig.address, rig.nodes = said["address"], said["nodes"]
            yield rig
            assert process.stdin is not None
            process.stdin.close()
            process.wait(60)
    finally:
        process.kill()
        shutil.rmtree(folder, ignore_errors=True)
