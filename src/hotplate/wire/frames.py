"""The frame: a fixed header, an optional msgpack meta record, and raw bytes.

Both ends build and read frames in their own loops (one frame costs less than a function call would), so this
module holds the layout and the rare frames, not a reader. The layout is versioned by `VERSION`, which the worker
names in its first frame.

Header, 24 bytes, little endian:

| field | bytes | meaning |
|---|---|---|
| size  | 4 | bytes after the header: meta, then body |
| id    | 4 | the call; rises by one per call on a link. BATCH: index of the route |
| kind  | 1 | one of the constants below |
| flags | 1 | where the body is: in the frame (0), ARENA, SPILL |
| code  | 2 | REQUEST: index of the route. RESPONSE, OPEN: HTTP status. STATE: see `STATES`. BATCH: items |
| meta  | 4 | bytes of meta |
| stamp | 8 | REQUEST: monotonic ns when the server had it. RESPONSE, END: ns in the user's function, per item |
"""

from __future__ import annotations

from typing import Any

import msgspec

from hotplate.wire.layout import HEADER

VERSION = 1

HEADER_BYTES = HEADER.size

INLINE_BYTES = 32 * 1024
"""Bodies and answers above this size travel through shared memory."""

MAX_FRAME_BYTES = 1 << 30
"""No frame is larger. A size above it is no size: somebody else wrote to the socket."""

# server -> worker
REQUEST = 1
CANCEL = 2
WINDOW = 3  # meta: bytes of a stream that have left for the client
RELEASE = 4  # body: PLACE of an answer that the server has copied
SHUTDOWN = 5
# SPEC, the first frame to a worker, stands in wire/layout.py
FORK = 7  # to a template: be two processes; body: a Child; the descriptors of its worker travel beside it
GO = 8  # to a template that says that it cannot be forked: be a worker yourself; body: a Child
CHECKS = 9  # jobs are in use; body: path of the socket at which the worker is to check inputs (worker/checks.py)

# worker -> server
HELLO = 16  # meta: {"version", "pid"}
CONTRACT = 17  # body: the contract as JSON
STATE = 18  # body: monotonic ns when it was reached, 8 bytes little endian
RESPONSE = 19
OPEN = 20  # a stream begins; code: status; meta: Reply
CHUNK = 21
END = 22
FAILED = 23  # loading or a hook failed; body: a Failure (wire/failure.py)
BATCH = 24  # a batched function was called; id: index of the route, code: items in the call
METRIC = 25  # a value that the author's code counts; meta: Sample
HELD = 26  # a template has loaded what it was told to; body: Held
FORKED = 27  # a template's child is there; id: that of the FORK, stamp: its pid; its pidfd travels beside it
GONE = 28  # a template's child has ended; stamp: its pid; body: its status, 4 bytes little endian
PROGRESS = 29  # how far a call is; id: the call; meta: Progress
TRACED = 30  # the author's function has run; id: the call; stamp: monotonic ns when it began; meta: Traced

TO_WORKER = range(REQUEST, CHECKS + 1)
FROM_WORKER = range(HELLO, TRACED + 1)

# flags
ARENA = 1
SPILL = 2

STATES = ("UNINITIALIZED", "LAUNCH_PREDICT_LOOP", "SETUP_SERVICE", "RUNNING", "SHUTTING_DOWN", "STOPPED")
"""OctoAI's states, in order (specification: its server log and /healthcheck)."""
RUNNING = STATES.index("RUNNING")


class Meta(msgspec.Struct, omit_defaults=True, array_like=True):
    """What a request carries besides its body, where it is not a plain JSON body.

    `spill` is the path of a spilled body; `request_id` is there only when the caller named it. `trace` is there only
    where traces are on: `traceparent` and `tracestate` of the worker's span.
    """

    content_type: str = "application/json"
    query: str = ""
    headers: dict[str, str] = {}
    spill: str = ""
    request_id: str = ""
    trace: tuple[str, ...] = ()


class Reply(msgspec.Struct, omit_defaults=True, array_like=True):
    """What an answer carries besides its body, where it is not `application/json` without extra headers."""

    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()


class Sample(msgspec.Struct, array_like=True):
    """One value of the author's own: `kind` is counter, gauge or histogram."""

    kind: str
    name: str
    value: float
    labels: dict[str, str]


class Progress(msgspec.Struct, array_like=True):
    """How far the author's code says that a call is: `fraction` from 0 to 1 or None, and a text."""

    fraction: float | None
    text: str


class Traced(msgspec.Struct, array_like=True):
    """How long the author's function ran, and the name of the exception's type that it raised."""

    took_ns: int
    error: str


class Child(msgspec.Struct, omit_defaults=True, array_like=True):
    """What a worker that comes out of a template is told: the prefix of its request ids, and variables of its own."""

    id_prefix: str
    env: dict[str, str] = {}


class Held(msgspec.Struct, omit_defaults=True, array_like=True):
    """What a template says of itself: why it may not be forked, or nothing; and why it stopped earlier than told."""

    unsafe: str = ""
    early: str = ""


decode_child = msgspec.msgpack.Decoder(Child).decode
decode_held = msgspec.msgpack.Decoder(Held).decode

encode_meta = msgspec.msgpack.Encoder().encode
decode_meta = msgspec.msgpack.Decoder(Meta).decode
decode_reply = msgspec.msgpack.Decoder(Reply).decode
decode_sample = msgspec.msgpack.Decoder(Sample).decode
decode_progress = msgspec.msgpack.Decoder(Progress).decode
decode_traced = msgspec.msgpack.Decoder(Traced).decode
decode_any = msgspec.msgpack.Decoder(dict[str, Any]).decode


def frame(
    kind: int,
    *,
    call_id: int = 0,
    flags: int = 0,
    code: int = 0,
    meta: bytes = b"",
    body: bytes | bytearray | memoryview = b"",
    stamp: int = 0,
) -> bytes:
    """Build one frame. For the rare kinds; the hot loops pack REQUEST and RESPONSE themselves."""
    return b"".join((HEADER.pack(len(meta) + len(body), call_id, kind, flags, code, len(meta), stamp), meta, body))
