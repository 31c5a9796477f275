"""`stream_output_handler`: what infer pushes becomes what the server pulls.

A `def infer` runs in a thread of its own while its pieces are taken; an `async def` one in a task. The stream ends
when infer returns, even where `finalise_streamed_output` was forgotten. Where the caller has gone, the next piece
that infer sends raises `StreamClosed`, so that it stops.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator
from queue import Queue
from threading import Thread
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import asyncio

AHEAD_PIECES = 64
"""How many pieces infer may be ahead of the server."""

_END: Final = object()


class StreamClosed(Exception):
    """The caller has gone: nothing more can be sent."""


class _Sent:
    """What the handler's methods give: may be awaited, need not be."""

    __slots__ = ("_wait",)

    def __init__(self, wait: Callable[[], Awaitable[Any]] | None = None) -> None:
        self._wait = wait

    def __await__(self) -> Generator[Any, None, None]:
        if self._wait is not None:
            yield from self._wait().__await__()


class Handler:
    """The second argument of a streaming `infer`."""

    def __init__(self, put: Callable[[Any], Any], wait: Callable[[], Awaitable[Any]] | None = None) -> None:
        self._put = put
        self._wait = wait
        self.closed = False
        self.finished = False

    def send_streamed_output(self, output: Any) -> _Sent:
        """Send one event. Raises StreamClosed where nobody listens, or after finalise_streamed_output."""
        if self.closed or self.finished:
            raise StreamClosed("The stream is closed: its caller has gone, or finalise_streamed_output was called.")
        if not isinstance(output, dict):
            raise TypeError(f"send_streamed_output takes a dict of outputs, not {type(output).__name__}")
        self._put(output)
        return _Sent(self._wait)

    def finalise_streamed_output(self) -> _Sent:
        """Say that the last event was sent."""
        self.finished = True
        return _Sent()

    finalize_streamed_output = finalise_streamed_output


def pieces(run: Callable[[Handler], Any]) -> Iterator[Any]:
    """Run a `def infer` beside its stream, and give its pieces as they come."""
    queue: Queue[Any] = Queue(AHEAD_PIECES)
    handler = Handler(queue.put)
    failed: list[BaseException] = []

    def work() -> None:
        try:
            run(handler)
        except StreamClosed as error:
            if not handler.closed:
                failed.append(error)
        except BaseException as error:  # noqa: BLE001 - whatever the author's code raises is the stream's end
            failed.append(error)
        queue.put(_END)

    thread = Thread(target=work, name="hotplate-stream", daemon=True)
    thread.start()
    piece: Any = None
    try:
        while (piece := queue.get()) is not _END:
            yield piece
        if failed:
            raise failed[0]
    finally:
        handler.closed = True
        while piece is not _END:  # let infer, which may wait for a place, run into the closed stream
            piece = queue.get()
        thread.join()


async def pieces_async(run: Callable[[Handler], Awaitable[Any]]) -> AsyncIterator[Any]:
    """Run an `async def infer` in a task beside its stream."""
    import asyncio

    queue: asyncio.Queue[Any] = asyncio.Queue()
    taken = asyncio.Event()

    async def room() -> None:
        while queue.qsize() >= AHEAD_PIECES and not handler.closed:
            taken.clear()
            await taken.wait()
        await asyncio.sleep(0)

    handler = Handler(queue.put_nowait, room)

    async def work() -> None:
        try:
            await run(handler)
        finally:
            queue.put_nowait(_END)

    task: asyncio.Task[None] = asyncio.ensure_future(work())
    try:
        while (piece := await queue.get()) is not _END:
            taken.set()
            yield piece
        await task
    finally:
        handler.closed = True
        taken.set()
        task.cancel()
        await asyncio.wait((task,))
        if not task.cancelled():
            task.exception()  # seen: it was raised above, or the caller has gone
