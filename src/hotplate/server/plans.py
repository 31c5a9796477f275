"""What is done with a request, once its head says so: run a call, answer a page, refuse, wait.

A plan is made once per distinct head and cached with it, so what it needs of the head is worked out when it is made.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from hotplate.contract import Mount
from hotplate.edge.edge import named_id
from hotplate.edge.exchange import Exchange, Extent, Refusal
from hotplate.edge.head import RequestHead
from hotplate.edge.response import fields, problem
from hotplate.server.memory import HeapPlace
from hotplate.wire.frames import Meta, encode_meta

if TYPE_CHECKING:
    from hotplate.server.access import AccessLog
    from hotplate.server.callers import Caller
    from hotplate.server.endpoint import Endpoint

SECOND = 1_000_000_000
JSON = "application/json"


class Page(NamedTuple):
    """An answer of the server itself. `headers` are those besides the content type."""

    status: int
    body: bytes
    content_type: str = JSON
    headers: tuple[tuple[str, str], ...] = ()


SystemPage = Callable[[RequestHead], Page]

ACCEPT = ("accept",)
"""What every face wants to see where a route returns media. A mount that wants more also gets to see that a request
has no Content-Type; elsewhere such a body counts as JSON."""

SMALL_BODY_BYTES = 64 * 1024
"""System pages take no body; a small one is read and ignored."""


class CallPlan:
    """Run a route of the project. `meta` is what the worker gets besides the body; empty for plain JSON."""

    shows = False

    __slots__ = (
        "_access",
        "_max_bytes",
        "_metrics",
        "allocate",
        "caller",
        "cancel",
        "deadline_ns",
        "endpoint",
        "error_key",
        "expire",
        "handle",
        "index",
        "meta",
        "named_id",
        "patience_ns",
    )

    def __init__(
        self,
        endpoint: Endpoint,
        access: AccessLog,
        index: int,
        head: RequestHead,
        max_bytes: int,
        mount: Mount,
        wants: tuple[str, ...],
    ) -> None:
        self.endpoint = endpoint
        self._access = access if access.on else None
        self._max_bytes = max_bytes
        self._metrics = endpoint.routes[index]
        self.deadline_ns = endpoint.deadline_ns
        self.patience_ns = _patience_ns(head)
        self.caller: Caller | None = None
        self.handle = endpoint.submit
        self.cancel = endpoint.cancel
        self.expire = endpoint.expire
        self.allocate = endpoint.memory.allocate
        self.index = index
        self.named_id = named_id(head).encode()
        self.error_key = mount.error_key
        self.meta = _encode(meta_of(head, self.named_id.decode(), mount, wants))

    def admit(self, head: RequestHead, length: int) -> Refusal | None:
        """Refuse a body early when there would be no place for the call."""
        endpoint = self.endpoint
        if endpoint.full and (endpoint.links or endpoint.on_held is not None):
            endpoint.refused += 1
            detail = "Every slot is busy and the queue is full. Try again later."
            after = (("retry-after", str(endpoint.retry_after_s())),)
            return Refusal(503, problem(detail, self.error_key, code="overloaded"), after)
        return None

    def max_bytes(self, head: RequestHead) -> int:
        """The cap for this kind of body."""
        return self._max_bytes

    def observe(self, exchange: Exchange, status: int, now_ns: int) -> None:
        """Count and log the answer."""
        self._metrics.observe(status, (now_ns - exchange.received_ns) / 1e9)
        if self.caller is not None:
            self.caller.used_ns = now_ns
        if self._access is not None:
            self._access.note(exchange, status)

    def consumed(self, exchange: Exchange, size: int) -> None:
        """Tell the worker that the client has taken a piece of its stream."""
        if exchange.link is not None:
            exchange.link.consumed(exchange, size)


class Uncounted:
    """A plan that answers at once, and whose answers are logged and not counted by route. `shows`: it tells of what is
    there and runs nothing."""

    __slots__ = ("_access",)
    shows = False
    named_id = b""
    error_key = "detail"
    deadline_ns = 60 * SECOND
    patience_ns: int | None = None

    def __init__(self, access: AccessLog) -> None:
        self._access = access

    def observe(self, exchange: Exchange, status: int, now_ns: int) -> None:
        """Log the answer."""
        if self._access.on:
            self._access.note(exchange, status)

    def allocate(self, length: int) -> Extent:
        """Room for a body that is read and thrown away."""
        return HeapPlace(length)

    def cancel(self, exchange: Exchange) -> None:
        """Nothing runs."""

    def expire(self, exchange: Exchange) -> None:
        """Nothing runs."""

    def consumed(self, exchange: Exchange, size: int) -> None:
        """Nothing is streamed."""


class PagePlan(Uncounted):
    """Answer from the server itself."""

    __slots__ = ("_page",)
    shows = True

    def __init__(self, access: AccessLog, page: SystemPage) -> None:
        super().__init__(access)
        self._page = page

    def admit(self, head: RequestHead, length: int) -> Refusal | None:
        """Nothing to refuse."""
        return None

    def max_bytes(self, head: RequestHead) -> int:
        """What a page that ignores its body puts up with."""
        return SMALL_BODY_BYTES

    def handle(self, exchange: Exchange) -> None:
        """Answer at once."""
        exchange.free()
        page = self._page(exchange.head)
        extra = fields((("content-type", page.content_type), *page.headers))
        exchange.connection.answer(exchange, page.status, page.body, extra)


class RefusalPlan(Uncounted):
    """Answer with a fixed error: no such path, no such method, a redirect."""

    __slots__ = ("_content_type", "_refusal")

    def __init__(self, access: AccessLog, refusal: Refusal, content_type: str = "application/json") -> None:
        super().__init__(access)
        self._refusal = refusal
        self._content_type = content_type.encode()

    def admit(self, head: RequestHead, length: int) -> Refusal | None:
        """Refuse before a large body is read."""
        return self._refusal if length < 0 or length > SMALL_BODY_BYTES else None

    def max_bytes(self, head: RequestHead) -> int:
        """A small body is read, so that the connection can go on."""
        return SMALL_BODY_BYTES

    def handle(self, exchange: Exchange) -> None:
        """Answer at once."""
        exchange.free()
        refusal = self._refusal
        content_type = b"content-type: %b\r\n" % self._content_type if refusal.body else b""
        extra = content_type + fields(refusal.headers)
        exchange.connection.answer(exchange, refusal.status, refusal.body, extra)


class WaitPlan(Uncounted):
    """A path that may exist once the project is loaded: not ready."""

    __slots__ = ("_endpoint",)

    def __init__(self, access: AccessLog, endpoint: Endpoint) -> None:
        super().__init__(access)
        self._endpoint = endpoint

    def admit(self, head: RequestHead, length: int) -> Refusal | None:
        """Nothing large is read for a model that is not there."""
        if length < 0 or length > SMALL_BODY_BYTES:
            return Refusal(503, b'{"status":"%b"}' % self._endpoint.state.encode(), (("retry-after", "1"),))
        return None

    def max_bytes(self, head: RequestHead) -> int:
        """A small body is read, so that the connection can go on."""
        return SMALL_BODY_BYTES

    def handle(self, exchange: Exchange) -> None:
        """Answer with the state."""
        self._endpoint.refuse_not_ready(exchange)


if TYPE_CHECKING:
    from hotplate.jobs.http_plan import JobPlan

    Plan = CallPlan | PagePlan | RefusalPlan | WaitPlan | JobPlan
    """Those of jobs are made behind their door, which imports nothing before the first job."""


def _patience_ns(head: RequestHead) -> int | None:
    """How long the caller waits for a replica where there is none, by `X-Scale-Up-Timeout` in seconds."""
    value = head.headers.get(b"x-scale-up-timeout", b"")
    return int(value) * SECOND if value.isdigit() and len(value) < 6 else None


def meta_of(head: RequestHead, request_id: str, mount: Mount, wants: tuple[str, ...]) -> Meta:
    """What the worker is told of a request besides its body."""
    given = head.headers.get(b"content-type")
    untyped = mount.typed or (wants and wants != ACCEPT)
    content_type = "" if given is None and untyped else "application/json"
    if given is not None and given != b"application/json":
        content_type = given.decode("latin-1")
        if content_type.lower().replace(" ", "") in ("application/json", "application/json;charset=utf-8"):
            content_type = "application/json"
    if "*" in wants:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in head.headers.items()}
    else:
        given_headers = ((name, head.headers.get(name.encode())) for name in wants)
        headers = {name: value.decode("latin-1") for name, value in given_headers if value is not None}
    if headers.get("accept") == "*/*" and wants == ACCEPT:
        del headers["accept"]  # as good as none
    return Meta(content_type, head.query, headers, "", request_id)


def _encode(meta: Meta) -> bytes:
    """Nothing, where all that it says is what every plain JSON request says."""
    plain = meta.content_type == "application/json" and not meta.headers and not meta.query and not meta.request_id
    return b"" if plain else encode_meta(meta)
