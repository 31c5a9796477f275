"""One request and its answer, as the edge hands it to the server, and what the server must be for the edge."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from hotplate.edge.head import HeadRules, RequestHead

if TYPE_CHECKING:
    from hotplate.edge.connection import Connection


class Extent(Protocol):
    """Room for a large body, outside the heap."""

    view: memoryview

    def resize(self, length: int) -> None:
        """Make the room longer or shorter, which ends the view and makes another; the bytes stay. Raises OSError."""
        ...

    def free(self) -> None:
        """Give the room back."""
        ...


class Exchange:
    """A request whose body has arrived. The server answers through `connection`, once.

    `link` and `call_id` are the server's notes: where the call runs. `abandoned` is set when nobody waits for the
    answer any more (client gone, deadline passed). `plan` is the head's, unless that one handed over to another.
    """

    __slots__ = (
        "abandoned",
        "body",
        "call_id",
        "connection",
        "extent",
        "head",
        "link",
        "plan",
        "received_ns",
        "streaming",
    )

    call_id: int

    def __init__(
        self, connection: Connection, head: RequestHead, body: bytes, extent: Extent | None, received_ns: int
    ) -> None:
        self.connection = connection
        self.head = head
        self.plan: Any = head.plan
        self.body = body
        self.extent = extent
        self.received_ns = received_ns
        self.abandoned = self.streaming = False
        self.link: Any = None

    def free(self) -> None:
        """Give the body's room back: nobody will read it, or nobody any more."""
        self.body = b""
        extent, self.extent = self.extent, None
        if extent is not None:
            extent.free()


class Refusal(msgspec.Struct, frozen=True):
    """An answer that needs no body to be read: not found, not allowed, too large, full."""

    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()


class Plan(Protocol):
    """What the server wants done with a request; found once per distinct head.

    `deadline_ns` is how long an answer may take, and each piece of a stream.
    """

    @property
    def deadline_ns(self) -> int: ...

    def admit(self, head: RequestHead, length: int) -> Refusal | None:
        """Called before the body of `length` bytes is read (0 when there is none; -1: chunked, unknown)."""
        ...

    def max_bytes(self, head: RequestHead) -> int:
        """How large the body may be."""
        ...

    def allocate(self, length: int) -> Extent:
        """Room for a body of `length` bytes that is too large to travel in a frame. Raises OSError when full."""
        ...

    def handle(self, exchange: Exchange) -> None:
        """Answer the request, now or later."""
        ...

    def cancel(self, exchange: Exchange) -> None:
        """Nobody waits for this answer any more. The plan that is asked is the exchange's."""
        ...

    def expire(self, exchange: Exchange) -> None:
        """The deadline of this exchange has passed: cancel it and answer 504. Asked of the exchange's plan."""
        ...

    def consumed(self, exchange: Exchange, size: int) -> None:
        """`size` bytes of a stream have left for the client. Asked of the exchange's plan."""
        ...

    def observe(self, exchange: Exchange, status: int, now_ns: int) -> None:
        """The answer is complete, or the client has gone."""
        ...


class Handler(Protocol):
    """The server, as the edge sees it."""

    def plan(self, head: RequestHead) -> Plan:
        """Match a request. Pure: the edge caches it with the head."""
        ...


class EdgeLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Every limit of the edge. Times in seconds, sizes in bytes."""

    max_header_bytes: int = 32 * 1024
    inline_bytes: int = 32 * 1024
    first_byte_timeout_s: float = 10.0
    header_timeout_s: float = 10.0
    body_idle_timeout_s: float = 30.0
    body_min_rate_bytes_s: float = 1024.0
    keep_alive_s: float = 75.0
    write_stall_timeout_s: float = 60.0
    max_connections: int = 10_000
    max_connections_per_ip: int = 256
    stream_buffer_bytes: int = 1024 * 1024
    headers: bytes = b""
    """Header lines that every response has besides `date`."""
    rules: HeadRules = msgspec.field(default_factory=HeadRules)
