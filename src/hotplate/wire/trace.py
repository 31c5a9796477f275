"""Which trace a call belongs to, as the headers `traceparent` and `tracestate` say it (W3C Trace Context, level 1).

Set in a worker while the author's function runs, read by whatever calls on from there. Nothing here knows of
OpenTelemetry: where its packages are not installed, the headers are passed on all the same.
"""

from __future__ import annotations

import re
import sys
from contextvars import ContextVar
from typing import Any, NamedTuple

MAX_STATE = 512
"""Characters of `tracestate` that are passed on; a longer one is left out, as the specification allows."""

_PARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")

CURRENT: ContextVar[tuple[str, str] | None] = ContextVar("hotplate_trace", default=None)
"""The `traceparent` and `tracestate` of the call that runs here."""


class Parent(NamedTuple):
    """A span of another process that a call belongs to."""

    trace_id: int
    span_id: int
    sampled: bool
    state: str


def parse(traceparent: str, tracestate: str = "") -> Parent | None:
    """Read what a caller sent; None where that names no trace."""
    found = _PARENT.fullmatch(traceparent.strip())
    if found is None or found[1] == "ff" or (found[1] == "00" and found[5]):
        return None
    trace_id, span_id = int(found[2], 16), int(found[3], 16)
    if not trace_id or not span_id:
        return None
    state = tracestate.strip() if len(tracestate) <= MAX_STATE else ""
    return Parent(trace_id, span_id, bool(int(found[4], 16) & 1), state)


def traceparent(trace_id: int, span_id: int, *, sampled: bool) -> str:
    """What a header says for a span."""
    return f"00-{trace_id:032x}-{span_id:016x}-{sampled:02x}"


def outgoing() -> dict[str, str]:
    """The headers that tie a call which is made now to the trace that is active here; nothing where none is.

    A span of the author's own comes first: what it calls belongs to it.
    """
    module: Any = sys.modules.get("opentelemetry.trace")
    get_current_span = getattr(module, "get_current_span", None)  # missing while it is being imported
    if get_current_span is not None:
        span = get_current_span().get_span_context()
        if span.is_valid:
            told = {"traceparent": traceparent(span.trace_id, span.span_id, sampled=span.trace_flags.sampled)}
            return told | ({"tracestate": state} if (state := span.trace_state.to_header()) else {})
    current = CURRENT.get()
    if current is None:
        return {}
    return {"traceparent": current[0]} | ({"tracestate": current[1]} if current[1] else {})
