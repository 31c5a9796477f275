"""What a replica for a remote server does with a request: lets that server in, and what it was told becomes a plan.

Who does not have the replica's token learns whether it lives and is ready, and nothing else.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Any

import msgspec

from hotplate.edge.exchange import Exchange, Plan, Refusal
from hotplate.edge.head import RequestHead
from hotplate.edge.response import encode_json, problem
from hotplate.server.access import AccessLog
from hotplate.server.cell.wire import CellWire
from hotplate.server.plans import CallPlan, Page, PagePlan, RefusalPlan, meta_of
from hotplate.wire import remote
from hotplate.wire.frames import encode_meta
from hotplate.wire.remote import FORMAT, Order

if TYPE_CHECKING:
    from hotplate.contract import Mount
    from hotplate.server.deployed import Deployed
    from hotplate.server.endpoint import Endpoint

MS = 1_000_000
FOREVER_NS = 366 * 86_400 * 1_000_000_000
SWITCHING = b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: %b\r\n\r\n" % remote.PROTOCOL.encode()
MAX_ORDER_BYTES = 8 * 1024 * 1024
_decode_order = msgspec.json.Decoder(Order).decode


class Told(PagePlan):
    """Take a body, and do with it what `take` does; its words, if any, say why not."""

    __slots__ = ("_take",)

    def __init__(self, access: AccessLog, take: Callable[[bytes], tuple[int, str]]) -> None:
        super().__init__(access, lambda _: Page(500, b""))
        self._take = take

    def max_bytes(self, head: RequestHead) -> int:
        """What an order with many secrets needs."""
        return MAX_ORDER_BYTES

    def handle(self, exchange: Exchange) -> None:
        """Answer at once."""
        body = exchange.body if exchange.extent is None else bytes(exchange.extent.view)
        exchange.free()
        status, text = self._take(body)
        answer = problem(text) if text else b"{}"
        exchange.connection.answer(exchange, status, answer, b"content-type: application/json\r\n")


class NewsPlan(PagePlan):
    """Tell news for as long as somebody listens."""

    __slots__ = ("_door",)

    def __init__(self, access: AccessLog, door: Door) -> None:
        super().__init__(access, lambda _: Page(500, b""))
        self._door = door

    def handle(self, exchange: Exchange) -> None:
        """Begin."""
        self._door.listen(exchange)

    def cancel(self, exchange: Exchange) -> None:
        """The listener has gone."""
        self._door.leave(exchange)


class LinkPlan(PagePlan):
    """Make a connection carry frames from now on (RFC 9110, 7.8)."""

    __slots__ = ("_door",)

    def __init__(self, access: AccessLog, door: Door) -> None:
        super().__init__(access, lambda _: Page(500, b""))
        self._door = door

    def handle(self, exchange: Exchange) -> None:
        """Hand the connection over."""
        exchange.free()
        self._door.upgrade(exchange)


class Door:
    """The edge's Handler. `start(order)` gives why the replica cannot start, or nothing."""

    deployed: Deployed | None = None
    wires: AbstractSet[CellWire] = frozenset()

    def __init__(
        self,
        token: str,
        access: AccessLog,
        *,
        start: Callable[[Order], str],
        end: Callable[[], None],
        listen: Callable[[Exchange], None],
        leave: Callable[[Exchange], None],
    ) -> None:
        self._token = token.encode()
        self._access = access
        self._start = start
        self._end = end
        self.listen = listen
        self.leave = leave

    def plan(self, head: RequestHead) -> Plan:
        """Match a request."""
        if head.path == "/livez":
            return PagePlan(self._access, lambda _: Page(200, b'{"status":"alive"}'))
        if head.path == remote.READY:
            return PagePlan(self._access, self._ready)
        given = head.headers.pop(remote.TOKEN.encode(), b"")
        if not hmac.compare_digest(given, self._token):
            return self._refuse(401, "This is a replica. Only its server may call it.", "unauthorized")
        place = (head.method, head.path)
        if place == ("POST", remote.START):
            return Told(self._access, self._take_order)
        if place == ("POST", remote.END):
            return Told(self._access, self._take_end)
        if place == ("GET", remote.NEWS):
            return NewsPlan(self._access, self)
        if self.deployed is not None and place == ("GET", remote.LINK):
            if head.headers.get(b"upgrade") == remote.PROTOCOL.encode():
                return LinkPlan(self._access, self)
            return self._refuse(400, f"Ask for an upgrade to {remote.PROTOCOL}.", "user_error")
        if self.deployed is None:
            return self._refuse(503, "The replica was not told yet with what to start.", "not_ready")
        return self._call(self.deployed, head)

    def upgrade(self, exchange: Exchange) -> None:
        """Let a connection carry frames."""
        assert self.deployed is not None
        wire = CellWire(self.deployed.endpoint, exchange.connection.transport)
        rest = exchange.connection.hand_over(SWITCHING, wire)
        self.wires = {wire, *(each for each in self.wires if not each.closed)}
        if rest:
            wire.feed(rest)

    def _refuse(self, status: int, text: str, code: str) -> RefusalPlan:
        return RefusalPlan(self._access, Refusal(status, problem(text, code=code)))

    def _ready(self, _: RequestHead) -> Page:
        ready = self.deployed is not None and self.deployed.system.ready
        return Page(200 if ready else 503, encode_json({"status": "ready" if ready else "not ready"}))

    def _take_order(self, body: bytes) -> tuple[int, str]:
        try:
            order = _decode_order(body)
        except msgspec.DecodeError as error:
            return 400, f"The order cannot be read: {error}."
        if order.format != FORMAT:
            return 409, f"The server speaks format {order.format} to its replicas, this one {FORMAT}: another Hotplate."
        text = self._start(order)
        return (409, text) if text else (200, "")

    def _take_end(self, _: bytes) -> tuple[int, str]:
        self._end()
        return 200, ""

    def _call(self, deployed: Deployed, head: RequestHead) -> Plan:
        waited_ns, deadline = _number(head, remote.WAITED), _number(head, remote.DEADLINE)
        for name in (remote.WAITED, remote.DEADLINE):
            head.headers.pop(name.encode(), None)
        plan = deployed.router.plan(head)
        if isinstance(plan, CallPlan):
            if deadline is not None:
                plan.deadline_ns = deadline * MS or FOREVER_NS
            if waited_ns:
                plan.handle = _later(plan.handle, waited_ns * MS)
        return plan


