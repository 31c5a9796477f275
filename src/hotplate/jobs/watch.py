"""Finds leases whose holder is gone: their beat has stood still for longer than a lease, by this process's own clock.

No time is compared with another machine's, and none with the wall clock: a server that was stopped for an hour sees
nothing but beats that it has not looked at yet, and starts to measure them when it looks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from hotplate.jobs.records import Fence, Held


class Watch:
    """`lease_s` is how long a beat may stand still. `alive(owner)` says False of an owner that is surely gone."""

    def __init__(self, lease_s: float, alive: Callable[[str], bool]) -> None:
        self._lease_s = lease_s
        self._alive = alive
        self._seen: dict[Fence, tuple[int, float]] = {}
        self._looked: float | None = None

    def stale(self, held: Iterable[Held], now: float) -> list[Held]:
        """Give the leases that are over. `now` is monotonic seconds.

        A look that comes much later than the one before saw nothing of what happened between them (this process was
        stopped, or the machine slept): it starts to measure anew.
        """
        if self._looked is not None and now - self._looked > self._lease_s / 2:
            self._seen.clear()
        self._looked = now
        found: list[Held] = []
        seen: dict[Fence, tuple[int, float]] = {}
        verdicts: dict[str, bool] = {}
        for one in held:
            beat, since = self._seen.get(one.fence, (one.beat, now))
            if beat != one.beat:
                since = now
            seen[one.fence] = (one.beat, since)
            if one.owner not in verdicts:
                verdicts[one.owner] = self._alive(one.owner)
            if not verdicts[one.owner] or now - since >= self._lease_s:
                found.append(one)
        self._seen = seen
        return found
