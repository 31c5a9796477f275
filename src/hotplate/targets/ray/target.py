"""The target `ray` as the server sees it: cells are actors of a Ray cluster, and calls go straight to them.

Ray finds the node, counts what it has, and tells when an actor is gone; how many there are to be stays with the
server, which also starts another one in the place of one that is lost. So actors are never restarted by Ray.
"""

from __future__ import annotations

import asyncio
import hashlib
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections import defaultdict
from collections.abc import Mapping
from math import inf
from pathlib import Path
from time import monotonic
from typing import Any

import msgspec

from hotplate.deployment.attachment import PACKAGE
from hotplate.errors import TargetRefused, TargetUnavailable
from hotplate.targets.base import Cell, Lost, StartRequest, Surroundings
from hotplate.targets.command import record_of, replica_variables
from hotplate.targets.ray.agent_process import AgentProcess
from hotplate.targets.ray.wishes import options_of, runtime_env, strategy_of

MEMORY_S = 60.0
"""How long after its last replica there an endpoint is told that a node is gone: replicas are missed first."""
MACHINE = Path("/etc/machine-id")


class Ray:
    """See `base.Target`."""

    kind = "ray"

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self._cells: dict[str, StartRequest] = {}
        self._actors: dict[str, str] = {}
        self._nodes: dict[str, str] = {}
        self._lost: dict[str, Lost] = {}
        self._gone: dict[str, tuple[str, bool]] = {}
        self._been: defaultdict[str, dict[str, float]] = defaultdict(dict)
        """Nodes, and the endpoints that have had replicas there: until when."""
        self._ending: set[asyncio.Task[None]] = set()
        self._packing: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        address = str(around.options.get("ray_address") or "auto")
        python = str(around.options.get("ray_python") or sys.executable)
        self._agent = AgentProcess(
            python,
            address,
            _namespace(around),
            self._hear,
            lambda: {name: (self._actors.get(name, name), self._nodes.get(name, "")) for name in self._cells},
            around.warn,
            spares=int(str(around.options.get("ray_spares") or 0)),
            grows=bool(around.options.get("ray_grows")),
        )

    async def check(self, request: StartRequest) -> None:
        """See whether the cluster answers, and whether a node of it has what is asked for."""
        await self._agent.ask("check", **_wanted(request, self._wishes(request)))

    async def start(self, request: StartRequest) -> Cell:
        """Start an actor, and in it the replica."""
        wishes = self._wishes(request)
        told: dict[str, Any] = {
            "name": request.name,
            **_wanted(request, wishes),
            "order": _order(request, wishes),
            "timeout_s": float(str(wishes.get("ray_start_timeout_s") or 300)),
        }
        self._cells[request.name] = request
        try:
            answer = await self._agent.ask("start", **told)
            if "need" in answer:
                answer = await self._agent.ask("start", **told, archive=str(await self._archive(request)))
        except BaseException:
            self._cells.pop(request.name, None)
            self._dispose(request.name)
            raise
        node = answer["node"]
        where = f"node {node['id'][:8]} ({node['host']})"
        self._actors[request.name] = answer["actor"]
        self._nodes[request.name] = node["id"]
        self._been[node["id"]][request.endpoint] = inf
        return Cell(
            name=request.name,
            host=node["host"],
            port=answer["port"],
            where=where,
            given=answer["given"],
            ref=answer["actor"],
        )

    def watch(self, cell: Cell, lost: Lost) -> None:
        """Be told by the agent."""
        self._lost[cell.name] = lost
        if (gone := self._gone.pop(cell.name, None)) is not None:
            asyncio.get_running_loop().call_soon(lambda: lost(gone[0], own=gone[1]))

    async def end(self, cell: Cell) -> None:
        """Kill the actor."""
        self._left(cell.name)
        self._lost.pop(cell.name, None)
        await self._agent.ask("end", name=cell.name, actor=cell.ref)

    async def clear(self) -> None:
        """End the actors of a server before this one."""
        for name in await self._agent.ask("clear", keep=[self._actors.get(name, name) for name in self._cells]):
            self._around.warn(f"Ended the actor {name}, which a server that is gone has left")

    async def close(self) -> None:
        """End the agent."""
        await self._agent.close()

    def _wishes(self, request: StartRequest) -> Mapping[str, object]:
        return {**self._around.options, **request.options}

    def _dispose(self, name: str) -> None:
        """End what may have come to be, while whoever wanted it goes on."""

        async def end() -> None:
            try:
                await self._agent.ask("end", name=name)
            except (TargetRefused, TargetUnavailable):
                pass  # then it could not be started either

        task = asyncio.get_running_loop().create_task(end())
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    def _hear(self, said: dict[str, Any]) -> None:
        """What the agent tells by itself."""
        match said.get("event"):
            case "lost":
                self._left(said["name"])
                if (lost := self._lost.pop(said["name"], None)) is not None:
                    lost(said["text"], own=said["own"])
                else:
                    self._gone[said["name"]] = said["text"], said["own"]
            case "note":
                if (request := self._cells.get(said["name"])) is not None:
                    self._around.note(request.endpoint, said["kind"], said["text"])
            case "node_lost":
                for endpoint, until in self._been.pop(said["node"], {}).items():
                    if until > monotonic():
                        text = (
                            f"The node {said['node'][:8]} of the Ray cluster is gone, and with it the replicas on it."
                        )
                        self._around.note(endpoint, "node_lost", text)
            case "node_leaves":
                where = f"The node {said['node'][:8]} of the Ray cluster"
                for endpoint in {
                    self._cells[name].endpoint for name, node in self._nodes.items() if node == said["node"]
                }:
                    text = f"{where} will go: its replicas finish what they have, and others are started elsewhere."
                    self._around.note(endpoint, "node_leaves", text)
            case _:
                pass

    def _left(self, name: str) -> None:
        """A cell is gone. That its node is, may only be known later."""
        request, node = self._cells.pop(name, None), self._nodes.pop(name, "")
        self._actors.pop(name, None)
        if request is not None and node:
            live = any(
                self._nodes.get(each) == node for each, one in self._cells.items() if one.endpoint == request.endpoint
            )
            self._been[node][request.endpoint] = inf if live else monotonic() + MEMORY_S

    async def _archive(self, request: StartRequest) -> Path:
        """The revision as one file for nodes that do not see our files. Made once."""
        digest = request.revision.digest
        path = self._around.home.images / "parcels" / f"{digest}.tar.gz"
        async with self._packing[digest]:
            if not path.is_file():
                await _pack(digest, path)
        return path


