"""How long a new worker takes until it answers, in parts, by the way it was started."""

from __future__ import annotations

from time import monotonic_ns
from typing import TYPE_CHECKING

from hotplate.server.metrics import SECONDS, Histogram

if TYPE_CHECKING:
    from hotplate.server.replica import Replica

PARTS = ("queue", "spawn", "import", "setup", "first_answer", "total")
NAME = "hotplate_cold_start_seconds"
TEXT = (
    "Starts of workers. queue: from a request to the decision; spawn: to a process that can import; import; setup; "
    "first_answer: from running to the answer; total: from the request to its answer, where one waited for the start."
)


class ColdStarts:
    """Histograms by level and part. The times are the worker's own where it tells them: one clock serves both."""

    def __init__(self) -> None:
        self.times: dict[tuple[str, str], Histogram] = {}

    def started(self, worker: Replica) -> None:
        """A worker runs, and perhaps has been given calls already."""
        marks = worker.marks
        launched = marks.get("LAUNCH_PREDICT_LOOP", worker.asked_ns)
        loaded = marks.get("SETUP_SERVICE", launched)
        self._observe(worker, "spawn", launched - worker.asked_ns)
        self._observe(worker, "import", loaded - launched)
        self._observe(worker, "setup", marks["RUNNING"] - loaded)

    def answered(self, worker: Replica) -> bool:
        """Whether a worker has answered its first call, which had waited for it; then the times are noted."""
        first = worker.first
        if first is None or (first.call_id in worker.link.pending and not first.streaming):
            return first is None
        now = monotonic_ns()
        if not first.abandoned and first.received_ns < worker.marks["RUNNING"]:
            self._observe(worker, "queue", max(0, worker.asked_ns - first.received_ns))
            self._observe(worker, "first_answer", now - worker.marks["RUNNING"])
            self._observe(worker, "total", now - first.received_ns)
        worker.first = None
        return True

    def _observe(self, worker: Replica, part: str, ns: int) -> None:
        key = (worker.process.level, part)
        times = self.times.get(key)
        if times is None:
            times = self.times[key] = Histogram(SECONDS)
        times.observe(max(0, ns) / 1e9)
