"""What a request's headers and query ask of jobs: `Prefer`, `Priority`, `Idempotency-Key`, filters. Raises JobError."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl

import msgspec

from hotplate.edge.head import RequestHead
from hotplate.errors import JobError
from hotplate.jobs.records import TRANSITIONS, Filter

WAIT_MOST_S = 60.0
"""A longer wait is cut to this: the caller asks again."""
KEY_BYTES = 255
LIST_MOST = 500
DEFAULT_PRIORITY = 3
DEADLINE_MOST_S = 7 * 86_400.0
_WAIT = re.compile(r"[0-9]{1,6}(?:\.[0-9]{1,3})?\Z")


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """How a call is to be run later. `wait_s`: for how long the caller would rather have the answer itself."""

    wait_s: float = 0.0
    key: str = ""
    priority: int = DEFAULT_PRIORITY
    deadline_s: float | None = None


def prefers_async(head: RequestHead) -> bool:
    """Whether a request says `Prefer: respond-async` (RFC 7240)."""
    prefer = head.headers.get(b"prefer")
    return prefer is not None and "respond-async" in preferences(prefer)


def preferences(prefer: bytes) -> dict[str, str]:
    """The preferences of a `Prefer` header; of equal ones the first counts (RFC 7240, 2)."""
    found: dict[str, str] = {}
    for part in prefer.decode("latin-1").split(","):
        name, _, value = part.partition(";")[0].partition("=")
        found.setdefault(name.strip().lower(), value.strip().strip('"'))
    return found


def read_wish(head: RequestHead) -> Wish:
    """Read what a submit asks for. Raises JobError."""
    headers = head.headers
    asked = preferences(headers.get(b"prefer", b""))
    return Wish(
        wait_s=_seconds(asked["wait"], "Prefer: wait") if asked.get("wait") else 0.0,
        key=_key(headers.get(b"idempotency-key")),
        priority=_priority(headers.get(b"priority")),
        deadline_s=_deadline(headers.get(b"hotplate-deadline")),
    )


def read_wait(head: RequestHead) -> float:
    """For how long a `GET` may wait: `?wait=30`, or `Prefer: wait=30`. Raises JobError."""
    query = dict(parse_qsl(head.query))
    if "wait" in query:
        return _seconds(query["wait"], "wait")
    asked = preferences(head.headers.get(b"prefer", b"")).get("wait")
    return _seconds(asked, "Prefer: wait") if asked else 0.0


def read_filter(head: RequestHead, endpoint: str) -> Filter:
    """Read `?state=dead,failed&route=/infer&limit=20&before=17`. Raises JobError."""
    states: tuple[str, ...] = ()
    path = origin = ""
    before, limit = 0, 50
    for name, value in parse_qsl(head.query, keep_blank_values=True):
        if name == "state":
            states += tuple(value.split(","))
        elif name == "route":
            path = value
        elif name == "origin":
            origin = value
        elif name == "before":
            before = _whole(value, name, 1 << 62)
        elif name == "limit":
            limit = _whole(value, name, LIST_MOST)
        else:
            raise JobError(f"Jobs cannot be filtered by {name!r}; by state, route, origin, before and limit they can.")
    for state in states:
        if state not in TRANSITIONS:
            raise JobError(f"There is no state {state!r}; the states are {', '.join(TRANSITIONS)}.")
    return Filter(endpoint=endpoint, states=states, path=path, origin=origin, before=before, limit=limit)


def _seconds(text: str, name: str) -> float:
    if not _WAIT.match(text):
        raise JobError(f"{name} must be seconds, such as 30, not {text[:40]!r}.")
    return min(float(text), WAIT_MOST_S)


def _whole(text: str, name: str, most: int) -> int:
    if not re.fullmatch(r"[0-9]{1,18}", text) or not 1 <= int(text) <= most:
        raise JobError(f"{name} must be a whole number from 1 to {most}, not {text[:40]!r}.")
    return int(text)


def _key(given: bytes | None) -> str:
    if given is None:
        return ""
    key = given.decode("latin-1").strip().strip('"')
    if not 1 <= len(key) <= KEY_BYTES:
        raise JobError(f"Idempotency-Key must have 1 to {KEY_BYTES} characters.")
    return key


def _priority(given: bytes | None) -> int:
    """RFC 9218: `u=0` is the most urgent, `u=7` the least. What else is in the header is ignored, as it says."""
    if given is None:
        return DEFAULT_PRIORITY
    for part in given.decode("latin-1").split(","):
        name, _, value = part.strip().partition("=")
        if name == "u" and re.fullmatch("[0-7]", value):
            return int(value)
    return DEFAULT_PRIORITY


def _deadline(given: bytes | None) -> float | None:
    if given is None:
        return None
    text = given.decode("latin-1")
    if not _WAIT.match(text) or not 0 < float(text) <= DEADLINE_MOST_S:
        raise JobError(f"Hotplate-Deadline must be seconds up to {DEADLINE_MOST_S:.0f}, not {text[:40]!r}.")
    return float(text)
