"""Looks jobs up for whoever waits for them: one read for all that are sought meanwhile, whatever their number.

A thousand clients that wait for their jobs ask once a second each; the store has one reader.
"""

from __future__ import annotations

import asyncio
from itertools import islice

from hotplate.jobs.desk import Desk
from hotplate.jobs.records import Job

MOST = 256
"""Jobs in one read, at most: other reads stand in line behind it."""


class Seeker:
    """Those of some endpoints; where an id is one of several, the first endpoint's counts. Used on the loop."""

    def __init__(self, desk: Desk, endpoints: tuple[str, ...]) -> None:
        self._desk = desk
        self._endpoints = endpoints
        self._loop = asyncio.get_running_loop()
        self._sought: dict[str, list[asyncio.Future[Job | None]]] = {}
        self._reading = False

    async def find(self, job_id: str) -> Job | None:
        """One job, as it is now or later."""
        future: asyncio.Future[Job | None] = self._loop.create_future()
        self._sought.setdefault(job_id, []).append(future)
        if not self._reading:
            self._reading = True
            self._loop.call_soon(self._read)  # what else is asked in this turn of the loop comes along
        return await future

    def _read(self) -> None:
        sought = {job_id: self._sought.pop(job_id) for job_id in list(islice(self._sought, MOST))}
        endpoints, ids = self._endpoints, tuple(sought)

        def done(found: dict[str, Job] | None, error: BaseException | None) -> None:
            self._reading = bool(self._sought)
            if self._reading:
                self._read()
            for job_id, futures in sought.items():
                for future in futures:
                    if future.done():  # nobody waits any more
                        continue
                    if found is None:
                        assert error is not None
                        future.set_exception(error)
                    else:
                        future.set_result(found.get(job_id))

        self._desk.look(lambda store: store.find(endpoints, ids), done)
