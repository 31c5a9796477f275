"""A worker process for one job: started for it, with a queue of its own, and ended with it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from hotplate.edge.exchange import Exchange
from hotplate.server.endpoint import Endpoint
from hotplate.server.log import Log
from hotplate.server.memory import Memory
from hotplate.server.metrics import RouteMetrics
from hotplate.server.pool import Pool
from hotplate.wire.failure import Failure

if TYPE_CHECKING:
    from hotplate.server.links import AnyProcess


class SoloWorker:
    """See `hotplate.jobs.solo.Solo`. It is never replaced: whoever started it decides what follows its death."""

    def __init__(
        self,
        log: Log,
        spawn: Callable[[int], AnyProcess | Awaitable[AnyProcess]],
        *,
        memory: Memory,
        setup_timeout_s: float,
        id_prefix: str,
    ) -> None:
        loop = asyncio.get_running_loop()
        self.ready: asyncio.Future[bool] = loop.create_future()
        self.no_room = False
        self.trouble = ""
        self._log = log
        self._endpoint = Endpoint(queue_size=1, id_prefix=id_prefix, memory=memory)
        self._pool = Pool(
            self._endpoint,
            log,
            size=1,
            slots=1,
            setup_timeout_s=setup_timeout_s,
            id_prefix=id_prefix,
            replica_header=b"",
            spawn=spawn,
            on_contract=self._contract,
            on_failed=self._failed,
            on_ready=self._is_ready,
        )
        self._starting = loop.create_task(self._start())

    def listen(self, hear: Callable[[str, str, str], None]) -> None:
        """Tell of each line that the process prints."""
        self._pool.hear = hear

    def submit(self, exchange: Exchange) -> None:
        """Run the call."""
        self._endpoint.submit(exchange)

    def stop(self) -> None:
        """End the process, or make none."""
        self._pool.call_off()
        for worker in self._pool.workers:
            worker.process.kill()
        self._settle(ready=False)

    async def end(self) -> None:
        """End the process, and wait until nothing is left of it."""
        self.stop()
        await self._pool.stop(0)

    async def _start(self) -> None:
        if await self._pool.start() is None:
            self.no_room = not self.ready.done()
            self._pool.stopping = True
            self._settle(ready=False)

    def _contract(self) -> None:
        contract = self._endpoint.contract
        assert contract is not None
        self._endpoint.routes = [RouteMetrics(mount.path) for mount in contract.mounts if mount.call is not None]

    def _failed(self, failure: Failure) -> None:
        self.trouble = failure.message
        self._log.block(failure.text())
        self._settle(ready=False)

    def _is_ready(self) -> None:
        self._settle(ready=True)

    def _settle(self, *, ready: bool) -> None:
        if not self.ready.done():
            self.ready.set_result(ready)
