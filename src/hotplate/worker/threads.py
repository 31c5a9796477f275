"""The engine for several slots of `def` routes, and for batches: user code runs in `slots` threads.

The main thread is the first of them, so that one slot means the main thread alone. A reader thread takes frames
in and decodes items of batched routes while a batch runs; a writer thread encodes and sends a batch's answers
while the next one runs.
"""

from __future__ import annotations

from collections import deque
from queue import SimpleQueue
from threading import Condition, Thread
from time import monotonic, monotonic_ns
from typing import Any

import msgspec

from hotplate.faces.base import Buffer, Head
from hotplate.worker.batching import run_batch
from hotplate.worker.channel import Channel, Work
from hotplate.worker.invoke import Bound, Invoker
from hotplate.worker.streams import run_stream


class Item(msgspec.Struct):
    """A call that waits for a thread. `values` is there when its route is batched."""

    work: Work
    values: tuple[Any, ...] | None = None
    body: Buffer = b""
    head: Head | None = None


class Done(msgspec.Struct):
    """A batch that ran: what the writer turns into answers."""

    route: Bound
    items: list[Item]
    results: list[Any]
    begun: int
    ended: int


class Engine:
    """Reader, runners and writer around one queue."""

    def __init__(self, channel: Channel, invoker: Invoker, slots: int) -> None:
        self.channel = channel
        self.invoker = invoker
        self.slots = slots
        self._waiting: deque[Item] = deque()
        self._changed = Condition()
        self._window = Condition()
        self._done: SimpleQueue[Done | None] = SimpleQueue()
        self._stopped = False

    def serve(self) -> None:
        """Answer calls until the server says stop or is gone."""
        self.channel.on_cancel = self._cancel
        self.channel.on_window = self._wake_streams
        writer = Thread(target=self._write, name="hotplate-writer", daemon=True)
        runners = [Thread(target=self._run, name=f"hotplate-slot-{n}", daemon=True) for n in range(1, self.slots)]
        for thread in (Thread(target=self._read, name="hotplate-reader", daemon=True), writer, *runners):
            thread.start()
        self._run()
        for thread in runners:
            thread.join()
        self._done.put(None)
        writer.join()

    def _read(self) -> None:
        channel, routes = self.channel, self.invoker.routes
        while not channel.closing and channel.read():
            items: list[Item] = []
            while channel.queue:
                work = channel.queue.popleft()
                if routes[work[1]].batching is None:
                    items.append(Item(work))
                else:
                    item = self._decode(routes[work[1]], work)
                    if item is not None:
                        items.append(item)
            if items:
                with self._changed:
                    self._waiting.extend(items)
                    self._changed.notify(len(items))
        self._stopped = True
        with self._changed:
            self._changed.notify_all()
        with self._window:
            self._window.notify_all()

    def _decode(self, route: Bound, work: Work) -> Item | None:
        body: Buffer = b""
        try:
            body, head = self.invoker.open(work)
            return Item(work, route.decode(body, head), body, head)
        except BaseException as error:  # noqa: BLE001 - a bad item is answered alone and never joins a batch
            self.channel.start_all((work[0],))
            self.channel.send(self.invoker.frame(work[0], self.invoker.failed(route, error, work), 0))
            self.invoker.close(body)
            return None

    def _cancel(self, call_id: int) -> None:
        with self._changed:
            for index, item in enumerate(self._waiting):
                if item.work[0] == call_id:
                    del self._waiting[index]
                    break
            else:
                return self._wake_streams(call_id)
        self.invoker.close(item.body)
        self.channel.drop(call_id)

    def _wake_streams(self, _: int) -> None:
        with self._window:
            self._window.notify_all()

    def _wait_window(self, _: int) -> bool:
        with self._window:
            self._window.wait(timeout=0.5)
        return not self._stopped

    def _run(self) -> None:
        channel, invoker = self.channel, self.invoker
        while True:
            items = self._take()
            if not items:
                return
            work = items[0].work
            route = invoker.routes[work[1]]
            if route.batching is not None:
                begun = monotonic_ns()
                results = run_batch(route.function, [item.values or () for item in items])
                self._done.put(Done(route, items, results, begun, monotonic_ns()))
            elif route.stream:
                run_stream(channel, invoker, work, poll=bool, wait=self._wait_window)
            else:
                channel.send(invoker.answer(work))

    def _take(self) -> list[Item]:
        """The next call, or the next batch: all that waits for the same route, up to its size."""
        with self._changed:
            while not self._waiting:
                if self._stopped:
                    return []
                self._changed.wait()
            index = self._waiting[0].work[1]
            batching = self.invoker.routes[index].batching
            if batching is None:
                item = self._waiting.popleft()
                self.channel.start_all((item.work[0],))
                return [item]
            if batching.max_wait_ms:
                until = self._waiting[0].work[4] / 1e9 + batching.max_wait_ms / 1e3
                while self._count(index) < batching.max_size and (left := until - monotonic()) > 0:
                    self._changed.wait(left)
            items = [item for item in self._waiting if item.work[1] == index][: batching.max_size]
            if len(items) == len(self._waiting):
                self._waiting.clear()
            else:
                taken = {item.work[0] for item in items}
                self._waiting = deque(item for item in self._waiting if item.work[0] not in taken)
            self.channel.start_all(item.work[0] for item in items)
            return items or self._take()

    def _count(self, index: int) -> int:
        return sum(1 for item in self._waiting if item.work[1] == index)

    def _write(self) -> None:
        channel, invoker = self.channel, self.invoker
        while (done := self._done.get()) is not None:
            share = (done.ended - done.begun) // len(done.items)
            out: list[bytes] = []
            for item, result in zip(done.items, done.results, strict=True):
                try:
                    if isinstance(result, BaseException):
                        raise result
                    answer = done.route.encode(
                        result, item.head, done.ended - done.begun, monotonic_ns() - item.work[4]
                    )
                except BaseException as error:  # noqa: BLE001 - one item's failure is its own
                    answer = invoker.failed(done.route, error, item.work)
                out.append(invoker.frame(item.work[0], answer, share))
                invoker.close(item.body, item.values or ())
            channel.send(b"".join(out))
