"""The engine for several slots of `def` routes, and for batches: user code runs in `slots` threads.

The main thread is the first of them, so that one slot means the main thread alone. A reader thread takes frames
in and decodes items of batched routes while a batch runs; a writer thread encodes and sends a batch's answers
while the next one runs.
"""

from __future__ import annotations

import os
import traceback
from collections import deque
from collections.abc import Callable
from queue import SimpleQueue
from threading import Condition, Lock, Thread, get_ident
from time import monotonic, monotonic_ns
from typing import Any

import msgspec

from hotplate.faces.base import Buffer, Head
from hotplate.worker import progress
from hotplate.worker.batching import run_batch
from hotplate.worker.channel import Channel, Work
from hotplate.worker.flow import Flow
from hotplate.worker.invoke import Bound, Invoker, batch_frame
from hotplate.worker.streams import run_stream

BROKEN_STATUS = 70
"""The exit status when one of this engine's threads ends unexpectedly (sysexits.h, EX_SOFTWARE)."""


class Item(msgspec.Struct):
    """A call that waits for a thread. `values` is there when its route is batched."""

    work: Work
    values: tuple[Any, ...] | None = None
    body: Buffer = b""
    head: Head | None = None


class Done(msgspec.Struct):
    """A batch that ran: what the writer turns into answers."""

    index: int
    items: list[Item]
    results: list[Any]
    begun: int
    ended: int


