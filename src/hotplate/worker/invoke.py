"""One call: raw body in, answer frame out. What goes wrong in it becomes that call's own answer.

Nothing here knows in which thread or loop it runs; the engines (`inline`, `threads`, `tasks`) do.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import lru_cache
from sys import getrefcount
from time import monotonic_ns
from typing import Any

from hotplate.authoring import Cancelled
from hotplate.contract import Batching, Mount
from hotplate.dialects.base import Call
from hotplate.errors import InvalidOutput, Unavailable
from hotplate.faces.base import Answer, Buffer, Codec, Face, Head, Stream
from hotplate.wire import frames
from hotplate.wire.arena import open_spill
from hotplate.wire.frames import (
    ARENA,
    BATCH,
    CHUNK,
    END,
    INLINE_BYTES,
    MAX_FRAME_BYTES,
    OPEN,
    RESPONSE,
    SPILL,
    Reply,
    decode_meta,
    encode_meta,
)
from hotplate.wire.layout import HEADER
from hotplate.worker.channel import CANCELLED_STATUS, Channel, Work, view_of
from hotplate.worker.reports import report


def _counts(values: tuple[Any, ...]) -> list[int]:
    """How many references there are to each value, this function's own included."""
    return [getrefcount(value) for value in values]


UNHELD = _counts((object(),))[0]
"""The count of a value that is held by `values` alone. It differs between versions of Python."""


UNWANTED = Answer(status=CANCELLED_STATUS)
"""What a call gives that ended because nobody waits for it."""


HEADS, HEAD_BYTES = 64, 512
"""How many heads are remembered, and how long they may be. Callers choose them, so a few must do."""


class Bound:
    """A route as an engine sees it: the callable and its codec, taken apart for speed."""

    __slots__ = (
        "asynchronous",
        "batching",
        "begin",
        "codec",
        "decode",
        "encode",
        "function",
        "name",
        "notes",
        "quick",
        "stream",
        "stream_type",
        "where",
    )

    def __init__(self, call: Call, face: Face, mount: Mount) -> None:
        codec: Codec = face.codec(call, mount)
        self.name = call.route.name
        source = call.route.source
        self.where = f"{source.file}:{source.line}" if source is not None else "?"
        self.function: Callable[..., Any] = call.function
        self.codec = codec
        self.decode = codec.decode
        self.encode = codec.encode
        self.notes: bool = getattr(codec, "notes", False)
        self.quick: Callable[[Buffer], tuple[Any, ...]] | None = getattr(codec, "quick", None)
        self.begin: Callable[[Head | None], Stream | None] | None = getattr(codec, "begin", None)
        self.stream = call.route.stream
        self.asynchronous = call.route.asynchronous
        self.batching: Batching | None = call.route.batching
        self.stream_type = face.stream_content_type


