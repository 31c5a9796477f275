"""Watches what the server says of changes of traffic, and writes down what came of them. A named background service."""

from __future__ import annotations

import asyncio

from hotplate.control.deployments import recover, settle
from hotplate.control.endpoints import is_running, read_rollout
from hotplate.control.log import log
from hotplate.control.plane import Plane
from hotplate.control.server_link import endpoint_states, read_state
from hotplate.errors import Unavailable

LOOK_S = 0.25
IDLE_LOOK_S = 2.0


class Rollouts:
    """Looks at the server's state as long as something is rolling or split, or has failed and may yet run."""

    def __init__(self, plane: Plane) -> None:
        self._plane = plane
        self._loop = asyncio.get_running_loop()
        self._changed = asyncio.Event()
        self._settled = asyncio.Condition()

    def wake(self) -> None:
        """Look now: something was deployed. From any thread."""
        self._loop.call_soon_threadsafe(self._changed.set)

    async def run(self) -> None:
        """Watch until cancelled. A look that fails is told and tried again."""
        while True:
            try:
                waiting = await asyncio.to_thread(self._look)
            except Unavailable:  # a shared database is away: `sharing.py` tells
                waiting = False
            except Exception as error:  # noqa: BLE001 - a damaged row must not end the watch over the others
                log("error", f"watching rollouts: {type(error).__name__}: {error}")
                waiting = True
            async with self._settled:
                self._settled.notify_all()
            try:
                async with asyncio.timeout(LOOK_S if waiting else IDLE_LOOK_S):
                    await self._changed.wait()
                await asyncio.sleep(0.02)  # the server has just been told: give it a moment to look
            except TimeoutError:
                pass
            self._changed.clear()

    async def wait(self, name: str, seconds: float) -> None:
        """Wait until an endpoint's rollout is over, or the time is."""
        self.wake()
        try:
            async with asyncio.timeout(seconds), self._settled:
                await self._settled.wait_for(lambda: not self._rolling(name))
        except TimeoutError:
            pass

    def _rolling(self, name: str) -> bool:
        row = self._plane.database.row("SELECT rollout FROM endpoints WHERE name = ?", (name,))
        return row is not None and row["rollout"] == "rolling"

    def _look(self) -> bool:
        """Settle what the server has an opinion on; whether something is still rolling."""
        if self._plane.publisher.pending:
            self._plane.publisher.publish()
        rows = self._plane.database.rows(
            "SELECT name, generation, rollout FROM endpoints WHERE rollout = 'rolling' OR fallback IS NOT NULL "
            "OR (rollout = 'failed' AND kept = 0)"
        )
        if not rows:
            return False
        states = endpoint_states(read_state(self._plane.home.server_socket))
        for row in rows:
            state = states.get(row["name"])
            said = read_rollout(state, row["generation"])
            if said is None:
                continue
            if row["rollout"] == "failed":
                if said[0] == "stable" and is_running(state or {}):
                    recover(self._plane, row["name"], row["generation"])
            else:
                settle(self._plane, row["name"], row["generation"], *said)
        return any(row["rollout"] == "rolling" for row in rows)
