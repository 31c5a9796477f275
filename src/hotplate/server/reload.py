"""`--reload`: look at the project's files twice a second; when one changed, replace the workers."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

from hotplate.server.log import Log

INTERVAL_S = 0.5
IGNORED = frozenset((".git", ".venv", "venv", "__pycache__", "node_modules", ".cache"))
ENDINGS = (".py", ".yaml", ".yml", ".json", ".toml", ".txt")


async def watch(root: Path, log: Log, changed: Callable[[], Awaitable[None]]) -> None:
    """Call `changed` after each change below `root`, until cancelled."""
    seen = snapshot(root)
    while True:
        await asyncio.sleep(INTERVAL_S)
        now = snapshot(root)
        if now != seen:
            names = sorted(path for path in now.keys() | seen.keys() if now.get(path) != seen.get(path))
            seen = now
            log.info(f"{names[0]} changed; replacing the workers")
            await changed()


def snapshot(root: Path) -> dict[str, int]:
    """The time of last change of every file that can matter."""
    found: dict[str, int] = {}
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if name not in IGNORED]
        for name in files:
            if name.endswith(ENDINGS):
                path = os.path.join(folder, name)  # noqa: PTH118 - thousands of files, twice a second
                try:
                    found[os.path.relpath(path, root)] = os.stat(path).st_mtime_ns  # noqa: PTH116
                except FileNotFoundError:
                    pass
    return found
