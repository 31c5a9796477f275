"""The targets of this server: each is opened when an endpoint first wants it, and closed with the server."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

from hotplate.config.settings import SETTINGS
from hotplate.deployment.home import Home, write_whole
from hotplate.errors import HotplateError
from hotplate.server.log import Log
from hotplate.targets.base import Cell, Surroundings, Target
from hotplate.targets.opening import open_target

if TYPE_CHECKING:
    from hotplate.config.settings import Settings

MARK = "targets"
"""A file in the home's run folder with the targets that were opened, so that what a crash left there is removed."""
END_S = 20.0


class Targets:
    """One for each server. `note(endpoint, kind, text)` makes an event."""

    def __init__(self, home: Home, settings: Settings, log: Log, note: Callable[[str, str, str], None]) -> None:
        self._home = home
        self._settings = settings
        self._log = log
        self._note = note
        self._open: dict[str, Target] = {}
        self._opening = asyncio.Lock()
        self._ending: set[asyncio.Task[None]] = set()
        self._before = self._read_mark()

    @property
    def may_be_left(self) -> bool:
        """Whether a server before this one had cells somewhere."""
        return bool(self._before)

    async def open(self, kind: str) -> Target:
        """The target of this name. Raises TargetRefused, TargetUnavailable, MissingExtra."""
        async with self._opening:
            target = self._open.get(kind)
            if target is None:
                target = open_target(kind, self._surroundings(kind))
                if kind in self._before:
                    await target.clear()
                    self._before.discard(kind)
                self._open[kind] = target
                self._write_mark()
            return target

    async def clear(self) -> None:
        """Remove what a server before this one left."""
        for kind in sorted(self._before):
            try:
                await self.open(kind)
            except HotplateError as error:
                self._log.warning(f"Replicas of an earlier server may be left at the target {kind}: {error.message}")

    def end(self, target: Target, cell: Cell) -> None:
        """End a cell, beside whatever else happens."""
        task = asyncio.get_running_loop().create_task(self._end(target, cell))
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    async def _end(self, target: Target, cell: Cell) -> None:
        try:
            await target.end(cell)
        except HotplateError as error:
            place = f" at {cell.where}" if cell.where else ""
            self._log.warning(f"The replica {cell.name}{place} may be left running: {error.message}")

    async def close(self) -> None:
        """At the server's end."""
        if self._ending:
            await asyncio.wait(self._ending, timeout=END_S)
        for target in self._open.values():
            await target.close()
        if not self._before:
            (self._home.run / MARK).unlink(missing_ok=True)

    def _surroundings(self, kind: str) -> Surroundings:
        options = options_of(self._settings, kind)
        return Surroundings(home=self._home, options=options, warn=self._log.warning, note=self._note)

    def _read_mark(self) -> set[str]:
        with suppress(OSError):
            return set((self._home.run / MARK).read_text("utf-8").split())
        return set()

    def _write_mark(self) -> None:
        write_whole(self._home.run / MARK, " ".join(sorted({*self._open, *self._before})).encode())


def options_of(settings: Settings, kind: str) -> Mapping[str, object]:
    """The settings that are about one target."""
    return {name: getattr(settings, name) for name in SETTINGS if name.startswith(f"{kind}_")}
