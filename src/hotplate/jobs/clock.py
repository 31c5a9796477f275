"""The clock of a store's timers: retries, deadlines, retention. It never jumps while the machine is up.

It is the time since boot (suspended time included) plus an offset that the first process of this boot wrote into the
database, so that all processes of a machine agree and a change of the wall clock moves nothing.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Protocol

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class Clock(Protocol):
    """Milliseconds since 1970 that only ever go forward."""

    def now_ms(self) -> int:
        """Give the time."""
        ...


class SteadyClock:
    """The machine's time since boot, plus an offset."""

    def __init__(self, offset_ms: int) -> None:
        self._offset_ms = offset_ms

    def now_ms(self) -> int:
        """Give the time."""
        return since_boot_ms() + self._offset_ms


def since_boot_ms() -> int:
    """Milliseconds since the machine started; where the system does not tell, since some fixed moment."""
    clock = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    return time.clock_gettime_ns(clock) // 1_000_000


def boot_id() -> str:
    """A name for the time since the machine started. Empty where the system has none: then no offset is shared."""
    try:
        return BOOT_ID.read_text().strip()
    except OSError:
        return ""


def fresh_offset_ms() -> int:
    """The offset at which the clock shows the wall clock's time now."""
    return time.time_ns() // 1_000_000 - since_boot_ms()
