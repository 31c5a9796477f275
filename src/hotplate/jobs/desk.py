"""The store's own threads: one writes, with many operations to a flush; one reads. Nobody else touches a store.

`write` takes an operation (a function of the store), and calls back on the loop when the transaction that held it is
on disk. What waits when the writer comes back from a flush goes into the next one together: a hundred submits at
once cost one flush, and a single one costs one.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from threading import Condition, Thread
from typing import Any, TypeVar

from hotplate.errors import StorageFull
from hotplate.jobs.store import Store

T = TypeVar("T")
MOST = 256
"""Operations in one transaction, at most: so many wait for the slowest of them."""

Operation = Callable[[Store], Any]
Done = Callable[[Any, BaseException | None], None]


class Desk:
    """Two threads around two connections. All methods are called on the loop."""

    def __init__(self, open_store: Callable[[], Store], translate: Callable[[BaseException], BaseException]) -> None:
        self._loop = asyncio.get_running_loop()
        self._open = open_store
        self._translate = translate
        self._writer = _Counter("write", self, together=True)
        self._reader = _Counter("read", self, together=False)

    async def open(self) -> None:
        """Open the store, which brings its schema up to date. Raises what opening raises."""
        await self._writer.start()
        try:
            await self._reader.start()
        except BaseException:
            await self._writer.stop()
            raise

    async def close(self) -> None:
        """Finish what was handed in and close the store."""
        await self._reader.stop()
        await self._writer.stop()

    def write(self, operation: Operation, done: Done) -> None:
        """Run an operation in a transaction; `done(result, error)` when it is on disk."""
        self._writer.put(operation, done)

    def look(self, operation: Operation, done: Done) -> None:
        """Look something up; `done(result, error)` with it."""
        self._reader.put(operation, done)

    def wrote(self, operation: Callable[[Store], T]) -> asyncio.Future[T]:
        """Run an operation in a transaction. It stands in line at once; what it gives is there when it is on disk."""
        return self._ask(self._writer, operation)

    def read(self, operation: Callable[[Store], T]) -> asyncio.Future[T]:
        """Look something up."""
        return self._ask(self._reader, operation)

    def _ask(self, counter: _Counter, operation: Callable[[Store], T]) -> asyncio.Future[T]:
        future: asyncio.Future[T] = self._loop.create_future()

        def done(result: Any, error: BaseException | None) -> None:
            if future.done():
                return
            if error is not None:
                future.set_exception(error)
            else:
                future.set_result(result)

        counter.put(operation, done)
        return future

    # -- for the counters

    def connect(self) -> Store:
        """Make a connection."""
        return self._open()

    def explain(self, error: BaseException) -> BaseException:
        """The error that callers get."""
        return self._translate(error)

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """Where callbacks run."""
        return self._loop


class _Counter:
    """One thread, one connection, one line of operations."""

    def __init__(self, name: str, desk: Desk, *, together: bool) -> None:
        self._desk = desk
        self._together = together
        self._line: deque[tuple[Operation, Done]] = deque()
        self._came = Condition()
        self._closing = False
        self._thread = Thread(target=self._run, name=f"hotplate-jobs-{name}", daemon=True)
        self._opened: asyncio.Future[None]
        self._ended: asyncio.Future[None]

    async def start(self) -> None:
        self._opened = self._desk.loop.create_future()
        self._ended = self._desk.loop.create_future()
        self._thread.start()
        await self._opened

    async def stop(self) -> None:
        with self._came:
            self._closing = True
            self._came.notify()
        await self._ended

    def put(self, operation: Operation, done: Done) -> None:
        with self._came:
            if self._closing:
                self._desk.loop.call_soon(done, None, StorageFull("The server is shutting down. Try again."))
                return
            self._line.append((operation, done))
            if len(self._line) == 1:
                self._came.notify()

    # -- in the thread

    def _run(self) -> None:
        try:
            store = self._desk.connect()
        except BaseException as error:  # noqa: BLE001 - whoever opens gets it
            self._tell(self._opened.set_exception, self._desk.explain(error))
            return
        self._tell(self._opened.set_result, None)
        try:
            while batch := self._take():
                if self._together:
                    self._transact(store, batch)
                else:
                    self._settle([self._alone(store, one) for one in batch])
        finally:
            store.close()
            self._tell(self._ended.set_result, None)

    def _take(self) -> list[tuple[Operation, Done]]:
        with self._came:
            while not self._line and not self._closing:
                self._came.wait()
            return [self._line.popleft() for _ in range(min(MOST, len(self._line)))]

    def _transact(self, store: Store, batch: list[tuple[Operation, Done]]) -> None:
        """Run operations in one transaction. If one fails, each is tried in its own, so that it fails alone."""
        try:
            store.begin()
            results = [operation(store) for operation, _ in batch]
            store.commit()
        except BaseException as error:  # noqa: BLE001 - whoever asked gets it
            self._undo(store)
            if len(batch) > 1 and not isinstance(self._desk.explain(error), StorageFull):
                for one in batch:
                    self._transact(store, [one])
            else:
                failed = self._desk.explain(error)
                self._settle([(done, None, failed) for _, done in batch])
            return
        self._settle([(done, result, None) for (_, done), result in zip(batch, results, strict=True)])

    @staticmethod
    def _undo(store: Store) -> None:
        try:
            store.rollback()
        except Exception:  # noqa: BLE001, S110 - the first error is the one that counts
            pass

    def _alone(self, store: Store, one: tuple[Operation, Done]) -> tuple[Done, Any, BaseException | None]:
        operation, done = one
        try:
            return done, operation(store), None
        except BaseException as error:  # noqa: BLE001 - whoever asked gets it
            return done, None, self._desk.explain(error)

    def _settle(self, settled: list[tuple[Done, Any, BaseException | None]]) -> None:
        """Call back on the loop, once for all of them."""

        def tell() -> None:
            for done, result, error in settled:
                try:
                    done(result, error)
                except Exception as failure:  # noqa: BLE001 - one that fails must not keep the others waiting
                    self._desk.loop.call_exception_handler({"message": "A jobs callback failed", "exception": failure})

        self._tell(tell)

    def _tell(self, callback: Callable[..., object], *values: Any) -> None:
        try:
            self._desk.loop.call_soon_threadsafe(callback, *values)
        except RuntimeError:  # the loop has ended: nobody waits any more
            pass