def _number(head: RequestHead, name: str) -> int | None:
    given = head.headers.get(name.encode(), b"")
    return int(given) if given.isdigit() and len(given) < 16 else None


def _later(handle: Callable[[Exchange], None], waited_ns: int) -> Any:
    """A call that has waited elsewhere: its time began before it came here."""

    def begun(exchange: Exchange) -> None:
        exchange.received_ns -= waited_ns
        exchange.connection.deadline_ns -= waited_ns
        handle(exchange)

    return begun


class CarriedTraces:
    """Where traces are on: the worker is told of the server's span (see `server/traces.py`), which is all there is."""

    def plan(
        self,
        endpoint: Endpoint,
        access: AccessLog,
        index: int,
        head: RequestHead,
        max_bytes: int,
        mount: Mount,
        wants: tuple[str, ...],
    ) -> CallPlan:
        """What runs a call."""
        plan = _CarriedPlan(endpoint, access, index, head, max_bytes, mount, wants)
        parent, state = (head.headers.get(name, b"").decode("latin-1") for name in (b"traceparent", b"tracestate"))
        if parent:
            record = meta_of(head, plan.named_id.decode(), mount, wants)
            plan.meta = encode_meta(msgspec.structs.replace(record, trace=(parent, state)))
        return plan


class _CarriedPlan(CallPlan):
    __slots__ = ()

    def traced(self, begun_ns: int, what: Any) -> None:
        """The server measures by itself."""