class Engine:
    """Reader, runners and writer around one queue.

    `_lock` guards the waiting calls, the mark of started calls and which streams are open. Runners without work
    wait for `_work`, one that gathers a batch for `_more`, streams that are far ahead of their clients for `_window`.
    """

    def __init__(self, channel: Channel, invoker: Invoker, slots: int) -> None:
        self.channel = channel
        self.invoker = invoker
        self.slots = slots
        self._waiting: deque[Item] = deque()
        self._gathered: set[int] = set()  # routes for which some runner gathers a batch
        self._lock = Lock()
        self._work = Condition(self._lock)
        self._more = Condition(self._lock)
        self._window = Condition()
        self._done: SimpleQueue[Done | None] = SimpleQueue()
        self._stopped = False
        self._current: dict[int, Work] = {}  # the call that each thread runs, or ran last

    def serve(self) -> None:
        """Answer calls until the server says stop or is gone."""
        self.channel.on_cancel = self._cancel
        self.channel.on_window = self._wake_streams
        progress.serve(self.channel, self._current_id)
        runners = [self._thread(self._run, f"slot-{number}") for number in range(1, self.slots)]
        writer = self._thread(self._write, "writer")
        self._thread(self._read, "reader")
        self._run()
        for thread in runners:
            thread.join()
        self._done.put(None)
        writer.join()

    def _thread(self, target: Callable[[], None], name: str) -> Thread:
        """Start a thread whose unexpected end is the worker's end: a call without a thread would never be answered."""

        def run() -> None:
            try:
                target()
            except BaseException:  # noqa: BLE001 - said, and then the server replaces this worker
                if not self.channel.gone:
                    traceback.print_exc()
                os._exit(BROKEN_STATUS)

        thread = Thread(target=run, name=f"hotplate-{name}", daemon=True)
        thread.start()
        return thread

    # -- the reader

    def _read(self) -> None:
        """Read until the server is gone. After its word to stop, streams still need to know how far they may go."""
        channel, routes = self.channel, self.invoker.routes
        while channel.read():
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
                with self._lock:
                    self._waiting.extend(items)
                    self._work.notify(len(items))
                    if self._gathered:
                        self._more.notify_all()
            if channel.closing and not self._stopped:
                self._stop()
        self._stop()

    def _stop(self) -> None:
        with self._lock:
            self._stopped = True
            self._work.notify_all()
            self._more.notify_all()
        with self._window:
            self._window.notify_all()

    def _decode(self, route: Bound, work: Work) -> Item | None:
        body: Buffer = b""
        try:
            body, head = self.invoker.open(work)
            return Item(work, route.decode(body, head), body, head)
        except BaseException as error:  # noqa: BLE001 - a bad item is answered alone and never joins a batch
            with self._lock:
                self.channel.start_all((work[0],))
            self.channel.send(self.invoker.frame(work[0], self.invoker.failed(route, error, work), 0))
            self.invoker.close(body)
            return None

    def _cancel(self, call_id: int) -> None:
        with self._lock:
            for index, item in enumerate(self._waiting):
                if item.work[0] == call_id:
                    del self._waiting[index]
                    break
            else:  # it has a thread, perhaps since a moment ago; then its flow is there since that moment
                flow = self.channel.flows.get(call_id)
                if flow is None:
                    self._cancel_running(call_id)
                    return
                flow.cancelled = True
                item = None
        if item is None:
            self._wake_streams(call_id)
            return
        self.invoker.close(item.body, item.values or ())
        self.channel.drop(call_id)

    def _cancel_running(self, call_id: int) -> None:
        """Let a plain function know. A batch goes on: it is other callers' too."""
        for work in self._current.values():
            if work[0] == call_id and self.invoker.routes[work[1]].batching is None:
                self.channel.cancelled.add(call_id)

    def _current_id(self) -> int | None:
        work = self._current.get(get_ident())
        return None if work is None else work[0]

    def _wake_streams(self, _: int) -> None:
        with self._window:
            self._window.notify_all()

    # -- the runners

    def _wait_window(self, flow: Flow) -> None:
        with self._window:
            while flow.full and not self.channel.gone:
                self._window.wait()

    def _run(self) -> None:
        channel, invoker = self.channel, self.invoker
        while True:
            items = self._take()
            if not items:
                return
            work = items[0].work
            index = work[1]
            route = invoker.routes[index]
            if route.batching is not None:
                begun = monotonic_ns()
                results = run_batch(route.function, [item.values or () for item in items])
                self._done.put(Done(index, items, results, begun, monotonic_ns()))
            elif route.stream:
                run_stream(channel, invoker, work, poll=bool, wait=self._wait_window)
            else:
                channel.send(invoker.answer(work))

    def _take(self) -> list[Item]:
        """The next call, or the next batch: all that waits for the same route, up to its size. Empty: the end."""
        routes = self.invoker.routes
        with self._lock:
            while True:
                place = self._next()
                if place is None:
                    if self._stopped and not self._waiting:
                        self._work.notify_all()
                        return []
                    self._work.wait()
                    continue
                item = self._waiting[place]
                call_id, index = item.work[0], item.work[1]
                route = routes[index]
                if route.batching is not None:
                    items = self._gather(item.work, route.batching.max_size, route.batching.max_wait_ms)
                    if items:
                        self._begin(items[0].work)
                        self._work.notify(bool(self._waiting))
                        return items
                    continue
                del self._waiting[place]
                self._work.notify(bool(self._waiting))
                self.channel.start_all((call_id,))
                self._begin(item.work)
                if route.stream:
                    self.channel.flows[call_id] = Flow()
                return [item]

    def _begin(self, work: Work) -> None:
        """Note, under the lock, what this thread runs now, and forget the call before."""
        thread = get_ident()
        before = self._current.get(thread)
        if before is not None:
            self.channel.cancelled.discard(before[0])
        self._current[thread] = work

    def _next(self) -> int | None:
        """The place in the queue of the first call that no other runner has in mind."""
        if not self._gathered:
            return 0 if self._waiting else None
        return next((n for n, item in enumerate(self._waiting) if item.work[1] not in self._gathered), None)

    def _gather(self, first: Work, most: int, wait_ms: float) -> list[Item]:
        """Take what waits for a batched route; empty when all of it was cancelled while this waited for more."""
        index = first[1]
        if wait_ms:
            self._gathered.add(index)
            until = first[4] / 1e9 + wait_ms / 1e3
            while 0 < self._count(index) < most and not self._stopped and (left := until - monotonic()) > 0:
                self._more.wait(left)
            self._gathered.discard(index)
        items = [item for item in self._waiting if item.work[1] == index][:most]
        if len(items) == len(self._waiting):
            self._waiting.clear()
        else:
            taken = {item.work[0] for item in items}
            self._waiting = deque(item for item in self._waiting if item.work[0] not in taken)
        self.channel.start_all(item.work[0] for item in items)
        return items

    def _count(self, index: int) -> int:
        return sum(1 for item in self._waiting if item.work[1] == index)

    # -- the writer

    def _write(self) -> None:
        channel, invoker = self.channel, self.invoker
        while (done := self._done.get()) is not None:
            route = invoker.routes[done.index]
            took = done.ended - done.begun
            out = [batch_frame(done.index, len(done.items))]
            for item, result in zip(done.items, done.results, strict=True):
                try:
                    if isinstance(result, BaseException):
                        raise result
                    answer = route.encode(result, item.head, took, monotonic_ns() - item.work[4])
                except BaseException as error:  # noqa: BLE001 - one item's failure is its own
                    answer = invoker.failed(route, error, item.work)
                out.append(invoker.frame(item.work[0], answer, took // len(done.items)))
                invoker.close(item.body, item.values or ())
            channel.send(b"".join(out))
