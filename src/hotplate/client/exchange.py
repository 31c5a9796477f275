"""What passes between the core, which decides, and a shell, which carries.

The core is a generator per call: it yields a `Send` or a `Pause`; the shell does it and sends back an `Answer`, a
`Failure`, or nothing. So every decision is written once, for the sync and the async client, and tested without I/O.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from hotplate.client.body import Body

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One HTTP request. Headers have no secrets in their repr."""

    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: Body | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Send:
    """Send a request. `timeout_s` is for all of it. Where the call is a stream it is the longest silence, and a good
    answer is handed back open, with its body in `Answer.chunks`."""

    request: Request
    timeout_s: float


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait before the next step."""

    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An HTTP answer. Header names are in lower case. `chunks` iterates an open answer's body."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""
    chunks: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """No answer.

    `not_sent`: no connection. `hopeless`: no connection, and trying again cannot help (an unknown host, a refused
    certificate, a malformed URL). `lost`: it broke after bytes went out. `timeout`: the time is over.
    """

    kind: Literal["not_sent", "hopeless", "lost", "timeout"]
    reason: str
    cause: BaseException | None = None


Steps = Generator[Send | Pause, Answer | Failure | None, T]
