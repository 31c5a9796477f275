"""Progress of the attempts that run here: told at once to who listens, and written a few times a second."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from hotplate.jobs.desk import Desk
from hotplate.jobs.records import Fence
from hotplate.jobs.store import Store

if TYPE_CHECKING:
    from hotplate.jobs.news import News, Step

PROGRESS_S = 0.25


class Steps:
    """The newest step of each attempt that is not written yet."""

    def __init__(self, desk: Desk, news: News) -> None:
        self._desk = desk
        self._news = news
        self._newest: dict[Fence, Step] = {}

    def moved(self, fence: Fence, job_id: str, fraction: float | None, text: str) -> None:
        """An attempt got further."""
        first = not self._newest
        self._newest[fence] = (fraction, text)
        self._news.progress(job_id, fraction, text)
        if first:
            asyncio.get_running_loop().call_later(PROGRESS_S, self._write)

    def take(self, fence: Fence) -> Step | None:
        """What is not written yet of an attempt that ends: its end is written with it."""
        return self._newest.pop(fence, None)

    def _write(self) -> None:
        steps, self._newest = self._newest, {}

        def operation(store: Store) -> None:
            for fence, (fraction, text) in steps.items():
                store.progress(fence, fraction, text)

        if steps:
            self._desk.write(operation, _ignore)


def _ignore(result: Any, error: BaseException | None) -> None:
    """What could not be written is written with the next step."""
