"""Keeps a server in step with the others that share its database. A named background service.

Each change is told by NOTIFY and counted in a row. Whoever hears of it, or sees the number at its next look, publishes
the database anew, and fetches revisions that it does not have.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from time import monotonic

from hotplate.control.carrying import fetch, share_named
from hotplate.control.joining import greet
from hotplate.control.ledger import record_event
from hotplate.control.log import log
from hotplate.control.plane import Plane
from hotplate.errors import HotplateError, Unavailable

LOOK_S = 1.0
"""How late a change is seen that was not heard of."""
AGAIN_S = (2.0, 5.0, 15.0, 60.0)
"""How long a revision that could not be fetched is left alone, each time longer."""


class Sharing:
    """One for each server with a shared database. `url` is the database's."""

    def __init__(self, plane: Plane, url: str) -> None:
        self._plane = plane
        self._url = url
        self._changed = asyncio.Event()
        self._seen: int | None = None
        self._away = False
        self._greeted = False
        self._tries: dict[str, tuple[int, float]] = {}
        self._told: set[str] = set()

    async def run(self) -> None:
        """Look until cancelled. A database that is away is told of once, and once when it is back."""
        from hotplate.control.postgres import CHANNEL
        from hotplate.jobs.postgres_link import Listener

        loop = asyncio.get_running_loop()

        def heard(_: str) -> None:
            with contextlib.suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(self._changed.set)

        listener = Listener(self._url, CHANNEL, heard)
        try:
            while True:
                self._changed.clear()
                try:
                    await asyncio.to_thread(self.look)
                    self._note(away="")
                except Unavailable as error:
                    self._note(away=error.message)
                except Exception as error:  # noqa: BLE001 - what is wrong now may be mended: look again
                    self._note(away=f"{type(error).__name__}: {error}")
                try:
                    async with asyncio.timeout(LOOK_S):
                        await self._changed.wait()
                except TimeoutError:
                    pass
        finally:
            listener.stop()

    def look(self) -> None:
        """Publish what others have changed, and fetch what is missing for it."""
        plane = self._plane
        if not self._greeted:
            greet(plane)
            for trouble in share_named(plane.home, plane.database):
                log("warning", trouble)
            self._greeted = True
        seen = plane.database.changes()
        if seen != self._seen or plane.publisher.pending:
            plane.publisher.publish()
            self._seen = seen
        fetched = [self._fetch(digest, names) for digest, names in list(plane.publisher.missing.items())]
        if any(fetched):
            plane.publisher.publish()

    def _fetch(self, digest: str, names: tuple[str, ...]) -> bool:
        tries, due = self._tries.get(digest, (0, 0.0))
        if monotonic() < due:
            return False
        try:
            if fetch(self._plane.home, self._plane.database, digest):
                log("info", f"the revision {digest[:12]} was fetched", endpoints=", ".join(names))
                self._tries.pop(digest, None)
                return True
            text = f"no server has shared its files. Deploy it again, or `hotplate build` it on {socket.gethostname()}."
        except Unavailable as error:
            if "database" in error.message:
                raise
            text = error.message
        except (HotplateError, OSError) as error:
            hint = getattr(error, "hint", None)
            text = f"{error} {hint}" if hint else str(error)
        self._tries[digest] = (tries + 1, monotonic() + AGAIN_S[min(tries, len(AGAIN_S) - 1)])
        for name in names:
            said = f"{socket.gethostname()} cannot fetch the revision {digest[:12]}: {text}"
            if (name + said) not in self._told:
                self._told.add(name + said)
                log("warning", said, endpoint=name)
                record_event(self._plane.database, name, "revision_missing", said, level="warning")
        return False

    def _note(self, *, away: str) -> None:
        if away and not self._away:
            log("error", f"{away} What was published before is served.")
        elif self._away and not away:
            log("info", "the shared database answers again")
        self._away = bool(away)


def sharing_of(plane: Plane) -> Sharing | None:
    """What keeps a server in step; None where it shares nothing."""
    url = getattr(plane.database, "url", "")
    return Sharing(plane, url) if plane.database.shared and url else None
