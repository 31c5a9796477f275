"""An event loop whose clock jumps: nothing is waited for, and an hour of timers passes in a moment."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any


class _Selector(selectors.DefaultSelector):
    """Looks for what is ready; where nothing is, the clock jumps to the next timer."""

    loop: VirtualLoop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        events = super().select(0)
        if not events and timeout:
            self.loop.now += timeout
        return events


class VirtualLoop(asyncio.SelectorEventLoop):
    """Sockets are real, time is not."""

    def __init__(self) -> None:
        self.now = 1000.0
        selector = _Selector()
        selector.loop = self
        super().__init__(selector)

    def time(self) -> float:
        return self.now

    def turns(self, count: int = 8) -> None:
        """Let everything happen that needs no time."""
        self.run_until_complete(_turns(count))

    def pass_time(self, seconds: float) -> None:
        """Let timers run."""
        self.run_until_complete(asyncio.sleep(seconds))
        self.turns()

    def call(self, function: Callable[[], Any]) -> Any:
        """Run a function on the loop."""

        async def run() -> Any:
            return function()

        return self.run_until_complete(run())

    def do(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Run a coroutine to its end."""
        return self.run_until_complete(coroutine)


async def _turns(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)
