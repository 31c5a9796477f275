"""*contained*: hello through `hotplate up`, its replica in a container, beside the same with a replica of this machine.

The server, the engine and all that they start have one core. Both are measured in each round.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from bench import docker, procfs
from bench.docker import Docker
from bench.peers.hotplate import peer
from bench.peers.nginx.peer import PROMPT
from bench.records import BenchError, Launch, Settings
from bench.servers import Server, started, wait_ready
from bench.workloads.base import CPU, ERRORS, P50, P99, RATE, Measured, Workload
from bench.workloads.hello import greet
from bench.workloads.images import NO_SERVER, PROGRAM, place

LOCAL, CONTAINED = "local", "docker"
CALL = replace(peer.PEER.calls["hello"], path="/hello/infer")


@dataclass(slots=True, kw_only=True)
class WithContainers(Server):
    """A server whose replicas the engine has started."""

    engine: Docker

    def tree(self) -> list[procfs.Process]:
        """Its processes, and those of its containers."""
        found = {each.pid: each for each in procfs.tree(self.popen.pid)}
        if names := self.engine.ask("ps", "--quiet").split():
            for pid in self.engine.ask("inspect", "--format", "{{.State.Pid}}", *names).split():
                found |= {each.pid: each for each in procfs.tree(int(pid))}
        return list(found.values())


def _on(target: str) -> Callable[[Settings], Measured]:
    def measured(settings: Settings) -> Measured:
        engine = docker.engine(settings.server_core)
        environ = {**engine.environ, "HOTPLATE_HOME": str(place() / f"up-{target}")}

        def launch(_task: str, port: int, scratch: Path) -> Launch:
            argv = (*PROGRAM, "up", "--port", str(port), "--control-port", "0")
            return Launch(argv=argv, cwd=scratch, env=environ)

        up = replace(peer.PEER, name=target, launch=launch)
        with started(up, "up", {settings.server_core}) as plain:
            server = WithContainers(
                peer=up, port=plain.port, scratch=plain.scratch, popen=plain.popen, began=plain.began, engine=engine
            )
            _deploy(environ, target)
            wait_ready(server, CALL, PROMPT, PROMPT)
            if target == CONTAINED and not engine.ask("ps", "--quiet"):
                raise BenchError("the replica is in no container")
            _pin(server, settings.server_core)

            return greet(server, CALL, settings)

    return measured


def _pin(server: Server, core: int) -> None:
    """Bind every thread to a core: the engine may give its containers all of them."""
    for member in server.tree():
        for task in Path(f"/proc/{member.pid}/task").glob("*"):
            with suppress(ProcessLookupError):
                os.sched_setaffinity(int(task.name), {core})


def _deploy(environ: dict[str, str], target: str) -> None:
    words = ("--target", target, "--name", "hello", "--visibility", "public", "--template", "off")
    count = ("--min-replicas", "1", "--max-replicas", "1")
    done = subprocess.run(
        [*PROGRAM, "deploy", str(peer.HERE / "hello"), *words, *count],
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        timeout=docker.LONG_S,
    )
    if done.returncode:
        raise BenchError(f"hotplate deploy failed:\n{done.stderr[-1500:]}")


WORKLOAD = Workload(
    name="contained",
    title="contained: hello through `hotplate up`, its replica in a container, one core for server and engine",
    task="contained",
    metrics=(RATE, P50, P99, CPU, ERRORS),
    variants=NO_SERVER,
    references=(LOCAL,),
    extra={LOCAL: _on(LOCAL), CONTAINED: _on(CONTAINED)},
)
