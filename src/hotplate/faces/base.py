"""What every face is: how a call looks on HTTP. It runs in the worker, between raw bytes and the user's function.

A face knows nothing of how the author wrote the code; it works from the `Call`.
"""

from __future__ import annotations

from typing import Any, Protocol

import msgspec

from hotplate.contract import Contract, Mount
from hotplate.dialects.base import Call

Buffer = bytes | bytearray | memoryview


class Head(msgspec.Struct, kw_only=True):
    """What the server passes on of a request besides the body. Header names are lower case.

    Only the headers named by `Face.headers` are there. A plain JSON request with none of them has no Head at all.
    """

    content_type: str = "application/json"
    query: str = ""
    headers: dict[str, str]
    request_id: str = ""
    """The call's id in the log. Known to codecs with `notes` alone."""
    note: Any = None
    """What `decode` leaves for `encode`: there is a head for each call of a codec with `notes`."""


class Raised(msgspec.Struct, frozen=True):
    """What the author's function `name`, written at `where`, raised in a call that has a good answer all the same."""

    name: str
    where: str
    error: BaseException
    request_id: str


class Answer(msgspec.Struct, kw_only=True):
    """A complete response from the worker. `raised` is told to the author."""

    status: int = 200
    body: Buffer = b""
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()
    raised: tuple[Raised, ...] = ()


class Stream(Protocol):
    """What writes the pieces of one streamed call."""

    def encode_item(self, value: Any) -> bytes:
        """One piece of a streamed answer, framed (an SSE event)."""
        ...

    def encode_end(self) -> bytes:
        """What closes a stream that ended well."""
        ...

    def encode_break(self, error: BaseException, request_id: str) -> bytes:
        """What closes a stream that failed after its first piece."""
        ...


class Codec(Stream, Protocol):
    """The face's work for one route. Made once when the project is loaded; used by many threads at once.

    A codec with a true attribute `notes` gets a Head with every call, to leave a note in. Where it has a method
    `quick(body) -> values` too, that is asked first for a plain request, and needs no Head; with () `decode` is.

    One with a method `begin(head) -> Stream | None` is asked, for each call of a streaming route, what writes its
    pieces; with None they are gathered, and the list of them goes to `encode`.
    """

    def decode(self, body: Buffer, head: Head | None) -> tuple[Any, ...]:
        """Turn a body into the values of the call's parameters, in order.

        `head` is None for a plain `application/json` request. `body` may be a view of shared memory that is gone
        when the call is over: copy what must live longer, or make it media that borrows
        (`Media.borrow`), which the worker makes keep its bytes where somebody still holds it. Raises InvalidInput
        (never anything else for bad input).
        """
        ...

    def encode(self, value: Any, head: Head | None, inference_ns: int, elapsed_ns: int) -> bytes | Answer:
        """Turn the function's result into a response. `bytes` stands for status 200 and `application/json`.

        `inference_ns` is the time in the user's function, `elapsed_ns` the time since the server had the request.
        """
        ...

    def error(self, error: BaseException, request_id: str) -> Answer:
        """The response for an error raised by decode, by the user's function or by encode.

        The text of an exception that is not ours never gets out, unless the author raised it for the caller.
        """
        ...


class Face(Protocol):
    """One wire format."""

    name: str
    headers: tuple[str, ...]
    """Request headers (lower case) that the codec wants to see, where a request has them."""
    stream_content_type: str
    # A face may also have `refusals: Refusals`, its words for unknown paths and methods where it is the dialect's own,
    # and `join(calls, mount) -> Call`, which makes the call behind a mount that is `joint`.

    def mounts(self, contract: Contract) -> tuple[Mount, ...]:
        """Say at which methods and paths the contract's routes are reached in this face, and what else it answers."""
        ...

    def codec(self, call: Call, mount: Mount | None = None) -> Codec:
        """Make the codec of one mounted route. Raises ProjectError for types that cannot be put on the wire."""
        ...
