"""The life of a server process: its loop, what ends it, and how it ends. `hotplate run` and `hotplate up` share it.

What SIGTERM does, in order: not ready; go on accepting for `drain_delay_s`; stop accepting; finish what is under
way, at most until `grace_s` after the signal, whatever clients do; end the workers; exit 0. A second signal ends
the waiting. SIGINT does the same, and SIGHUP (its terminal is gone) where it is not ignored, as by nohup.
"""

from __future__ import annotations

import asyncio
import faulthandler
import signal
import traceback
from collections.abc import Awaitable, Callable, Coroutine
from time import monotonic
from typing import TYPE_CHECKING, Any

import uvloop

from hotplate.config.resolve import is_loopback
from hotplate.edge.edge import Edge
from hotplate.edge.exchange import EdgeLimits
from hotplate.edge.head import LOOPBACK_HOSTS, HeadRules
from hotplate.server.log import Log
from hotplate.server.preflight import headers
from hotplate.wire.frames import INLINE_BYTES

if TYPE_CHECKING:
    from hotplate.config.settings import Settings
    from hotplate.server.job_keeping import JobKeeping


def run_loop(main: Coroutine[Any, Any, int]) -> int:
    """Run a server's main coroutine on a loop of its own. Gives the exit status."""
    faulthandler.enable()  # whatever ends a server, its log says so
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main)


class Life:
    """What ends a server, and its drain. Made on the loop."""

    def __init__(self, settings: Settings, log: Log) -> None:
        self.settings = settings
        self.log = log
        self.stop = asyncio.Event()
        self.signals = 0
        self.signal = 0
        self._hurry = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._loop.set_exception_handler(self._failed)
        hang_up = () if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN else (signal.SIGHUP,)
        for number in (signal.SIGTERM, signal.SIGINT, *hang_up):
            self._loop.add_signal_handler(number, self._signalled, number)

    def _signalled(self, number: int) -> None:
        self.signals += 1
        self.signal = self.signal or number
        self.stop.set()
        if self.signals > 1:
            self._hurry.set()

    def _failed(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """What the loop could not give to anybody: a peer that went while we wrote, or a defect of ours."""
        error = context.get("exception")
        if isinstance(error, ConnectionError):
            self.log.debug(f"{context.get('message')}: {error}")
            return
        self.log.error(f"internal error: {context.get('message')}")
        if error is not None:
            self.log.block("".join(traceback.format_exception(error)))

    async def drain(
        self,
        edge: Edge,
        fail_waiting: Callable[[], None],
        stop_workers: Callable[[float], Awaitable[None]],
        jobs: JobKeeping | None = None,
    ) -> None:
        """Finish what is under way, within the grace period; then end the workers and cut what is left.

        `fail_waiting` refuses what waits for a worker; `stop_workers(seconds)` gives them so long to end.
        Of `jobs`, those that still run are given back.
        """
        end = monotonic() + self.settings.grace_s
        if self.settings.drain_delay_s and self.signals:
            await self._unless_hurried(self.settings.drain_delay_s)
        if jobs is not None:
            jobs.pause()
        edge.drain()
        while monotonic() < end and not self._hurry.is_set() and busy(edge, jobs):
            await self._unless_hurried(0.02)
        fail_waiting()
        await asyncio.sleep(0)
        if jobs is not None:
            await jobs.close()
        left = 0.2 if self._hurry.is_set() else max(0.2, end - monotonic())
        await stop_workers(left if not busy(edge, jobs) else 0.2)
        edge.close()

    async def _unless_hurried(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._hurry.wait(), seconds)
        except TimeoutError:
            pass


def busy(edge: Edge, jobs: JobKeeping | None = None) -> bool:
    """Whether an answer is still owed, or a job runs."""
    return (jobs is not None and jobs.busy) or edge.owes


def edge_limits(settings: Settings, names: frozenset[str] = frozenset()) -> EdgeLimits:
    """The edge's limits, from the settings. `names` are hosts besides this machine's own that it answers to."""
    hosts = None
    if settings.allowed_hosts:
        hosts = LOOPBACK_HOSTS | names | frozenset(host.lower() for host in settings.allowed_hosts)
    elif is_loopback(settings.host):
        hosts = LOOPBACK_HOSTS | names
    return EdgeLimits(
        max_header_bytes=settings.max_header_bytes,
        # What comes whole with its head is not measured again, so it is no larger than any limit.
        inline_bytes=min(INLINE_BYTES, settings.max_body_bytes, settings.max_upload_bytes),
        first_byte_timeout_s=settings.first_byte_timeout_s,
        header_timeout_s=settings.header_timeout_s,
        body_idle_timeout_s=settings.body_idle_timeout_s,
        body_min_rate_bytes_s=settings.body_min_rate_bytes_s,
        keep_alive_s=settings.keep_alive_s,
        write_stall_timeout_s=settings.write_stall_timeout_s,
        max_connections=settings.max_connections,
        max_connections_per_ip=settings.max_connections_per_ip,
        headers=headers(settings.allow_origin),
        rules=HeadRules(max_headers=settings.max_headers, max_uri_bytes=settings.max_uri_bytes, hosts=hosts),
    )
