"""Jobs that run alone: each in a worker process of its own, which ends with it. Trainings do.

So a training shares no slot and no memory with calls, and a cancel ends it at once, whatever it is doing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

from hotplate.authoring import OUTPUT_VARIABLE
from hotplate.edge.exchange import Exchange
from hotplate.jobs.artifacts import Artifacts
from hotplate.jobs.call import JobCall
from hotplate.jobs.logs import Hear
from hotplate.jobs.records import Fence
from hotplate.jobs.runner import Runner
from hotplate.jobs.verdict import Attempt


class Solo(Protocol):
    """A worker for one job."""

    @property
    def ready(self) -> Awaitable[bool]:
        """Whether it came to take a call."""
        ...

    @property
    def no_room(self) -> bool:
        """Whether it could not be started because the machine has no room for it now."""
        ...

    @property
    def trouble(self) -> str:
        """Why else it could not be started."""
        ...

    def listen(self, hear: Hear) -> None:
        """Tell of each line that it prints."""
        ...

    def submit(self, exchange: Exchange) -> None:
        """Run the call."""
        ...

    def stop(self) -> None:
        """End the process, at once."""
        ...


StartSolo = Callable[[Mapping[str, str]], Solo]
"""Start one, with these variables in its environment."""


class SoloRunner(Runner):
    """At most `most()` at a time; the others wait in the store."""

    def __init__(
        self, *parts: Any, start: StartSolo, artifacts: Artifacts, most: Callable[[], int], **more: Any
    ) -> None:
        super().__init__(*parts, **more)
        self._artifacts = artifacts
        self._start_solo = start
        self._most = most
        self._solos: dict[Fence, Solo] = {}

    def _room(self) -> int:
        return self._most() - len(self.running)

    def _nothing_else(self) -> None:
        """The autoscaler's replicas take none of these."""

    def holds_back(self, job_id: str) -> bool:
        """Each has a process of its own, and waits for nobody."""
        return False

    def recall(self) -> None:
        """Nothing of it is sent ahead."""

    def _send(self, call: JobCall, exchange: Exchange) -> None:
        if not self._endpoint.parts:  # paused since it was taken
            call.end(Attempt(status=503, cause="release"))
            return
        job_id = call.lease.id
        try:
            output = self._artifacts.make(self._name, job_id)
        except OSError as error:
            text = f"Its output folder could not be made: {error.strerror}."
            call.end(Attempt(status=500, code="storage_full", error=text, cause="failure"))
            return
        solo = self._solos[call.lease.fence] = self._start_solo({OUTPUT_VARIABLE: str(output)})
        solo.listen(lambda stream, text, _: self.hear(stream, text, job_id))
        self._follow(self._when_ready(call, solo, exchange))

    async def _when_ready(self, call: JobCall, solo: Solo, exchange: Exchange) -> None:
        if await solo.ready:
            if not call.over:
                solo.submit(exchange)
        elif solo.no_room:
            call.end(Attempt(status=503, cause="release"))
        else:
            text = f"The process for it could not be started. {self._endpoint.mask(solo.trouble)}".rstrip()
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
