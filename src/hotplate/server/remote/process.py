"""A replica on another machine from its start to its end: told what to start, listened to, looked after.

To the pool it is a process. It is *lost* when its target says so or when it has given no sign for a while, and then its
cell is ended, so that it cannot go on unseen. While it gives no sign, it is given no calls.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING

import msgspec

from hotplate.server.process import UNKNOWN_STATUS, Level
from hotplate.server.remote.link import RemoteLink
from hotplate.server.remote.reach import NoAnswer, Reach
from hotplate.server.remote.wire import Wire
from hotplate.wire import frames, remote
from hotplate.wire.failure import Failure, encode_failure
from hotplate.wire.remote import Batch, Beat, Dropped, Failed, Line, Metric, News, Record, State, Told, decode_news

if TYPE_CHECKING:
    from hotplate.server.output import Output
    from hotplate.server.pool import Pool
    from hotplate.targets.base import Cell, Target

ORDER_S = 60.0
"""How long a replica may take from its start until it listens."""
AGAIN_S = 0.1
SILENCE_S = 2.0
"""A replica that has said nothing for so long is given no calls; it says something every half second."""
END_S = 5.0
TOGETHER_S = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Probing:
    """When a replica counts as lost: after `failures` looks in a row without an answer, one every `interval_s`."""

    interval_s: float = 2.0
    timeout_s: float = 2.0
    failures: int = 3


class _Lost(Exception):
    """It is gone, or as good as gone."""


class RemoteProcess:
    """See above. `order` is what it is told to start with, as JSON."""

    level: Level = "cold"
    output: Output | None = None
    share = None
    pid = 0
    lost = False
    """It is gone with its place, or as good as gone: that is no crash of its own."""

    def __init__(
        self,
        target: Target,
        cell: Cell,
        reach: Reach,
        order: bytes,
        probing: Probing,
        remove: Callable[[Target, Cell], None],
    ) -> None:
        self.reach = reach
        self.where = cell.where
        self.marks: dict[str, int] = {}
        self.rss_bytes = 0
        self._target = target
        self._cell = cell
        self._order = order
        self._probing = probing
        self._remove = remove
        self._exited: Callable[[int], None] = lambda _: None
        self._reason = ""
        self._over = False
        self._ending = False  # it was asked to end
        self._ready = self._way = self._running = False
        self._broken: list[str] = []
        self._heard = monotonic()
        self._pool: Pool
        self._link: RemoteLink
        self._life: asyncio.Task[None] | None = None
        self._asking: asyncio.Task[None] | None = None

    # -- what the pool wants of a process

    def make_link(
        self, owner: Pool, number: int, *, id_prefix: str, replica_header: bytes, loop: asyncio.AbstractEventLoop
    ) -> RemoteLink:
        """What calls go through."""
        del replica_header  # the replica has its own
        self._pool = owner
        link = self._link = RemoteLink(owner, self, number, id_prefix=id_prefix, loop=loop)
        link.ask_end = self._begin_end
        return link

    async def attach(self, loop: asyncio.AbstractEventLoop, link: RemoteLink, output: Output) -> None:
        """Begin."""
        self.output = output
        self._life = loop.create_task(self._live())

    def watch(self, loop: asyncio.AbstractEventLoop, exited: Callable[[int], None]) -> None:
        """Call `exited` when it is over."""
        self._exited = exited
        self._target.watch(self._cell, self._gone)

    @property
    def leaves_marks(self) -> bool:
        """Whether it can be told, when it is gone, which calls had certainly not begun."""
        return self._cell.marks is not None

    def _gone(self, reason: str, *, own: bool = False) -> None:
        """The target says that it has ended: what it marked is final."""
        if self._cell.marks is not None and not self._over:
            try:
                self._link.doubtful.marks = self._cell.marks()
            except OSError:  # then nothing is known
                pass
        self._end(reason, own=own)

    def describe_exit(self, status: int) -> str:
        """`was lost: the node is gone`, `crashed: its process was killed`, or how it ended when it was told to."""
        del status
        if not self._reason:
            return "ended"
        return f"was lost: {self._reason}" if self.lost else f"crashed: {self._reason}"

    def kill(self) -> None:
        """End it at once, and its cell."""
        self._end("")

    def close(self) -> None:
        """Nothing is held here any more."""

    # -- its life

    async def _live(self) -> None:
        try:
            await self._start()
            async with asyncio.TaskGroup() as group:
                group.create_task(self._keep_wire())
                group.create_task(self._listen())
                group.create_task(self._probe())
                group.create_task(self._notice_silence())
        except* _Lost as lost:
            self._end(str(lost.exceptions[0]))
        except* Exception as error:
            self._end(f"an internal error: {error.exceptions[0]}")
            raise

    async def _start(self) -> None:
        """Tell it what to start with, as soon as it listens."""
        until = monotonic() + ORDER_S
        while True:
            try:
                status, body = await self.reach.ask("POST", remote.START, self._order, timeout_s=10.0)
            except NoAnswer as error:
                if monotonic() > until:
                    raise _Lost(f"it did not listen within {ORDER_S:g} s ({error})") from None
                await asyncio.sleep(AGAIN_S)
                continue
            if status == 200:
                self._heard = monotonic()
                return
            raise _Lost(f"it would not start: {_detail(body) or f'status {status}'}")

    async def _keep_wire(self) -> None:
        """Have a connection for small calls, if the replica agrees: before its first call, and again after a loss."""
        reach, loop = self.reach, asyncio.get_running_loop()
        while True:
            wire = Wire(self._link, reach)
            try:
                async with asyncio.timeout(self._probing.timeout_s):
                    await loop.create_connection(lambda wire=wire: wire, reach.host, reach.port, ssl=reach.tls)
                    if not await wire.opened:
                        return self._go()  # such as by a proxy between the two that knows no upgrades
            except (OSError, TimeoutError):
                await asyncio.sleep(AGAIN_S)
                continue
            self._link.wire = wire
            self._link.doubtful.give_up("the connection broke off")  # it lives, and has dropped them
            self._go()
            await wire.lost.wait()
            await asyncio.sleep(AGAIN_S)

    def _go(self) -> None:
        """The way for calls is known."""
        self._way = True
        self._try_to_run()

    async def _listen(self) -> None:
        while True:
            try:
                async for line in self.reach.lines(remote.NEWS, silence_s=self._probing.interval_s * 2):
                    self._heard = monotonic()
                    try:
                        self._take(decode_news(line))
                    except msgspec.DecodeError:
                        raise _Lost("what it says is not understood: is it another version?") from None
            except NoAnswer:
                pass  # whether that matters, the looks say
            if self._ending:  # this is the last thing that it closes
                return self._end("")
            await asyncio.sleep(AGAIN_S)

    async def _probe(self) -> None:
        """Look whether it lives. It may be busy starting its worker again, and answers all the same."""
        failed, probing = 0, self._probing
        while True:
            await asyncio.sleep(probing.interval_s if not failed else probing.interval_s / 4)
            try:
                await self.reach.ask("GET", remote.READY, timeout_s=probing.timeout_s)
                failed = 0
            except NoAnswer as error:
                failed += 1
                if failed >= probing.failures:
                    raise _Lost(f"{error}, {failed} times in a row") from None

    async def _notice_silence(self) -> None:
        while True:
            await asyncio.sleep(remote.BEAT_S)
            if self._link.ready and monotonic() - self._heard > SILENCE_S:
                self.doubted(f"it has said nothing for {SILENCE_S:g} s")

    # -- what it says

    def _take(self, news: News) -> None:
        link, pool = self._link, self._pool
        match news:
            case Beat():
                self.rss_bytes = news.rss_bytes
                ready = news.ready and self._way
                if self._running and not self._ending and ready != link.ready:
                    if ready:
                        pool.endpoint.join(link)
                        link.ready = True
                    else:
                        pool.endpoint.leave(link)
                link.beat(news)
            case Line():
                if self.output is not None:
                    link.printing = news.request_id
                    self.output.line(news.stream, news.text.encode())
            case State():
                self._state(news.state)
            case Told():
                pool.told(link, frames.CONTRACT, 0, b"", bytes(news.contract))
            case Metric():
                pool.endpoint.counted.add(news.sample)
            case Batch():
                if news.route < len(pool.endpoint.routes):
                    pool.batched(link, news.route, news.items)
            case Record():
                self._record(news)
            case Failed():
                self._fail(news.failure)
            case Dropped():
                pool.log.warning(
                    f"{news.lines} lines of worker {link.number} were lost on their way", worker=link.number
                )

    def _state(self, state: str) -> None:
        link, pool = self._link, self._pool
        if state == "SHUTTING_DOWN" and not self._ending:
            self._ending = True
            pool.withdraw(link)
        elif state == "RUNNING":
            self._ready = True
            self._try_to_run()
        elif state in frames.STATES and not self._running:
            pool.told(link, frames.STATE, frames.STATES.index(state), b"", b"")

    def _try_to_run(self) -> None:
        if self._ready and self._way and not self._running:
            self._running = True
            self._pool.told(self._link, frames.STATE, frames.RUNNING, b"", b"")

    def _record(self, record: Record) -> None:
        pool, more = self._pool, {}
        if record.last_output is not None:
            more = {"last_output": record.last_output}
            pool.endpoint.restarts += 1
        if record.level in ("warning", "error"):
            pool.log.write(record.level, record.text, {"worker": self._link.number, **more})

    def _fail(self, failure: Failure) -> None:
        self._pool.told(self._link, frames.FAILED, 0, b"", encode_failure(failure))
        self._end("")

    # -- what its link finds out

    def doubted(self, why: str) -> None:
        """It cannot be reached now: it is given no calls until it gives a sign."""
        link = self._link
        if link.ready:
            self._pool.endpoint.leave(link)
            self._warn(f"cannot be reached: {why}. It is given no calls until it answers")

    def way_lost(self, why: str) -> None:
        """The connection for small calls was lost: there are no calls until it is there again."""
        self._way = False
        self.doubted(why)

    def broke(self, why: str) -> None:
        """A connection was lost with a call on it. What happens within a moment is told together."""
        if not self._broken:
            asyncio.get_running_loop().call_later(TOGETHER_S, self._tell_broken)
        self._broken.append(why)

    def _tell_broken(self) -> None:
        broken, self._broken = self._broken, []
        calls = f"{len(broken)} call{'s' * (len(broken) != 1)}"
        self._warn(f"was cut off while it ran {calls}: {broken[-1]}")

    def _warn(self, text: str) -> None:
        number = self._link.number
        self._pool.log.warning(f"worker {number} at {self.where} {text}", worker=number)

    # -- its end

    def _begin_end(self) -> None:
        self._ending = True
        if self._asking is None:
            self._asking = asyncio.get_running_loop().create_task(self._ask_end())

    async def _ask_end(self) -> None:
        try:
            await self.reach.ask("POST", remote.END, timeout_s=END_S)
        except NoAnswer as error:
            self._end(str(error))

    def _end(self, reason: str, *, own: bool = False) -> None:
        """It is over, whoever says so first."""
        if self._over:
            return
        self._over = True
        self._reason = "" if self._ending else reason
        self.lost = bool(self._reason) and not own
        if self._life is not None and self._life is not asyncio.current_task():
            self._life.cancel()
        self._remove(self._target, self._cell)
        asyncio.get_running_loop().call_soon(self._exited, UNKNOWN_STATUS)


def _detail(body: bytes) -> str:
    try:
        return str(msgspec.json.decode(body, type=dict[str, str]).get("detail", ""))
    except msgspec.DecodeError:
        return ""
