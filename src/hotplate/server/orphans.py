"""Waits for processes that nobody else waits for. Only the first process of a container has to.

What a model starts and leaves behind becomes a child of that process, and would stay in its table for ever. Our own
children are waited for as soon as they end, so what has ended and is still there at the second look is such an orphan.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

LOOK_S = 5.0
PROC = Path("/proc")


async def reap(look_s: float = LOOK_S) -> None:
    """Look for them, for ever."""
    seen: set[int] = set()
    while True:
        await asyncio.sleep(look_s)
        ended = ended_children()
        for pid in ended & seen:
            try:
                os.waitpid(pid, os.WNOHANG)
            except ChildProcessError:
                pass
        seen = ended


def ended_children() -> set[int]:
    """The children of this process that have ended and that nobody has waited for."""
    found: set[int] = set()
    for tasks in (PROC / "self" / "task").glob("*/children"):
        try:
            children = tasks.read_text().split()
        except OSError:
            continue
        for pid in children:
            try:
                state = (PROC / pid / "stat").read_text().rpartition(")")[2].split()[0]
            except (OSError, IndexError):
                continue
            if state == "Z":
                found.add(int(pid))
    return found
