"""An endpoint's admission, queue and statistics: every request goes to a free slot, waits in the queue, or is refused.

One queue, late binding: a request is given to a worker when that worker has room. Calls that are much shorter than
the way to the worker are sent a little ahead of their slot (see `Link.window`), which costs no order and no loss:
after a crash those that had not begun go back to the head of the queue.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from time import monotonic_ns
from typing import TYPE_CHECKING

from hotplate.contract import Contract
from hotplate.edge.exchange import Exchange
from hotplate.edge.response import problem
from hotplate.edge.status import STATUS
from hotplate.server.cold_starts import ColdStarts
from hotplate.server.counted import Counted
from hotplate.server.metrics import SECONDS, Histogram, RouteMetrics

if TYPE_CHECKING:
    from hotplate.server.links import AnyLink
    from hotplate.server.memory import Memory

MAX_QUEUE = 1000
QUEUE_PER_SLOT = 10
MOST_GONE = 64
DEADLINE_S = 300.0
JSON = b"content-type: application/json\r\n"


class Endpoint:
    """What runs, what waits, and what was counted.

    With `on_held`, a request that finds no worker waits for one, and `on_held` is called so that one is started.
    Without, it is answered that the model is not ready. `hand_over`, once set, takes the requests of an endpoint that
    has been replaced.
    """

    def __init__(
        self,
        *,
        queue_size: int | None,
        id_prefix: str,
        memory: Memory,
        timeout_s: float = DEADLINE_S,
        on_held: Callable[[], None] | None = None,
    ) -> None:
        self.memory = memory
        self.deadline_ns = int(timeout_s * 1e9)
        self.on_held = on_held
        self.hand_over: Callable[[Exchange], None] | None = None
        self.contract: Contract | None = None
        self.links: list[AnyLink] = []
        self.only: AnyLink | None = None
        self.queue: deque[Exchange] = deque()
        self.waiting = 0
        self.backlog = 0  # jobs in their store that will come when there is room
        self._gone = 0  # how many in the queue nobody waits for any more
        self.state = "UNINITIALIZED"
        self.trouble = ""
        self.routes: list[RouteMetrics] = []
        self.counted = Counted()
        self.cold_starts = ColdStarts()
        self.on_held = on_held
        self.queue_wait = Histogram(SECONDS)
        self.refused = 0
        self.lost_calls = 0
        self.restarts = self.losses = 0
        self._queue_size = queue_size
        self._id_prefix = id_prefix
        self._ids = 0

    # -- workers

    def join(self, link: AnyLink) -> None:
        """A worker takes calls from now on."""
        self.links.append(link)
        self._note_links()
        self.pump(link)

    def leave(self, link: AnyLink) -> None:
        """A worker takes no more calls."""
        link.ready = False
        if link in self.links:
            self.links.remove(link)
            self._note_links()

    def _note_links(self) -> None:
        alone = len(self.links) == 1
        self.only = self.links[0] if alone else None
        for link in self.links:
            link.alone = alone

    # -- admission

    def submit(self, exchange: Exchange) -> None:
        """Run a request now, queue it, or refuse it."""
        if not self.waiting:
            link = self.only or self._free_link()
            if link is not None and len(link.pending) < link.window:
                link.send(exchange)
                return
        if not self.links and self.hand_over is not None:
            self.hand_over(exchange)
        elif not self.links and not self._may_wait(exchange):
            self.refuse_not_ready(exchange)
        elif self.waiting >= self.queue_limit:
            self.refused += 1
            self.refuse(exchange, "overloaded", "Every slot is busy and the queue is full. Try again later.")
        else:
            self.waiting += 1
            self.queue.append(exchange)
            if self.on_held is not None and not self.links:
                self._hold(exchange)

    def _may_wait(self, exchange: Exchange) -> bool:
        """Whether a request waits although no worker is there: one is being replaced, or will be started for it."""
        if self.on_held is None:
            return self.state == "RUNNING"
        if exchange.plan.patience_ns == 0 or self.trouble:
            self.on_held()  # for those who come later
            return False
        return True

    def _hold(self, exchange: Exchange) -> None:
        patience_ns = exchange.plan.patience_ns
        if patience_ns is not None:
            exchange.connection.deadline_ns = monotonic_ns() + min(patience_ns, self.deadline_ns)
        assert self.on_held is not None
        self.on_held()

    @property
    def accepting(self) -> bool:
        """Whether a call that comes now is run, at once or as soon as a worker has been started for it."""
        return any(link.ready for link in self.links) or (self.on_held is not None and not self.trouble)

    def _free_link(self) -> AnyLink | None:
        best: AnyLink | None = None
        least = 0
        for link in self.links:
            load = len(link.pending)
            if link.ready and load < link.window and (best is None or load < least):
                best, least = link, load
        return best

    @property
    def queue_limit(self) -> int:
        """How many requests may wait."""
        if self._queue_size is not None:
            return self._queue_size
        if self.on_held is not None:
            return MAX_QUEUE  # workers come when they are wanted: those that are there now say little
        slots = sum(link.capacity for link in self.links) or 1
        return min(MAX_QUEUE, QUEUE_PER_SLOT * max(slots, 10))

    @property
    def full(self) -> bool:
        """Whether the next request would be refused."""
        return self.waiting >= self.queue_limit and self._free_link() is None

    def pump(self, link: AnyLink) -> None:
        """A worker has room: give it what waits."""
        queue = self.queue
        while self.waiting and link.ready and len(link.pending) < link.window:
            exchange = queue.popleft()
            if exchange.abandoned:
                self._gone -= 1
                continue
            self.waiting -= 1
            now = monotonic_ns()
            self.queue_wait.observe((now - exchange.received_ns) / 1e9)
            if exchange.plan.patience_ns is not None:  # its deadline was that of the wait
                exchange.connection.deadline_ns = now + self.deadline_ns
            link.send(exchange)

    def take_waiting(self) -> list[Exchange]:
        """Give what waits to somebody else, in order."""
        taken = [exchange for exchange in self.queue if not exchange.abandoned]
        self.queue.clear()
        self.waiting = self._gone = 0
        return taken

    def requeue(self, exchanges: list[Exchange]) -> None:
        """Put calls that never began back to the head of the queue, in their order."""
        if self.hand_over is not None:
            for exchange in exchanges:
                exchange.link = None
                self.hand_over(exchange)
            return
        for exchange in reversed(exchanges):
            exchange.link = None
            self.queue.appendleft(exchange)
            self.waiting += 1
        for link in self.links:
            self.pump(link)

    # -- giving up

    def cancel(self, exchange: Exchange) -> None:
        """Nobody waits for this request any more: take it out of the queue or tell its worker."""
        if exchange.abandoned:
            return
        exchange.abandoned = True
        if exchange.link is not None:
            exchange.link.cancel(exchange)
            return
        exchange.free()
        self.waiting -= 1
        self._gone += 1
        if self._gone > max(self.waiting, MOST_GONE):  # they take memory, and one long call may keep them here
            self.queue = deque(waiting for waiting in self.queue if not waiting.abandoned)
            self._gone = 0

    def expire(self, exchange: Exchange) -> None:
        """The deadline has passed."""
        held = exchange.link is None and exchange.plan.patience_ns is not None
        self.cancel(exchange)
        if held:
            self.refuse(exchange, "not_ready", "No replica was ready within X-Scale-Up-Timeout.")
            return
        self.refuse(
            exchange, "deadline_exceeded", "No answer within the deadline. Raise timeout if the model needs longer."
        )

    def fail_waiting(self, code: str, detail: str) -> None:
        """Refuse everything that waits."""
        for exchange in self.take_waiting():
            self.refuse(exchange, code, detail)

    def refuse(self, exchange: Exchange, code: str, detail: str, last_output: str = "") -> None:
        """Answer with an error of our own. The body's room is given back, unless a worker may still read it.

        `last_output` is what a worker printed before it died.
        """
        if exchange.link is None:
            exchange.free()
        request_id = self.request_id(exchange)
        status = STATUS[code]
        extra = JSON + b"x-request-id: %b\r\n" % request_id.encode()
        if status == 503:
            extra += b"retry-after: %d\r\n" % self.retry_after_s()
        body = problem(detail, exchange.plan.error_key, code=code, request_id=request_id)
        exchange.connection.refused(exchange, code, status, body, extra, last_output)

    def refuse_not_ready(self, exchange: Exchange) -> None:
        """Answer as OctoAI's server does while its model is starting (status 503 and the state)."""
        request_id = self.request_id(exchange)
        key = exchange.plan.error_key
        if self.trouble or key != "detail":
            body = problem(self.trouble or "The model is not ready.", key, status=self.state)
        else:
            body = b'{"status":"%b"}' % self.state.encode()
        extra = JSON + b"retry-after: 1\r\nx-request-id: %b\r\n" % request_id.encode()
        exchange.free()
        exchange.connection.refused(exchange, "not_ready", 503, body, extra)

    def retry_after_s(self) -> int:
        """A guess at when there is room: the time the queue takes, between 1 and 60 seconds."""
        rate = sum(link.capacity / (link.call_ns / 1e9 + 1e-6) for link in self.links if link.ready)
        return max(1, min(60, round(self.waiting / rate))) if rate else 5

    def request_id(self, exchange: Exchange) -> str:
        """The id of a request, wherever it is."""
        if exchange.link is not None:
            return exchange.link.request_id(exchange).decode()
        named = exchange.plan.named_id
        if named:
            return named.decode()
        self._ids += 1
        return f"{self._id_prefix}-q{self._ids:x}"

    # -- counting

    @property
    def in_progress(self) -> int:
        """Calls that are with a worker."""
        return sum(len(link.pending) for link in self.links)
