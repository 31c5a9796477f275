"""Looks at the server's state now and then, for all pages together. A named background service.

While somebody has a page open it looks every two seconds, else every ten: what nobody sees costs next to nothing. Open
pages are made anew after each look, so that ten of them ask the server as little as one.
"""

from __future__ import annotations

import asyncio
import time
from threading import Lock
from typing import Any

from hotplate.control.log import log
from hotplate.control.plane import Plane
from hotplate.control.server_link import endpoint_states, read_state
from hotplate.control.ui.history import History
from hotplate.control.ui.machine import Machine

LOOK_S = 2.0
IDLE_LOOK_S = 10.0
SEEN_S = 2 * LOOK_S
"""Who has a page open says so after each look; one that was left is not looked for much longer."""
APART_S = 0.5
FRESH_S = 1.0
"""How old what is seen may be on a page that is opened."""


class Watch:
    """The histories of all endpoints, and what the server said last."""

    def __init__(self, plane: Plane) -> None:
        self._plane = plane
        self._histories: dict[str, History] = {}
        self._seen_at = float("-inf")
        self._lock = Lock()
        self._looked = asyncio.Event()
        self._wanted = asyncio.Event()
        self.state: dict[str, Any] | None = None
        self.states: dict[str, dict[str, Any]] = {}
        self.looked_at = 0.0
        self._counted_at = 0.0
        self.machine = Machine()

    def seen(self) -> None:
        """Somebody looks at a page. Called on the loop."""
        self._seen_at = time.monotonic()
        self._wanted.set()

    def history(self, endpoint: str) -> History:
        """The points of an endpoint; none of one that is not served."""
        return self._histories.get(endpoint) or History()

    async def run(self) -> None:
        """Look until cancelled. A look that fails is told and tried again."""
        while True:
            begun = time.monotonic()
            try:
                await asyncio.to_thread(self.look)
            except Exception as error:  # noqa: BLE001 - charts must not end with one odd answer
                log("error", f"watching the server: {type(error).__name__}: {error}")
            self._looked.set()
            self._looked = asyncio.Event()
            await self._rest(begun)

    async def next_look(self) -> None:
        """Wait until there is something new to show."""
        self.seen()
        await self._looked.wait()

    async def _rest(self, begun: float) -> None:
        """Until the next look: it is soon where somebody looks, or begins to."""
        self._wanted.clear()
        if not self._is_seen():
            try:
                await asyncio.wait_for(self._wanted.wait(), IDLE_LOOK_S)
            except TimeoutError:
                return
        await asyncio.sleep(max(0.1, begun + LOOK_S - time.monotonic()))

    def fresh(self) -> None:
        """Look, unless what was seen is new. Called by pages that are opened; blocks."""
        if abs(time.time() - self.looked_at) > FRESH_S:
            self.look()

    def look(self, now: float | None = None) -> None:
        """Look once; whoever else looks meanwhile waits for it."""
        begun = time.time()
        with self._lock:
            if now is None and self.looked_at > begun:
                return
            state = read_state(self._plane.home.server_socket)
            at = time.time() if now is None else now
            states = endpoint_states(state)
            self.state, self.states, self.looked_at = state, states, at
            if now is None and 0 <= at - self._counted_at < APART_S:
                return  # two readings at once say nothing of what came between them
            self._counted_at = at
            self.machine.look(at)
            bounds = tuple(float(bound) for bound in (state or {}).get("duration_bounds") or ())
            for name, each in states.items():
                self._histories.setdefault(name, History()).add(at, each, bounds)
            if state is not None:
                for name in self._histories.keys() - states.keys():
                    del self._histories[name]

    def _is_seen(self) -> bool:
        return time.monotonic() - self._seen_at < SEEN_S
