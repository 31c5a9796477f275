"""The server of `hotplate up`: serves what the snapshot says, on a socket that the supervisor holds."""

from __future__ import annotations

import asyncio
import os
import socket
import stat
from dataclasses import replace
from pathlib import Path

from hotplate.config.resolve import resolve
from hotplate.config.settings import Settings
from hotplate.deployment import snapshot
from hotplate.deployment.home import Home, find_home
from hotplate.deployment.shared import find_store
from hotplate.edge.edge import Edge
from hotplate.errors import PlatformError
from hotplate.server.fleet import Fleet
from hotplate.server.life import Life, edge_limits, run_loop
from hotplate.server.listening import url_of
from hotplate.server.log import Log, make_log
from hotplate.server.state import state_of
from hotplate.server.state_door import StateDoor
from hotplate.server.tracing import close_traces

LOOK_S = 1.0
SAVE_LOOKS = 3


def run(fd: int) -> int:
    """Serve on a bound socket until a signal. Gives the exit status."""
    listener = socket.socket(fileno=fd)
    listener.setblocking(False)
    os.set_inheritable(fd, False)
    settings = resolve(environ=os.environ).settings
    store = find_store(find_home(), settings.store)
    if settings.jobs_store is None and store is not None:
        settings = replace(settings, jobs_store=store)
    return run_loop(Background(settings, find_home(), listener).main())


class Background:
    """From a bound socket and a snapshot to an exit status."""

    def __init__(self, settings: Settings, home: Home, listener: socket.socket) -> None:
        self.settings = settings
        self.home = home
        self.log: Log = make_log(settings.log_level, settings.log_format)
        self._listener = listener
        self._seen: tuple[int, int] | None = None
        self._shut = ""
        self.fleet: Fleet

    async def main(self) -> int:
        """Serve to the end."""
        loop = asyncio.get_running_loop()
        life = Life(self.settings, self.log)
        url = url_of(self._listener)
        fleet = self.fleet = Fleet(self.settings, self.log, self.home, url)
        edge = fleet.edge = Edge(fleet, edge_limits(self.settings), loop)
        fleet.access.start(loop)
        self.look(again=True)
        await edge.listen(self._listener)
        door = StateDoor(self.home.server_socket, self._reload, lambda: state_of(fleet), fleet.trace, fleet.jobs)
        await self._open(door)
        self.log.info(f"Hotplate serves on {url}")
        self._end_with_supervisor(loop, life)
        watch = loop.create_task(self._watch(door))
        for places in (fleet.containers, fleet.targets):
            if places.may_be_left:
                clearing = loop.create_task(places.clear())
                watch.add_done_callback(lambda _, clearing=clearing: clearing.cancel())
        await life.stop.wait()
        watch.cancel()
        fleet.front.draining = True
        self.log.info("Shutting down: finishing what is under way")
        await life.drain(edge, fleet.fail_waiting, fleet.stop, fleet.jobs)
        door.close()
        fleet.access.flush()
        fleet.journal.close()
        fleet.capture.close()
        await close_traces(fleet.traces, self.log)
        self.log.info("Stopped")
        return 0

    def _end_with_supervisor(self, loop: asyncio.AbstractEventLoop, life: Life) -> None:
        """The supervisor holds the other end of our standard input: when that ends, so do we."""
        if not stat.S_ISFIFO(os.fstat(0).st_mode):
            return

        def ended() -> None:
            loop.remove_reader(0)
            self.log.error("The supervisor has ended")
            life.stop.set()

        loop.add_reader(0, ended)

    def look(self, *, again: bool = False) -> None:
        """Read the snapshot if it is another one than before, or in any case."""
        stamp = _stamp(self.home.snapshot)
        if stamp == self._seen and not again:
            return
        self._seen = stamp
        try:
            found = snapshot.read(self.home.snapshot)
        except PlatformError as error:
            self.log.error(f"{error.message} What was served before is served on.")
            return
        self.fleet.apply(found)

    def _reload(self) -> int:
        """Read the snapshot now. Gives its number."""
        self.look(again=True)
        return self.fleet.number

    async def _open(self, door: StateDoor) -> None:
        """Calls are answered also where the disk does not take the door's socket; it is tried again then."""
        try:
            await door.open()
        except OSError as error:
            if (text := f"{self.home.server_socket} cannot be made: {error.strerror}.") != self._shut:
                self._shut = text
                self.log.error(f"{text} Calls are answered; nobody can look at their state.")

    async def _watch(self, door: StateDoor) -> None:
        looks = 0
        while True:
            await asyncio.sleep(LOOK_S)
            looks += 1
            try:
                self.look()
                if looks % SAVE_LOOKS == 0:
                    self.fleet.save()
                    if not door.is_open:
                        await self._open(door)
            except Exception as error:  # noqa: BLE001 - without this loop nothing new would be served, and nobody told
                self.log.error(f"The server could not look at what it is to serve: {error!r}")


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino
