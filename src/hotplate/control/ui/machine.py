"""How busy this machine is: processors, memory, disk, GPUs. Read from /proc; what is not there is not shown."""

from __future__ import annotations

import os
import shutil
from collections import deque
from dataclasses import dataclass
from pathlib import Path

from hotplate.control.ui.gpu_use import Gpus
from hotplate.control.ui.history import KEPT_S, MAX_POINTS

STAT = Path("/proc/stat")
MEMORY = Path("/proc/meminfo")


@dataclass(frozen=True, slots=True)
class Load:
    """At a moment: the busy share of all processors, and bytes."""

    at: float
    busy: float
    memory_used: int
    memory_total: int


class Machine:
    """What was seen of it, the oldest first."""

    def __init__(self) -> None:
        self.loads: deque[Load] = deque(maxlen=MAX_POINTS)
        self.gpus = Gpus()
        self._last: tuple[int, int] | None = None

    def look(self, at: float) -> None:
        """Look once."""
        now, before = read_ticks(), self._last
        self._last = now
        used, total = read_memory()
        if now is None:
            return
        busy = 0.0
        if before is not None and now[1] > before[1]:
            busy = (now[0] - before[0]) / (now[1] - before[1])
        self.loads.append(Load(at, max(0.0, min(1.0, busy)), used, total))
        while self.loads[0].at < at - KEPT_S:
            self.loads.popleft()


def read_ticks(path: Path = STAT) -> tuple[int, int] | None:
    """Busy and all ticks of all processors since the start (proc(5))."""
    try:
        ticks = [int(word) for word in path.read_text().split("\n", 1)[0].split()[1:9]]
    except (OSError, ValueError):
        return None
    idle = sum(ticks[3:5])
    return sum(ticks) - idle, sum(ticks)


def read_memory(path: Path = MEMORY) -> tuple[int, int]:
    """Used and all bytes; zeros where nobody says."""
    try:
        lines = dict(line.split(":", 1) for line in path.read_text().splitlines() if ":" in line)
        total, free = (int(lines[name].split()[0]) * 1024 for name in ("MemTotal", "MemAvailable"))
    except (OSError, ValueError, KeyError):
        return 0, 0
    return total - free, total


def read_disk(path: Path) -> tuple[int, int]:
    """Used and all bytes of the disk that a path lies on."""
    usage = shutil.disk_usage(path)
    return usage.used, usage.total


def processors() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
