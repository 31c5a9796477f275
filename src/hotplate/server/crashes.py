"""How soon a worker that died is replaced: at once after the first death, later and later while they go on."""

from __future__ import annotations

from collections import deque

BACKOFF_FIRST_S = 0.5
BACKOFF_MOST_S = 30.0
CRASHES = 5
CRASH_WINDOW_S = 60.0


class Crashes:
    """The deaths of an endpoint's workers that are recent enough to matter. Times are the loop's."""

    def __init__(self) -> None:
        self._times: deque[float] = deque(maxlen=CRASHES)

    def note(self, now: float) -> None:
        """Count one death."""
        self._times.append(now)

    def looping(self, now: float) -> bool:
        """Whether workers die so often that the endpoint is to be called down."""
        return len(self._times) == CRASHES and now - self._times[0] < CRASH_WINDOW_S

    def delay_s(self, now: float) -> float:
        """How long to wait before the next try."""
        if self.looping(now):
            return BACKOFF_MOST_S / 3
        recent = sum(1 for time in self._times if now - time < CRASH_WINDOW_S)
        return 0.0 if recent <= 1 else min(BACKOFF_MOST_S, BACKOFF_FIRST_S * 2 ** (recent - 2))
