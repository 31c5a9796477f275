"""What a server and a replica on another machine say to each other besides calls: words, headers, records.

The server tells the replica once with what to start (`Order`), then reads what happens there (`News`, one JSON object a
line, on a connection that stays open). Both ends are of one version of Hotplate; `FORMAT` says so.
"""

from __future__ import annotations

from typing import Any

import msgspec

from hotplate.wire.failure import Failure
from hotplate.wire.frames import Sample

FORMAT = 1

START = "/_replica/start"
NEWS = "/_replica/news"
END = "/_replica/end"
READY = "/readyz"
LINK = "/_replica/link"
PROTOCOL = "hotplate-link/1"
"""A connection that is asked to be upgraded to this carries frames of many calls at once (`wire/frames.py`): small
calls go there. REQUEST has in its stamp how long the call has waited (ns), RESPONSE and OPEN have in their meta the
header lines of the answer. Where the upgrade is refused, as by a proxy between the two, all calls are HTTP."""
UNTIMED = 8
"""A flag of REQUEST: whoever asks keeps the time."""
REFUSAL = 31
"""A frame of the replica's server, not of its worker; code: status; meta: a Refused; body: the answer's."""
CUT = 32
"""A stream was cut; code: status."""

TOKEN = "x-hotplate-replica"  # noqa: S105 - the name of a header
"""The replica's token, in every request but those for its health."""
WAITED = "x-hotplate-waited"
"""How long a call has waited in the server's queue, in milliseconds. It counts against its deadline."""
DEADLINE = "x-hotplate-deadline"
"""How long an answer may take, in milliseconds, where that is not the endpoint's own; 0: the server keeps the time."""
REFUSED = "x-hotplate-refused"
"""In an answer of the replica's server, not of its worker: the error's code."""
OUTPUT = "x-hotplate-output"
"""In such an answer: what the worker printed before it died, as base64."""
PROGRESS = "x-hotplate-progress"
"""In an interim answer (102): the fraction, or nothing, and after a space a text as base64."""

BEAT_S = 0.5
"""How often a replica says that it is there."""


class Refused(msgspec.Struct, frozen=True, array_like=True):
    """An answer of the replica's server: the error's code, what the worker printed before it died, header lines."""

    code: str
    last_output: str
    extra: bytes


encode_refused = msgspec.msgpack.Encoder().encode
decode_refused = msgspec.msgpack.Decoder(Refused).decode


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """With what to start. `environment` and `secrets` are the worker's variables; `settings` are values of ours."""

    format: int = FORMAT
    endpoint: str
    id_prefix: str
    environment: dict[str, str]
    secrets: dict[str, str]
    settings: dict[str, Any]


class State(msgspec.Struct, frozen=True, tag="state"):
    """The worker is in another state (`frames.STATES`)."""

    state: str


class Told(msgspec.Struct, frozen=True, tag="contract"):
    """The worker has told its contract."""

    contract: msgspec.Raw


class Failed(msgspec.Struct, frozen=True, tag="failed"):
    """No worker could be started; the replica ends."""

    failure: Failure


class Metric(msgspec.Struct, frozen=True, tag="metric"):
    """A value that the author's code counts."""

    sample: Sample


class Batch(msgspec.Struct, frozen=True, tag="batch"):
    """A batched function was called with so many items."""

    route: int
    items: int


class Line(msgspec.Struct, frozen=True, tag="line", omit_defaults=True):
    """The worker printed a line, perhaps while it ran this request."""

    stream: str
    text: str
    request_id: str = ""


class Record(msgspec.Struct, frozen=True, tag="record", omit_defaults=True):
    """Something befell the worker. `last_output` is there where it died."""

    level: str
    text: str
    last_output: str | None = None


class Beat(msgspec.Struct, frozen=True, tag="beat"):
    """All is well. `abandoned` calls run though nobody waits for them; `call_ns` is how long a call takes."""

    ready: bool
    abandoned: int
    call_ns: int
    rss_bytes: int


class Dropped(msgspec.Struct, frozen=True, tag="dropped"):
    """So many lines could not be kept while nobody read them."""

    lines: int


News = State | Told | Failed | Metric | Batch | Line | Record | Beat | Dropped

encode_news = msgspec.json.Encoder().encode
decode_news = msgspec.json.Decoder(News).decode
