"""Jobs that run alone: each in a worker process of its own, which ends with it. Trainings do.

So a training shares no slot and no memory with calls, and a cancel ends it at once, whatever it is doing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from hotplate.edge.exchange import Exchange
from hotplate.jobs.call import JobCall
from hotplate.jobs.records import Fence
from hotplate.jobs.runner import Runner
from hotplate.jobs.verdict import Attempt


class Solo(Protocol):
    """A worker for one job."""

    @property
    def ready(self) -> Awaitable[bool]:
        """Whether it came to take a call."""
        ...

    def submit(self, exchange: Exchange) -> None:
        """Run the call."""
        ...

    def stop(self) -> None:
        """End the process, at once."""
        ...


StartSolo = Callable[[], Solo]


class SoloRunner(Runner):
    """At most `most` at a time; the others wait in the store."""

    def __init__(self, *parts: Any, start: StartSolo, most: int, **more: Any) -> None:
        super().__init__(*parts, **more)
        self._start_solo = start
        self._most = most
        self._solos: dict[Fence, Solo] = {}

    def _room(self) -> int:
        return self._most - len(self.running)

    def recall(self) -> None:
        """Nothing of it is sent ahead."""

    def _send(self, call: JobCall, exchange: Exchange) -> None:
        solo = self._solos[call.lease.fence] = self._start_solo()
        self._follow(self._when_ready(call, solo, exchange))

    async def _when_ready(self, call: JobCall, solo: Solo, exchange: Exchange) -> None:
        if await solo.ready:
            if not call.over:
                solo.submit(exchange)
        else:
            text = "The process for it could not be started."
            call.end(Attempt(status=500, code="worker_lost", error=text, cause="crash"))

    def ended(self, call: JobCall, attempt: Attempt) -> None:
        """The attempt is over, and so is its process."""
        super().ended(call, attempt)
        self._stop(call)

    def _late(self, call: JobCall) -> None:
        self._too_late(call)

    def _abandon(self, call: JobCall) -> None:
        call.exchange.abandoned = True
        self._stop(call)

    def _stop(self, call: JobCall) -> None:
        solo = self._solos.pop(call.lease.fence, None)
        if solo is not None:
            self._loop.call_later(0.05, solo.stop)  # its last lines are on their way
