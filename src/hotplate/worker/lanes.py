"""Batches beside an event loop: one lane per batched route, one call of its function at a time.

While a batch runs, the next one's items arrive and are decoded; it takes what waits, so that batches grow with load.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from time import monotonic_ns
from typing import Any

import msgspec

from hotplate.faces.base import Buffer, Head
from hotplate.worker.batching import run_batch_async
from hotplate.worker.channel import Work
from hotplate.worker.invoke import Bound, Invoker, batch_frame


class Item(msgspec.Struct):
    """A decoded call that waits for its batch."""

    work: Work
    values: tuple[Any, ...]
    body: Buffer
    head: Head | None


class Lane:
    """The calls of one batched route. `send` takes answer frames; `in_thread` runs a `def` function."""

    def __init__(
        self,
        index: int,
        invoker: Invoker,
        send: Callable[[bytes], None],
        in_thread: Callable[[Callable[..., Any], Sequence[tuple[Any, ...]]], Awaitable[list[Any]]],
    ) -> None:
        self._index = index
        self._route: Bound = invoker.routes[index]
        self._invoker = invoker
        self._send = send
        self._in_thread = in_thread
        self._items: deque[Item] = deque()
        self._came = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()

    def join(self, work: Work) -> None:
        """Decode a call and let it wait. A bad item is answered alone and never joins a batch."""
        body: Buffer = b""
        try:
            body, head = self._invoker.open(work)
            item = Item(work, self._route.decode(body, head), body, head)
        except BaseException as error:  # noqa: BLE001 - whatever decoding raises is that call's answer
            self._invoker.close(body)
            self._send(self._invoker.frame(work[0], self._invoker.failed(self._route, error, work), 0))
            return
        self._items.append(item)
        self._idle.clear()
        self._came.set()

    def leave(self, call_id: int) -> bool:
        """Take a call out that still waits. False when it is not here."""
        for place, item in enumerate(self._items):
            if item.work[0] == call_id:
                del self._items[place]
                self._invoker.close(item.body, item.values)
                return True
        return False

    async def empty(self) -> None:
        """Wait until nothing waits and nothing runs."""
        await self._idle.wait()

    async def run(self, on_start: Callable[[Sequence[int]], None]) -> None:
        """Call the function with what waits, again and again, until cancelled. `on_start` is told what begins."""
        while True:
            while not self._items:
                self._idle.set()
                self._came.clear()
                await self._came.wait()
            items = await self._gather()
            if items:
                on_start([item.work[0] for item in items])
                await self._run_batch(items)

    async def _gather(self) -> list[Item]:
        batching = self._route.batching
        assert batching is not None
        if batching.max_wait_ms:
            until = self._items[0].work[4] / 1e9 + batching.max_wait_ms / 1e3
            while 0 < len(self._items) < batching.max_size and (left := until - monotonic_ns() / 1e9) > 0:
                self._came.clear()
                try:
                    await asyncio.wait_for(self._came.wait(), left)
                except TimeoutError:
                    break
        return [self._items.popleft() for _ in range(min(batching.max_size, len(self._items)))]

    async def _run_batch(self, items: list[Item]) -> None:
        route, invoker = self._route, self._invoker
        begun = monotonic_ns()
        values = [item.values for item in items]
        if route.asynchronous:
            results = await run_batch_async(route.function, values)
        else:
            results = await self._in_thread(route.function, values)
        ended = monotonic_ns()
        self._send(batch_frame(self._index, len(items)))
        for item, result in zip(items, results, strict=True):
            try:
                if isinstance(result, BaseException):
                    raise result
                answer = route.encode(result, item.head, ended - begun, monotonic_ns() - item.work[4])
            except BaseException as error:  # noqa: BLE001 - one item's failure is its own
                answer = invoker.failed(route, error, item.work)
            self._send(invoker.frame(item.work[0], answer, (ended - begun) // len(items)))
            invoker.close(item.body, item.values)
