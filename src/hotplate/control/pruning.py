"""Removes what was built long ago and is named by nothing, once a day. A named background service."""

from __future__ import annotations

import asyncio

from hotplate.build.prune import Pruned, prune
from hotplate.control.carrying import sweep
from hotplate.control.log import log
from hotplate.control.named import named_revisions
from hotplate.control.plane import Plane
from hotplate.images.kept_images import drop_unneeded

FIRST_S = 3600.0
EVERY_S = 86_400.0
KEEP_S = 7 * 86_400.0
"""What nobody asked to remove stays for so long: a person may have built it for tomorrow."""


async def prune_daily(plane: Plane, *, first_s: float = FIRST_S, every_s: float = EVERY_S) -> None:
    """Prune until cancelled. A look that fails is told, and taken again the next day."""
    await asyncio.sleep(first_s)
    while True:
        try:
            tell(*await asyncio.to_thread(_prune, plane))
        except Exception as error:  # noqa: BLE001 - no reason to end control
            log("error", f"old revisions could not be removed: {error}")
        await asyncio.sleep(every_s)


def _prune(plane: Plane) -> tuple[Pruned, list[str]]:
    home = plane.home
    if plane.database.shared:
        sweep(plane.database)
    return prune(home, named_revisions(home), keep_s=KEEP_S), drop_unneeded(home)


def tell(found: Pruned, images: list[str]) -> None:
    """Say what was removed, if anything was."""
    if found.revisions or found.environments or images:
        what = f"{len(found.revisions)} revisions, {len(found.environments)} environments and {len(images)} images"
        log("info", f"removed {what} that nothing names", freed_bytes=found.freed_bytes)
