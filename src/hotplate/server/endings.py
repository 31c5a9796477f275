"""What becomes of a worker that ends: of its calls, what is said of it, and when another takes its place.

A worker that dies before it ever ran ends the start with the author's own words. One that dies later is replaced
with backoff; five deaths in a minute make the endpoint say why it is down, and the tries go on more slowly.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from hotplate.server.crashes import CRASHES, Crashes
from hotplate.server.replica import DOING, Replica, fail_calls
from hotplate.wire.failure import Failure

if TYPE_CHECKING:
    from hotplate.server.pool import Pool


class Endings:
    """How the workers of a pool end. Of `on_failed` and `keep_trying` see Pool."""

    def __init__(self, pool: Pool, on_failed: Callable[[Failure], None], *, keep_trying: bool) -> None:
        self._pool = pool
        self._endpoint = pool.endpoint
        self._log = pool.log
        self._on_failed = on_failed
        self._keep_trying = keep_trying
        self._crashes = Crashes()
        self._retry: asyncio.TimerHandle | None = None

    @property
    def pausing(self) -> bool:
        """Whether nothing is started now, because workers died."""
        return self._retry is not None

    def call_off(self) -> bool:
        """End the pause, without a start at its end. Gives whether there was one."""
        if self._retry is None:
            return False
        self._retry.cancel()
        self._retry = None
        return True

    def not_started(self) -> None:
        """The system gave no process: try again later."""
        self._crashes.note(asyncio.get_running_loop().time())
        self._replace_later()

    def settle(self, worker: Replica, status: int) -> None:
        """A worker has ended, and all that it sent has been read."""
        worker.output.close()  # what it said last goes with the calls that it lost
        last_output = f"{worker.output.tail()}\n(the worker {worker.process.describe_exit(status)})".lstrip()
        lost = fail_calls(self._endpoint, worker.link, last_output)
        worker.close()
        if worker.stopping or self._pool.stopping:
            return
        self._died(worker, status, lost)

    def _died(self, worker: Replica, status: int, lost: int) -> None:
        how = worker.process.describe_exit(status)
        ran = worker.state == "RUNNING"
        if not ran and not self._pool.ever_ready and not self._endpoint.links:
            self.unborn(worker.failure or Failure(f"The worker {how} {DOING[worker.state]}."))
            return
        text = f"worker {worker.number} {how}" + (f" while it ran {lost} call{'s' * (lost != 1)}" if lost else "")
        if worker.process.lost and ran:
            self._log.error(text, worker=worker.number, kind="lost")
            self._endpoint.losses += 1
            self._replace_later()
            return
        self._log.error(text, worker=worker.number, last_output=worker.output.tail())
        if worker.failure:
            self._log.block(worker.failure.text())
        self._endpoint.restarts += 1
        self._note_crash(f"it {how}")

    def unborn(self, failure: Failure) -> None:
        """A worker failed before any ran."""
        if self._pool.stopping:
            return
        if not self._keep_trying:
            self._pool.stopping = True
            self._on_failed(failure)
            return
        self._on_failed(failure)
        self._note_crash(f"it failed to start ({failure.message})")

    def _note_crash(self, how: str) -> None:
        if self._pool.stopping:
            return
        now = asyncio.get_running_loop().time()
        self._crashes.note(now)
        if not self._endpoint.links and self._pool.counts().live == 0 and self._crashes.looping(now):
            self._endpoint.trouble = f"The worker keeps dying: {CRASHES} times within a minute. The last time {how}."
            self._endpoint.state = "CRASH_LOOPING"
            self._endpoint.fail_waiting("unavailable", self._endpoint.trouble)
        self._replace_later()

    def _replace_later(self) -> None:
        loop = asyncio.get_running_loop()

        def again() -> None:
            self._retry = None
            self._pool.fill()

        if self._retry is None:
            self._retry = loop.call_later(self._crashes.delay_s(loop.time()), again)