class Invoker:
    """Every mounted route of a loaded project, ready to be called, in the order of the contract's mounts."""

    def __init__(
        self, calls: tuple[Call, ...], mounts: tuple[tuple[Face, Mount], ...], channel: Channel, id_prefix: str
    ) -> None:
        self.routes = [
            Bound(_call(calls, face, mount), face, mount) for face, mount in mounts if mount.call is not None
        ]
        self.channel = channel
        self.id_prefix = id_prefix
        self._heads: dict[bytes, Head] = {}  # of recent calls, by their meta; for codecs that leave no notes

    def begin(self, name: str) -> None:
        """Calls come from now on. `name` is the endpoint's."""

    def answer(self, work: Work) -> bytes:
        """Run a call of a plain route in this thread and give its answer frame."""
        call_id, index, flags, meta, stamp, payload = work
        route = self.routes[index]
        values: tuple[Any, ...] = ()
        head: Head | None = None
        begun = ended = 0
        body: Buffer = payload
        try:
            if flags or meta:
                body, head = self.open(work)
            elif route.notes and not (route.quick is not None and (values := route.quick(payload))):
                head = Head(headers={}, request_id=f"{self.id_prefix}{call_id:x}")
            values = values or route.decode(body, head)
            begun = monotonic_ns()
            value = route.function(*values)
            ended = monotonic_ns()
            result = route.encode(value, head, ended - begun, ended - stamp)
        except BaseException as error:  # noqa: BLE001 - whatever user code raises is that call's answer
            ended = ended or monotonic_ns()
            result = self.failed(route, error, work)
        if flags:
            self.close(body, values)
        if type(result) is bytes and len(result) <= INLINE_BYTES:
            return HEADER.pack(len(result), call_id, RESPONSE, 0, 200, 0, ended - (begun or ended)) + result
        return self.frame(call_id, result, ended - (begun or ended))

    def open(self, work: Work) -> tuple[Buffer, Head | None]:
        """Find a call's body (in the frame, in the arena or spilled) and its head."""
        _, index, flags, meta_bytes, _, payload = work
        head: Head | None = None
        body: Buffer = payload
        if meta_bytes:
            meta = payload[:meta_bytes]
            body = payload[meta_bytes:]
            notes = self.routes[index].notes
            head = None if notes else self._heads.get(meta)
            if head is None:
                head = self._head(meta, keep=not notes and not flags & SPILL)
        if self.routes[index].notes:
            head = head or Head(headers={})
            head.request_id = self.request_id(work)
        if flags & ARENA:
            body = view_of(self.channel, flags, body).toreadonly()
        elif flags & SPILL:
            body = memoryview(open_spill(decode_meta(payload[:meta_bytes]).spill))
        return body, head

    def _head(self, meta: bytes, *, keep: bool) -> Head | None:
        """Decode a head, and remember it where many calls may share it. None: a plain call of JSON."""
        told = decode_meta(meta)
        if not (told.headers or told.query or told.content_type != "application/json"):
            return None
        head = Head(content_type=told.content_type, query=told.query, headers=told.headers)
        if keep and len(meta) <= HEAD_BYTES:
            if len(self._heads) >= HEADS:
                self._heads.clear()
            self._heads[meta] = head
        return head

    @staticmethod
    def close(body: Buffer, values: tuple[Any, ...] = ()) -> None:
        """Let go of a body in shared memory: the server gives the place to another call now.

        Media that borrows from it and that user code has put somewhere copies its bytes first.
        """
        if type(body) is memoryview:
            for value, count in zip(values, _counts(values), strict=True):
                if count > UNHELD and (keep := getattr(value, "keep", None)) is not None:
                    keep()
            try:
                body.release()
            except BufferError:
                sys.stderr.write("A call kept a view of its input. Its bytes will change: copy what must stay.\n")

    def request_id(self, work: Work) -> str:
        """The id that this call has in the response's headers and in the log."""
        if work[3]:
            named = decode_meta(work[5][: work[3]]).request_id
            if named:
                return named
        return f"{self.id_prefix}{work[0]:x}"

    def failed(self, route: Bound, error: BaseException, work: Work) -> Answer:
        """The answer to a call that raised. Errors that are not the caller's are printed for the author."""
        if isinstance(error, Cancelled) and self.channel.unwanted(work[0]):
            return UNWANTED
        request_id = self.request_id(work)
        answer = route.codec.error(error, request_id)
        if answer.status >= 500 and not isinstance(error, Unavailable):
            self.report(route, error, request_id)
        return answer

    @staticmethod
    def report(route: Bound, error: BaseException, request_id: str) -> None:
        """Tell the author what their function raised, or returned that it had not promised."""
        report(route.name, route.where, error, request_id)

    def frame(self, call_id: int, result: bytes | Answer, inference_ns: int) -> bytes:
        """Build the answer frame of any result."""
        if isinstance(result, Answer):
            status, body = result.status, result.body
            for each in result.raised:
                report(each.name, each.where, each.error, each.request_id)
            if result.headers:
                meta = encode_meta(Reply(content_type=result.content_type, headers=result.headers))
            else:
                meta = _meta_of_type(result.content_type)
        else:
            status, body, meta = 200, result, b""
        flags = 0
        if len(body) > INLINE_BYTES:
            if len(body) + len(meta) > MAX_FRAME_BYTES:
                error = InvalidOutput(f"The answer has {len(body)} bytes; the most is {MAX_FRAME_BYTES - len(meta)}.")
                return self.frame(call_id, self.routes[0].codec.error(error, f"{self.id_prefix}{call_id:x}"), 0)
            place = self.channel.place(body)
            if place is not None:
                flags, body = ARENA, place
        return frames.frame(
            RESPONSE, call_id=call_id, flags=flags, code=status, meta=meta, body=body, stamp=inference_ns
        )


@lru_cache(maxsize=64)
def _meta_of_type(content_type: str) -> bytes:
    return b"" if content_type == "application/json" else encode_meta(Reply(content_type=content_type))


def _call(calls: tuple[Call, ...], face: Face, mount: Mount) -> Call:
    if mount.joint:
        join: Callable[[tuple[Call, ...], Mount], Call] = getattr(face, "join")  # noqa: B009 - few faces have it
        return join(calls, mount)
    assert mount.call is not None
    return calls[mount.call]


def batch_frame(index: int, items: int) -> bytes:
    """The frame that tells how many items a call of a batched function had."""
    return HEADER.pack(0, index, BATCH, 0, items, 0, 0)


def open_frame(call_id: int, content_type: str) -> bytes:
    """The frame that begins a stream."""
    return frames.frame(OPEN, call_id=call_id, code=200, meta=encode_meta(Reply(content_type=content_type)))


def chunk_frame(call_id: int, piece: bytes) -> bytes:
    """One piece of a stream."""
    return HEADER.pack(len(piece), call_id, CHUNK, 0, 0, 0, 0) + piece


def end_frame(call_id: int, inference_ns: int, last: bytes = b"") -> bytes:
    """The frame that ends a stream, with its last bytes."""
    return HEADER.pack(len(last), call_id, END, 0, 0, 0, inference_ns) + last
