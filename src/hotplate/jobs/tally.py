"""What is counted of jobs, for /metrics, and said in the log."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from hotplate.jobs.records import Depth


class Tally:
    """Counts since the start of this server. `warn` writes a line of the log."""

    def __init__(self, warn: Callable[[str], None]) -> None:
        self._warn = warn
        self.took: Callable[[float], object] = _uncounted
        """Told how many seconds each attempt took."""
        self.attempts = 0
        self.submitted = 0
        self.endings: Counter[str] = Counter()
        self.setbacks: Counter[str] = Counter()
        self.webhooks: Counter[str] = Counter()
        self.stale = 0
        self.depth = Depth(0, 0, None, 0)

    def started(self) -> None:
        """An attempt began."""
        self.attempts += 1

    def ended(self, state: str) -> None:
        """A job ended."""
        self.endings[state] += 1

    def set_back(self, cause: str) -> None:
        """A job waits for another attempt."""
        self.setbacks[cause] += 1

    def refused(self, job_id: str) -> None:
        """A write with a stale fence was refused: somebody else has the job, or it was cancelled."""
        self.stale += 1

    def trouble(self, text: str) -> None:
        """Something that an operator should read."""
        self._warn(text)


def _uncounted(seconds: float) -> None:
    """Until somebody counts."""
