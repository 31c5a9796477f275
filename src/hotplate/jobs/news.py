"""Who waits for news of a job: long polls, event streams. Told on the loop, at once, of what happens in this server.

What another process does to a job is found by looking at the store now and then, which is the waiter's business.
"""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from contextlib import contextmanager

Step = tuple[float | None, str]


class Listener:
    """One that waits. `step` is the newest progress that it has not taken yet."""

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self.step: Step | None = None
        self.closing = False

    def tell(self) -> None:
        """Something happened."""
        self._event.set()

    async def wait(self, seconds: float) -> None:
        """Wait for the next news, or so long."""
        try:
            await asyncio.wait_for(self._event.wait(), seconds)
        except TimeoutError:
            pass
        self._event.clear()


class News:
    """Listeners by job."""

    def __init__(self) -> None:
        self._listeners: dict[str, set[Listener]] = {}
        self._closing = False

    @contextmanager
    def listen(self, job_id: str) -> Generator[Listener]:
        """Hear of one job."""
        listener = Listener()
        listener.closing = self._closing
        self._listeners.setdefault(job_id, set()).add(listener)
        try:
            yield listener
        finally:
            left = self._listeners[job_id]
            left.discard(listener)
            if not left:
                del self._listeners[job_id]

    def changed(self, job_id: str) -> None:
        """A job's state changed, on disk."""
        for listener in self._listeners.get(job_id, ()):
            listener.tell()

    def progress(self, job_id: str, fraction: float | None, text: str) -> None:
        """A job got further."""
        for listener in self._listeners.get(job_id, ()):
            listener.step = (fraction, text)
            listener.tell()

    def close(self) -> None:
        """Let everybody go: the server ends."""
        self._closing = True
        for listeners in self._listeners.values():
            for listener in listeners:
                listener.closing = True
                listener.tell()
