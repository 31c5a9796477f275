"""Keeps a pool at the size that its endpoint's policy wants: samples, decides, resizes.

It looks ten times a second while there is anything to look at. An endpoint without workers and calls costs nothing: the
first request wakes it, and the worker is asked for in that same turn of the loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import time
from typing import TYPE_CHECKING

from msgspec import structs

from hotplate.scaling.decision import Decision, replicas
from hotplate.scaling.history import History, Saved
from hotplate.scaling.policy import bounded, initial, step
from hotplate.scaling.recorder import Recorder
from hotplate.scaling.replay import Trace

if TYPE_CHECKING:
    from hotplate.deployment.records import Scaling
    from hotplate.server.endpoint import Endpoint
    from hotplate.server.pool import Pool

SAMPLE_S = 0.1


class Scaler:
    """The autoscaler of one endpoint's pool.

    `on_decision` is given each decision that changes anything, with Unix time. `saved` is what `state` of an earlier
    process gave: the size is taken over and nothing starts or ends because of the restart.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        pool: Pool,
        settings: Scaling,
        *,
        on_decision: Callable[[Decision], None],
        saved: Saved | None = None,
    ) -> None:
        self.settings = settings
        self._endpoint = endpoint
        self._pool = pool
        self._on_decision = on_decision
        self._saved = saved
        self._loop = asyncio.get_running_loop()
        self._history = History(self._loop.time(), settings.window_s)
        self._recorder = Recorder()
        self._timer: asyncio.TimerHandle | None = None
        self._stopped = False

    def start(self) -> None:
        """Begin: with the size of the process before this one, or with the initial one."""
        now = self._loop.time()
        saved, settings = self._saved, self.settings
        if saved is not None:
            self._history.restore(now, saved)
        size = initial(settings) if saved is None else bounded(saved.size, settings)
        reason = f"{replicas(size)} at first" if saved is None else f"{replicas(size)} before the restart"
        self._endpoint.on_held = self.wake
        self._apply(
            Decision(at=now, policy=settings.policy, before=self._pool.size, after=size, reason=reason, inputs={})
        )
        self._look()

    def wake(self) -> None:
        """A request found no worker: have one started now, not at the next look."""
        if self._pool.size == 0 and not self._stopped:
            self._look()

    def configure(self, settings: Scaling) -> None:
        """Go on with other settings."""
        self.settings = settings
        self._history.use_window(settings.window_s)
        if not self._stopped:
            self._look()

    def stop(self) -> None:
        """Decide nothing any more. The pool stays as it is."""
        self._stopped = True
        self._endpoint.on_held = None
        if self._timer is not None:
            self._timer.cancel()

    def state(self) -> Saved:
        """What to give to the next process."""
        return self._history.save(self._loop.time(), self._pool.size)

    def trace(self) -> Trace:
        """What was seen since this process began, for `hotplate scale replay`."""
        samples = tuple(self._recorder.samples(SAMPLE_S))
        return Trace(settings=self.settings, concurrency=self._pool.capacity, samples=samples)

    def _look(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        endpoint, pool, settings = self._endpoint, self._pool, self.settings
        running, queued = endpoint.in_progress, endpoint.waiting + endpoint.backlog
        try:
            concurrency = settings.concurrency or pool.capacity
            now = self._loop.time()
            self._recorder.note(now, running, queued)
            self._apply(step(self._history, running, queued, pool.size, settings, concurrency, now))
        finally:  # an error of ours goes to the loop's handler, and the next look is taken all the same
            if not self._stopped and (pool.size or running or queued):
                self._timer = self._loop.call_later(SAMPLE_S, self._look)

    def _apply(self, decision: Decision) -> None:
        if decision.changed:
            self._pool.resize(decision.after)
            self._on_decision(structs.replace(decision, at=time()))
