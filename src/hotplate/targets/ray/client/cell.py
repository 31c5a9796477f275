"""The actor that holds one replica on a node: it runs `hotplate serve --replica` and tells of its end.

Sent to the cluster by value, so it needs nothing on a node but Python and Ray. It never sees a secret but the
replica's token. A spare one (`spares.py`) has the replica's process wait before it is known what it will serve.
"""

from __future__ import annotations

import asyncio
import ctypes
import importlib
import json
import os
import signal
import subprocess
import threading
from typing import Any

import parcel

PORT_S = 60.0
"""How long a replica may take to bind its port."""
ROOM_S = 1
"""How long the cluster may take to set aside what a replica is to have, where that is free."""
SAID_BYTES = 4000
LEFT_OUT = ("RAY_", "HOTPLATE_", "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")
"""What of the actor's variables would mean something else to a replica, or is none of its business."""
DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG of prctl(2)
GPU_VARIABLES = ("CUDA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES")
THREADS = "OMP_NUM_THREADS"
NODE_LABEL = "ray.io/node-id"
WAITS = "-"
"""The record of a replica that is told on its standard input what to serve (`targets/command.py`)."""


class Cell:
    """One replica. Its methods are called by the agent."""

    def __init__(self) -> None:
        self.process: subprocess.Popen[bytes] | None = None
        self.python = ""
        self.fresh = False
        self.room: Any = None
        self.said = b""
        self.turn = asyncio.Lock()

    async def here(self) -> bool:
        """Say that it has a place."""
        return True

    async def warm(self, python: str) -> bool:
        """Have a process of this interpreter wait. False: there is none here."""
        if not os.access(python, os.X_OK):
            return False
        async with self.turn:
            await asyncio.to_thread(self._run, python, WAITS)
        return True

    async def begin(
        self, order: dict[str, Any], archive: bytes | None = None, room: dict[str, float] | None = None
    ) -> dict[str, Any]:
        """Start the replica. Gives its port and what it has; `{"need": digest}` where its files are not on this node;
        `{"full": True}` where `room`, which an actor without resources needs, is not free; or `{"failed": text}`."""
        try:
            async with self.turn:
                return await asyncio.to_thread(self._begin, order, archive, room)
        except (parcel.Failed, OSError, ValueError) as error:
            return {"failed": str(error)}

    def _begin(self, order: dict[str, Any], archive: bytes | None, room: dict[str, float] | None) -> dict[str, Any]:
        found = parcel.find(order, archive)
        if found is None:
            return {"need": order["digest"]}
        python, record = found
        here = node()
        if room and not self._reserve(room, here["id"]):
            return {"full": True}
        environment = {**order["environment"], **_threads(room or {}), "HOTPLATE_HOST": here["host"]}
        if record is None:
            self._run(python, "", environment)
        else:
            if not (self.fresh and self.python == python and self._lives()):
                self._stop()
                self._run(python, WAITS)
            self._tell({"record": record, "environment": environment})
        given = {name: os.environ[name] for name in GPU_VARIABLES if name in os.environ}
        return {"port": self._port(), "given": given, "node": here, "python": python if record is not None else ""}

    def _run(self, python: str, record: str, environment: dict[str, str] | None = None) -> None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(LEFT_OUT)}
        self.process = subprocess.Popen(
            [python, "-P", "-m", "hotplate.cli", "serve", "--replica", *([record] if record else [])],
            stdin=subprocess.PIPE if record else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**kept, **(environment or {})},
            start_new_session=True,
            preexec_fn=die_with_parent,
        )
        self.python, self.fresh, self.said = python, True, b""
        threading.Thread(target=self._listen, args=(self.process,), daemon=True).start()

    def _lives(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def _tell(self, told: dict[str, Any]) -> None:
        assert self.process is not None and self.process.stdin is not None
        self.fresh = False
        try:
            self.process.stdin.write(json.dumps(told).encode() + b"\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # it has ended, which is seen when it gives no port

    def _reserve(self, room: dict[str, float], here: str) -> bool:
        """Set resources of this node aside for as long as this actor lives, or until it rests."""
        groups: Any = importlib.import_module("ray.util.placement_group")
        group = groups.placement_group([room], strategy="STRICT_PACK", bundle_label_selector=[{NODE_LABEL: here}])
        if group.wait(ROOM_S):
            self.room = group
            return True
        groups.remove_placement_group(group)
        return False

    async def rest(self) -> None:
        """End the replica, give back what it had, and have another process wait."""
        async with self.turn:
            await asyncio.to_thread(self._rest)

    def _rest(self) -> None:
        if self.room is not None:
            room, self.room = self.room, None
            importlib.import_module("ray.util.placement_group").remove_placement_group(room)
        if self.fresh and self._lives():
            return
        self._stop()
        self._run(self.python, WAITS)

    def _stop(self) -> None:
        if self.process is not None:
            try:
                os.killpg(self.process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            self.process.wait()

    def _port(self) -> int:
        assert self.process is not None and self.process.stdout is not None
        timer = threading.Timer(PORT_S, self.process.kill)
        timer.start()
        try:
            line = self.process.stdout.readline()
        finally:
            timer.cancel()
        try:
            return json.loads(line)["port"]
        except (ValueError, KeyError, TypeError):
            self.process.kill()
            self.process.wait()
            said = self.said.decode("utf-8", "replace").strip()
            raise parcel.Failed(f"The replica ended before it listened. Its last words: {said or 'none'}") from None

    def _listen(self, process: subprocess.Popen[bytes]) -> None:
        """Keep the last that it says: its pipe must not fill, and why it could not start is asked for."""
        assert process.stderr is not None
        for line in process.stderr:
            if process is self.process:
                self.said = (self.said + line)[-SAID_BYTES:]

    async def leave(self) -> None:
        """Ask the replica to end when it has answered what it has: its server then starts another one elsewhere."""
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)

    async def ended(self) -> int:
        """Wait for the end of the replica, and give its status."""
        assert self.process is not None
        return await asyncio.to_thread(self.process.wait)


def node() -> dict[str, str]:
    """Which node this is: its address, and the beginning of its id."""
    ray: Any = importlib.import_module("ray")  # never where Hotplate itself runs

    return {"host": ray.util.get_node_ip_address(), "id": ray.get_runtime_context().get_node_id()}


def _threads(room: dict[str, float]) -> dict[str, str]:
    """Ray tells an actor's libraries to use as many threads as it has CPUs, unless somebody else has said that before
    it: to a spare actor, which has none, it has said one."""
    with open("/proc/self/environ", "rb") as file:
        begun_with = file.read()
    if room.get("CPU", 0) < 2 or f"\0{THREADS}=".encode() in b"\0" + begun_with:
        return {}
    return {THREADS: str(int(room["CPU"]))}


def die_with_parent() -> None:
    """A replica does not outlive its actor, however that ends."""
    ctypes.CDLL(None).prctl(DIE_WITH_PARENT, signal.SIGKILL)
