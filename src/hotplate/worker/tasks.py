"""The engine for projects with `async def` routes: one event loop on the main thread, a task per call.

Plain `def` routes of such a project run in threads beside it; both share the worker's slots, and what is beyond them
waits here. asyncio is imported by this engine alone, so that other projects do not pay for it.
"""

from __future__ import annotations

import asyncio
import inspect
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Condition, get_ident
from time import monotonic_ns
from typing import Any

from hotplate.faces.base import Answer, Buffer
from hotplate.worker import progress
from hotplate.worker.batching import run_batch
from hotplate.worker.channel import Channel, Work
from hotplate.worker.flow import Flow
from hotplate.worker.invoke import Bound, Invoker, chunk_frame, end_frame, open_frame
from hotplate.worker.lanes import Lane
from hotplate.worker.streams import Writing, broken, run_stream

GIVE_WAY_NS = 1_000_000
"""An async generator that never really waits gives way to the others, and its pieces leave, this often."""


class Engine:
    """Tasks, threads and lanes around one event loop. Everything but user code in threads runs on the loop."""

    def __init__(self, channel: Channel, invoker: Invoker, slots: int, loop: asyncio.AbstractEventLoop) -> None:
        self.channel = channel
        self.invoker = invoker
        self._slots = slots
        self._loop = loop
        self._waiting: deque[Work] = deque()
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._in_threads: set[int] = set()
        self._of_thread: dict[int, int] = {}  # the call that each thread runs
        self._cancelled: set[int] = set()
        self._wakers: dict[int, asyncio.Event] = {}
        self._window = Condition()
        self._threads = ThreadPoolExecutor(max_workers=slots, thread_name_prefix="hotplate-slot")
        self._lanes = {
            index: Lane(index, invoker, self._send, self._batch_in_thread)
            for index, route in enumerate(invoker.routes)
            if route.batching is not None
        }
        self._out: list[bytes] = []
        self._flushed = 0
        self._closing = loop.create_future()
        self._idle = asyncio.Event()
        self._idle.set()

    async def serve(self) -> None:
        """Answer calls until the server says stop or is gone; then finish those that it had sent."""
        self.channel.on_cancel = self._cancel
        self.channel.on_window = self._wake
        progress.serve(self.channel, self._current)
        running = [self._loop.create_task(lane.run(self.channel.start_all)) for lane in self._lanes.values()]
        for task in running:
            task.add_done_callback(self._lane_ended)
        self._loop.add_reader(self.channel.socket.fileno(), self._readable)
        try:
            await self._closing
            if not self.channel.gone:  # streams still need to be told how far they may go
                await self._idle.wait()
                for lane in self._lanes.values():
                    await lane.empty()
        finally:
            self._loop.remove_reader(self.channel.socket.fileno())
            for task in running:
                task.cancel()
        self._flush()
        self._threads.shutdown(wait=not self.channel.gone, cancel_futures=True)

    def _lane_ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and not self._closing.done():
            self._closing.set_exception(task.exception() or RuntimeError("A lane of batches ended."))

    # -- what comes

    def _readable(self) -> None:
        channel = self.channel
        try:
            channel.read(block=False)
        except BaseException as error:  # noqa: BLE001 - a socket that cannot be read is the end of this worker
            if not self._closing.done():
                self._closing.set_exception(error)
            return
        while channel.queue:
            work = channel.queue.popleft()
            lane = self._lanes.get(work[1])
            if lane is None:
                self._waiting.append(work)
            else:
                lane.join(work)
        self._start_waiting()
        if channel.closing and not self._closing.done():
            self._closing.set_result(None)
        if channel.gone:
            self._loop.remove_reader(channel.socket.fileno())
            with self._window:
                self._window.notify_all()

    def _start_waiting(self) -> None:
        while self._waiting and len(self._tasks) + len(self._in_threads) < self._slots:
            work = self._waiting.popleft()
            route = self.invoker.routes[work[1]]
            self.channel.start_all((work[0],))
            self._idle.clear()
            if route.stream:
                self.channel.flows[work[0]] = Flow()
            if route.asynchronous:
                run = self._stream(route, work) if route.stream else self._call(route, work)
                self._tasks[work[0]] = self._loop.create_task(run)
            else:
                self._in_threads.add(work[0])
                self._threads.submit(self._in_thread, route, work)

    def _ended(self) -> None:
        if self._waiting:
            self._start_waiting()
        if not self._tasks and not self._in_threads:
            self._idle.set()

    def _cancel(self, call_id: int) -> None:
        task = self._tasks.get(call_id)
        if task is not None:
            self._cancelled.add(call_id)
            coroutine: Any = task.get_coro()
            # One that has not begun would never get to its `except`: it looks at the set when it begins.
            if inspect.getcoroutinestate(coroutine) != inspect.CORO_CREATED:
                task.cancel()
            return
        for place, work in enumerate(self._waiting):
            if work[0] == call_id:
                del self._waiting[place]
                self.channel.drop(call_id)
                return
        if any(lane.leave(call_id) for lane in self._lanes.values()):
            self.channel.drop(call_id)
            return
        if call_id in self._in_threads and call_id not in self.channel.flows:
            self.channel.cancelled.add(call_id)
        self._wake(call_id)

    def _wake(self, call_id: int) -> None:
        waker = self._wakers.get(call_id)
        if waker is not None:
            waker.set()
        elif call_id in self.channel.flows:
            with self._window:
                self._window.notify_all()

    # -- what goes

    def _send(self, frame: bytes) -> None:
        """Send with what else this turn of the loop brings."""
        if not self._out:
            self._loop.call_soon(self._flush)
        self._out.append(frame)

    def _flush(self) -> None:
        self._flushed = monotonic_ns()
        if self._out:
            data = b"".join(self._out)
            self._out.clear()
            self.channel.send(data)

    # -- threads

    def _current(self) -> int | None:
        """The call of the task or thread that asks."""
        called = self._of_thread.get(get_ident())
        if called is not None:
            return called
        try:
            task = asyncio.current_task()
        except RuntimeError:
            return None
        return next((call_id for call_id, each in self._tasks.items() if each is task), None)

    def _in_thread(self, route: Bound, work: Work) -> None:
        self._of_thread[get_ident()] = work[0]
        try:
            if route.stream:
                run_stream(self.channel, self.invoker, work, poll=bool, wait=self._wait_in_thread)
            else:
                self.channel.send(self.invoker.answer(work))
        except BaseException as error:  # noqa: BLE001 - a call without an answer: the worker must not go on
            self._loop.call_soon_threadsafe(self._break, error)
        finally:
            self._of_thread.pop(get_ident(), None)
            self._loop.call_soon_threadsafe(self._thread_ended, work[0])

    def _thread_ended(self, call_id: int) -> None:
        self._in_threads.discard(call_id)
        self.channel.cancelled.discard(call_id)
        self._ended()

    def _break(self, error: BaseException) -> None:
        if not self._closing.done():
            self._closing.set_exception(error)

    def _wait_in_thread(self, flow: Flow) -> None:
        with self._window:
            while flow.full and not self.channel.gone:
                self._window.wait()

    async def _batch_in_thread(self, function: Callable[..., Any], items: Sequence[tuple[Any, ...]]) -> list[Any]:
        return await self._loop.run_in_executor(self._threads, run_batch, function, items)

    # -- tasks

    async def _call(self, route: Bound, work: Work) -> None:
        call_id = work[0]
        body: Buffer = b""
        values: tuple[Any, ...] = ()
        begun = ended = 0
        result: bytes | Answer | None = None
        try:
            if call_id not in self._cancelled:
                body, head = self.invoker.open(work)
                values = route.decode(body, head)
                begun = monotonic_ns()
                value = route.function(*values)
                if hasattr(value, "__await__"):  # a decorated function may not be what its signature says
                    value = await value
                ended = monotonic_ns()
                result = route.encode(value, head, ended - begun, ended - work[4])
        except asyncio.CancelledError as error:
            if call_id not in self._cancelled:  # its own code did it
                result = self.invoker.failed(route, error, work)
        except BaseException as error:  # noqa: BLE001 - whatever user code raises is that call's answer
            result = self.invoker.failed(route, error, work)
        ended = ended or monotonic_ns()
        self.invoker.close(body, values)
        if result is None:
            self.channel.drop(call_id)
        else:
            self._send(self.invoker.frame(call_id, result, ended - (begun or ended)))
        self._forget(call_id)

    async def _stream(self, route: Bound, work: Work) -> None:
        call_id = work[0]
        flow = self.channel.flows[call_id]
        waker = self._wakers[call_id] = asyncio.Event()
        body: Buffer = b""
        values: tuple[Any, ...] = ()
        pieces: AsyncIterator[Any] | None = None
        writing: Writing | None = None
        opened = False
        begun = monotonic_ns()
        dropped = call_id in self._cancelled
        try:
            if not dropped:
                body, head = self.invoker.open(work)
                values = route.decode(body, head)
                writing = Writing(route, head)
                pieces = await iterate(route.function(*values))
                async for value in pieces:
                    for piece in writing.pieces(value):
                        frame = chunk_frame(call_id, piece)
                        self._send(frame if opened else open_frame(call_id, route.stream_type) + frame)
                        opened = True
                        flow.sent += len(piece)
                        while flow.full:
                            self._flush()
                            waker.clear()
                            await waker.wait()
                    if monotonic_ns() - self._flushed > GIVE_WAY_NS:
                        self._flush()
                        await asyncio.sleep(0)
                took = monotonic_ns() - begun
                if writing.gathered is not None:
                    self._send(self.invoker.frame(call_id, route.encode(writing.gathered, head, took, took), took))
                else:
                    start = b"" if opened else open_frame(call_id, route.stream_type)
                    self._send(start + end_frame(call_id, took, writing.writer.encode_end()))
        except asyncio.CancelledError as error:
            dropped = call_id in self._cancelled
            if not dropped:  # its own code did it
                writer = writing.writer if opened and writing is not None else None
                self._send(broken(self.invoker, work, error, writer, inference_ns=monotonic_ns() - begun))
        except BaseException as error:  # noqa: BLE001 - whatever user code raises is that call's answer
            writer = writing.writer if opened and writing is not None else None
            self._send(broken(self.invoker, work, error, writer, inference_ns=monotonic_ns() - begun))
        await self._close(route, work, pieces)
        pieces = None  # a generator holds its arguments
        self.invoker.close(body, values)
        self._forget(call_id)
        if dropped:
            self._flush()
            self.channel.drop(call_id)

    async def _close(self, route: Bound, work: Work, pieces: AsyncIterator[Any] | None) -> None:
        close: Callable[[], Coroutine[Any, Any, None]] | None = getattr(pieces, "aclose", None)
        if close is not None:
            try:
                await close()
            except BaseException as error:  # noqa: BLE001 - the answer has gone out; the author reads of it
                self.invoker.report(route, error, self.invoker.request_id(work))

    def _forget(self, call_id: int) -> None:
        del self._tasks[call_id]
        self._wakers.pop(call_id, None)
        self._cancelled.discard(call_id)
        self.channel.flows.pop(call_id, None)
        self._ended()


async def iterate(result: Any) -> AsyncIterator[Any]:
    """The pieces of whatever a streamed route gave: an async generator, a coroutine of one, or a plain iterator."""
    if hasattr(result, "__await__"):
        result = await result
    return aiter(result) if hasattr(result, "__aiter__") else _plain(result)


async def _plain(pieces: Iterable[Any]) -> AsyncIterator[Any]:
    for piece in pieces:
        yield piece
        await asyncio.sleep(0)


def serve(channel: Channel, invoker: Invoker, slots: int, loop: asyncio.AbstractEventLoop) -> None:
    """Answer calls on `loop` (the one that ran an async `setup`) until the server says stop or is gone."""
    loop.run_until_complete(Engine(channel, invoker, slots, loop).serve())