async def _pack(digest: str, path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "hotplate.images.parcel", digest, str(path)),
        stdin=DEVNULL,
        stdout=PIPE,
    )
    try:
        said = (await process.communicate())[0]
    except BaseException:
        if process.returncode is None:
            process.kill()
            await process.wait()
        raise
    if process.returncode:
        raise TargetRefused(said.decode("utf-8", "replace").strip() or "The revision cannot be packed for Ray's nodes.")


def _wanted(request: StartRequest, wishes: Mapping[str, object]) -> dict[str, Any]:
    """What of the cluster it needs."""
    return {
        "options": options_of(request.hardware, wishes),
        "grows": bool(wishes.get("ray_grows")),
        "strategy": strategy_of(wishes),
    }


def _order(request: StartRequest, wishes: Mapping[str, object]) -> dict[str, Any]:
    """What the actor is told."""
    return {
        "digest": request.revision.digest,
        "image": "image_uri" in runtime_env(wishes),
        "files": str(wishes.get("ray_files") or "auto"),
        "cache": str(wishes.get("ray_cache") or "~/.cache/hotplate"),
        "python": sys.executable,
        "hotplate": str(PACKAGE),
        "record": msgspec.json.decode(record_of(request.revision)),
        "environment": {**request.environment, **replica_variables(request.token, host="")},
    }


def _namespace(around: Surroundings) -> str:
    """The actors of one installation are apart from those of another."""
    try:
        machine = MACHINE.read_text("ascii").strip()
    except OSError:
        machine = ""
    return f"hotplate-{hashlib.sha256(f'{machine}:{around.home.root}'.encode()).hexdigest()[:16]}"
