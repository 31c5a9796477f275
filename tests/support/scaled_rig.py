"""A real endpoint that scales, without HTTP: pool, scaler and templates over workers of a project in a folder."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from time import monotonic_ns
from typing import Any

import uvloop

from hotplate.cli.opening import open_project
from hotplate.config.resolve import resolve
from hotplate.deployment.records import Scaling
from hotplate.dialects import registry
from hotplate.edge.exchange import Exchange
from hotplate.edge.head import HeadRules, parse_head
from hotplate.scaling.decision import Decision
from hotplate.server.endpoint import Endpoint
from hotplate.server.environment import worker_environment
from hotplate.server.foreground import worker_spec
from hotplate.server.log import Log
from hotplate.server.memory import Memory
from hotplate.server.metrics import RouteMetrics
from hotplate.server.pool import Pool
from hotplate.server.process import Process, Stage, spawn
from hotplate.server.scaler import Scaler
from hotplate.server.starter import Starter
from hotplate.wire.failure import Failure

PATIENCE_S = 60.0


class Plan:
    named_id = b""
    error_key = "detail"
    meta = b""
    patience_ns = None

    def __init__(self, index: int) -> None:
        self.index = index


class Call:
    """A request and, once there is one, its answer. `ms` is how long it took."""

    def __init__(self, index: int, body: Any) -> None:
        head = parse_head(b"POST / HTTP/1.1\r\nHost: x\r\n\r\n", HeadRules())
        head.plan = Plan(index)
        self.begun = time.monotonic()
        self.ms = 0.0
        self.done: asyncio.Future[tuple[int, Any]] = asyncio.get_running_loop().create_future()
        self.exchange = Exchange(self, head, json.dumps(body).encode(), None, monotonic_ns())  # pyright: ignore

    def answer(self, exchange: Exchange, status: int, body: bytes, extra: bytes) -> None:
        self.ms = (time.monotonic() - self.begun) * 1e3
        self.done.set_result((status, json.loads(body)))

    def refused(self, exchange: Exchange, code: str, status: int, body: bytes, extra: bytes, words: str = "") -> None:
        self.answer(exchange, status, body, extra)


class Lines(Log):
    """A log whose lines the test reads."""

    def __init__(self) -> None:
        super().__init__(level="info")
        self.lines: list[str] = []

    def write(self, level: str, text: str, more: dict[str, Any]) -> None:
        self.lines.append(f"{level}: {text}")

    def output(self, worker: int, stream: str, line: str, request_id: str = "") -> None:
        self.lines.append(f"{worker} {stream}: {line}")

    def block(self, text: str) -> None:
        self.lines.append(text)

    def has(self, text: str) -> bool:
        return any(text in line for line in self.lines)


class ScaledRig:
    """One endpoint of a project."""

    def __init__(self, folder: Path, scaling: Scaling, **more: Any) -> None:
        opened = open_project([str(folder)])
        match = registry.detect(opened.project, opened.dialect)
        settings = resolve(flags={}, environ={}, file=opened.file).settings
        self.log = Lines()
        self.memory = Memory()
        self.failures: list[Failure] = []
        self.decisions: list[Decision] = []
        self.stages: list[Stage] = []
        self.endpoint = Endpoint(queue_size=None, id_prefix="r", memory=self.memory, timeout_s=60.0)

        def start(number: int, stage: Stage) -> Process:
            self.stages.append(stage)
            environment = {**os.environ, **worker_environment(opened.project, match, settings)}
            process = spawn(sys.executable, self.memory.fd, environment, stage=stage)
            process.instruct(worker_spec(opened.project, match, settings, f"r-{number}-", template=stage))
            process.socket.setblocking(False)
            return process

        self.starter = Starter(
            start,
            self.log,
            template=scaling.template,
            keep_s=scaling.keep_template_s,
            setup_timeout_s=more.pop("setup_timeout_s", 60.0),
            id_prefix="r",
            env=more.pop("env", None),
        )
        self.pool = Pool(
            self.endpoint,
            self.log,
            size=0,
            slots=None,
            setup_timeout_s=60.0,
            id_prefix="r",
            replica_header=b"",
            spawn=self.starter,
            on_contract=self._contract,
            on_failed=self.failures.append,
            on_ready=lambda: None,
            keep_trying=True,
        )
        self.scaler = Scaler(self.endpoint, self.pool, scaling, on_decision=self.decisions.append)
        self.scaler.start()

    def _contract(self) -> None:
        contract = self.endpoint.contract
        assert contract is not None
        self.endpoint.routes = [RouteMetrics(mount.path) for mount in contract.mounts if mount.call is not None]

    def index(self, name: str) -> int:
        contract = self.endpoint.contract
        assert contract is not None
        calls = [mount.call for mount in contract.mounts if mount.call is not None]
        return next(n for n, call in enumerate(calls) if contract.routes[call].name == name)

    async def call(self, body: Any, name: str = "") -> Any:
        """Call a route; give its output. Fails unless the status is 200."""
        status, answer = await self.send(body, name).done
        assert status == 200, (status, answer, self.log.lines)
        return answer["output"]

    def send(self, body: Any, name: str = "") -> Call:
        call = Call(self.index(name) if name else 0, body)
        self.endpoint.submit(call.exchange)
        return call

    async def until(self, found: Callable[[], Any], what: str) -> Any:
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            result = found()
            if result:
                return result
            await asyncio.sleep(0.005)
        raise AssertionError(f"{what} did not happen: {self.pool.counts()} {self.log.lines[-30:]}")

    async def zero(self) -> None:
        """Let all workers end."""
        self.pool.resize(0)
        await self.until(lambda: not self.pool.workers, "no worker")

    async def close(self) -> None:
        self.scaler.stop()
        self.starter.stop()
        await self.pool.stop(5.0)
        await asyncio.sleep(0.05)  # what the kernel has still to tell
        self.memory.close()


def run(scenario: Callable[..., Coroutine[Any, Any, None]], folder: Path, scaling: Scaling, **more: Any) -> None:
    """Run a scenario with a rig."""

    async def main() -> None:
        rig = ScaledRig(folder, scaling, **more)
        try:
            await asyncio.wait_for(scenario(rig), PATIENCE_S)
        finally:
            await rig.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
