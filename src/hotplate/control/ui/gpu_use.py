"""How busy the GPUs of this machine are, in the words of NVIDIA's own command (`nvidia-smi --help-query-gpu`).

It is asked only while somebody looks at the machine's page, and no more often than every two seconds.
"""

from __future__ import annotations

import csv
import shutil
import subprocess
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock

from hotplate.control.ui.history import KEPT_S, MAX_POINTS

COMMAND = "nvidia-smi"
FIELDS = ("index", "uuid", "name", "utilization.gpu", "memory.used", "memory.total", "temperature.gpu", "power.draw")
ANSWER_S = 10.0
APART_S = 2.0
MIB = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuUse:
    """One GPU at a moment. None: the driver does not tell it of this GPU."""

    number: int
    uuid: str
    name: str
    busy: float | None
    memory_used: int | None
    memory_total: int | None
    celsius: float | None
    watts: float | None


class Gpus:
    """What was seen of them, the oldest first."""

    def __init__(self) -> None:
        self.seen: deque[tuple[float, tuple[GpuUse, ...]]] = deque(maxlen=MAX_POINTS)
        self._lock = Lock()
        self._looked_at = float("-inf")

    def look(self) -> tuple[GpuUse, ...]:
        """The GPUs now; none where there is no such command, or it does not answer."""
        with self._lock:
            if time.monotonic() - self._looked_at >= APART_S:
                found = read_use()
                self._looked_at = time.monotonic()
                if found or self.seen:
                    self.seen.append((time.time(), found))
                while self.seen and self.seen[0][0] < time.time() - KEPT_S:
                    self.seen.popleft()
            return self.seen[-1][1] if self.seen else ()

    def points(self) -> list[tuple[float, tuple[GpuUse, ...]]]:
        """A copy of what was seen."""
        return list(self.seen)


def read_use() -> tuple[GpuUse, ...]:
    """Ask the command."""
    command = shutil.which(COMMAND)
    if command is None:
        return ()
    try:
        done = subprocess.run(
            [command, f"--query-gpu={','.join(FIELDS)}", "--format=csv,noheader,nounits"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=ANSWER_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ()
    return parse(done.stdout) if done.returncode == 0 else ()


def parse(text: str) -> tuple[GpuUse, ...]:
    """The GPUs in what the command prints. A line that is none is passed over."""
    rows = csv.reader(text.splitlines(), skipinitialspace=True)
    return tuple(found for row in rows if (found := _gpu(row)) is not None)


def _gpu(row: Sequence[str]) -> GpuUse | None:
    if len(row) != len(FIELDS) or not row[0].strip().isdigit():
        return None
    number, uuid, name, *figures = (each.strip() for each in row)
    busy, used, total, celsius, watts = (_number(each) for each in figures)
    return GpuUse(
        number=int(number),
        uuid=uuid,
        name=name,
        busy=None if busy is None else busy / 100,
        memory_used=None if used is None else int(used * MIB),
        memory_total=None if total is None else int(total * MIB),
        celsius=celsius,
        watts=watts,
    )


def _number(text: str) -> float | None:
    """`[N/A]` and `[Not Supported]` are no numbers."""
    try:
        return float(text)
    except ValueError:
        return None
