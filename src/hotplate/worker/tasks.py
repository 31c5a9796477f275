"""The engine for projects with `async def` routes: one event loop on the main thread, a task per call.

Plain `def` routes of such a project run in threads beside it. asyncio is imported here alone, so that other
projects do not pay for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from concurrent.futures import ThreadPoolExecutor
from time import monotonic_ns
from typing import Any

from hotplate.faces.base import Answer, Buffer
from hotplate.wire.frames import HEADER_BYTES
from hotplate.worker.batching import run_batch, run_batch_async
from hotplate.worker.channel import Channel, Work
from hotplate.worker.invoke import Bound, Invoker, chunk_frame, end_frame, open_frame
from hotplate.worker.streams import STREAM_WINDOW_BYTES, broken, run_stream


class Engine:
    """Tasks and threads around one event loop."""

    def __init__(self, channel: Channel, invoker: Invoker, slots: int, loop: asyncio.AbstractEventLoop) -> None:
        self.channel = channel
        self.invoker = invoker
        self._loop = loop
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._threads = ThreadPoolExecutor(max_workers=slots, thread_name_prefix="hotplate-slot")
        self._wakers: dict[int, asyncio.Event] = {}
        self._lanes: dict[int, list[tuple[Work, tuple[Any, ...], Buffer, Any]]] = {}
        self._lane_wakers: dict[int, asyncio.Event] = {}
        self._out: list[bytes] = []
        self._closed = loop.create_future()

    async def serve(self) -> None:
        """Answer calls until the server says stop or is gone."""
        self.channel.on_cancel = self._cancel
        self.channel.on_window = self._wake
        lanes = [
            self._loop.create_task(self._run_lane(index, route))
            for index, route in enumerate(self.invoker.routes)
            if route.batching is not None
        ]
        self._loop.add_reader(self.channel.socket.fileno(), self._readable)
        await self._closed
        self._loop.remove_reader(self.channel.socket.fileno())
        if self._tasks:
            await asyncio.wait(self._tasks.values())
        for lane in lanes:
            lane.cancel()
        self._flush()
        self._threads.shutdown(wait=True)

    def _readable(self) -> None:
        channel = self.channel
        channel.read(block=False)
        if channel.closing and not self._closed.done():
            self._closed.set_result(None)
        while channel.queue:
            work = channel.queue.popleft()
            route = self.invoker.routes[work[1]]
            channel.start_all((work[0],))
            if route.batching is not None:
                self._join_lane(route, work)
            elif route.asynchronous:
                run = self._stream(route, work) if route.stream else self._call(route, work)
                task = self._loop.create_task(run)
                self._tasks[work[0]] = task
                channel.running.add(work[0])
            else:
                self._threads.submit(self._in_thread, route, work)

    def _in_thread(self, route: Bound, work: Work) -> None:
        if route.stream:
            run_stream(self.channel, self.invoker, work, poll=bool, wait=self._wait_in_thread)
        else:
            self.channel.send(self.invoker.answer(work))

    def _wait_in_thread(self, call_id: int) -> bool:
        woken = asyncio.run_coroutine_threadsafe(self._wait_window(call_id), self._loop)
        try:
            woken.result(timeout=0.5)
        except TimeoutError:
            woken.cancel()
        return not self._closed.done()

    async def _wait_window(self, call_id: int) -> None:
        waker = self._wakers.setdefault(call_id, asyncio.Event())
        waker.clear()
        await waker.wait()

    def _wake(self, call_id: int) -> None:
        waker = self._wakers.get(call_id)
        if waker is not None:
            waker.set()

    def _cancel(self, call_id: int) -> None:
        task = self._tasks.get(call_id)
        if task is not None:
            task.cancel()
            return
        for lane in self._lanes.values():
            for index, entry in enumerate(lane):
                if entry[0][0] == call_id:
                    del lane[index]
                    self.invoker.close(entry[2])
                    self.channel.drop(call_id)
                    return
        self._wake(call_id)

    def _send(self, frame: bytes) -> None:
        """Send with what else this turn of the loop brings."""
        if not self._out:
            self._loop.call_soon(self._flush)
        self._out.append(frame)

    def _flush(self) -> None:
        if self._out:
            data = b"".join(self._out)
            self._out.clear()
            self.channel.send(data)

    def _forget(self, call_id: int) -> None:
        self._tasks.pop(call_id, None)
        self._wakers.pop(call_id, None)
        self.channel.running.discard(call_id)
        self.channel.cancelled.discard(call_id)
        self.channel.windows.pop(call_id, None)

    async def _call(self, route: Bound, work: Work) -> None:
        call_id = work[0]
        body: Buffer = b""
        values: tuple[Any, ...] = ()
        begun = ended = 0
        try:
            body, head = self.invoker.open(work)
            values = route.decode(body, head)
            begun = monotonic_ns()
            value = route.function(*values)
            if hasattr(value, "__await__"):  # a decorated function may not be what its signature says
                value = await value
            ended = monotonic_ns()
            result: bytes | Answer = route.encode(value, head, ended - begun, ended - work[4])
        except asyncio.CancelledError:
            if call_id in self.channel.cancelled:
                self.channel.drop(call_id)
                return
            result = self.invoker.failed(route, RuntimeError("The call was cancelled by its own code."), work)
        except BaseException as error:  # noqa: BLE001 - whatever user code raises is that call's answer
            result = self.invoker.failed(route, error, work)
        finally:
            self.invoker.close(body, values)
            self._forget(call_id)
        ended = ended or monotonic_ns()
        self._send(self.invoker.frame(call_id, result, ended - (begun or ended)))

    async def _stream(self, route: Bound, work: Work) -> None:
        call_id = work[0]
        channel = self.channel
        body: Buffer = b""
        values: tuple[Any, ...] = ()
        pieces: AsyncIterator[Any] | None = None
        opened = False
        begun = monotonic_ns()
        channel.windows[call_id] = 0
        try:
            body, head = self.invoker.open(work)
            values = route.decode(body, head)
            pieces = await _iterate(route.function(*values))
            async for value in pieces:
                piece = chunk_frame(call_id, route.codec.encode_item(value))
                self._send(piece if opened else open_frame(call_id, route.stream_type) + piece)
                opened = True
                channel.windows[call_id] += len(piece) - HEADER_BYTES
                while channel.windows[call_id] > STREAM_WINDOW_BYTES:
                    self._flush()
                    await self._wait_window(call_id)
            start = b"" if opened else open_frame(call_id, route.stream_type)
            self._send(start + end_frame(call_id, monotonic_ns() - begun, route.codec.encode_end()))
        except asyncio.CancelledError:
            self._flush()
            channel.drop(call_id)
        except BaseException as error:  # noqa: BLE001 - whatever user code raises is that call's answer
            self._send(broken(self.invoker, work, error, opened=opened, inference_ns=monotonic_ns() - begun))
        finally:
            close = getattr(pieces, "aclose", None)
            if close is not None:
                await close()
            pieces = None
            self.invoker.close(body, values)
            self._forget(call_id)

    def _join_lane(self, route: Bound, work: Work) -> None:
        body: Buffer = b""
        try:
            body, head = self.invoker.open(work)
            entry = (work, route.decode(body, head), body, head)
        except BaseException as error:  # noqa: BLE001 - a bad item is answered alone and never joins a batch
            self.invoker.close(body)
            self._send(self.invoker.frame(work[0], self.invoker.failed(route, error, work), 0))
            return
        self._lanes.setdefault(work[1], []).append(entry)
        waker = self._lane_wakers.get(work[1])
        if waker is not None:
            waker.set()

    async def _run_lane(self, index: int, route: Bound) -> None:
        batching = route.batching
        assert batching is not None
        lane = self._lanes.setdefault(index, [])
        waker = self._lane_wakers.setdefault(index, asyncio.Event())
        while True:
            while not lane:
                waker.clear()
                await waker.wait()
            if batching.max_wait_ms:
                until = lane[0][0][4] / 1e9 + batching.max_wait_ms / 1e3
                while lane and len(lane) < batching.max_size and (left := until - monotonic_ns() / 1e9) > 0:
                    waker.clear()
                    try:
                        await asyncio.wait_for(waker.wait(), left)
                    except TimeoutError:
                        break
            entries = lane[: batching.max_size]
            del lane[: batching.max_size]
            if not entries:
                continue
            begun = monotonic_ns()
            values = [entry[1] for entry in entries]
            if route.asynchronous:
                results = await run_batch_async(route.function, values)
            else:
                results = await self._loop.run_in_executor(self._threads, run_batch, route.function, values)
            ended = monotonic_ns()
            for (work, own, body, head), result in zip(entries, results, strict=True):
                try:
                    if isinstance(result, BaseException):
                        raise result
                    answer = route.encode(result, head, ended - begun, monotonic_ns() - work[4])
                except BaseException as error:  # noqa: BLE001 - one item's failure is its own
                    answer = self.invoker.failed(route, error, work)
                self._send(self.invoker.frame(work[0], answer, (ended - begun) // len(entries)))
                self.invoker.close(body, own)


async def _iterate(result: Any) -> AsyncIterator[Any]:
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
