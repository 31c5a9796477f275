"""Logs and events as they come, as server-sent events. A follower costs a look at a file, not a thread."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from dataclasses import replace
from typing import Any

from starlette.responses import StreamingResponse

from hotplate.control import logs
from hotplate.control.api.route import Call
from hotplate.control.endpoints import read_row
from hotplate.control.event_stream import BEAT, BEAT_S, Followers, event
from hotplate.control.events import read_events
from hotplate.control.span import Span, read_span
from hotplate.control.stamps import parse_stamp

MAX_FOLLOWERS = 64
LOOK_S = 0.25
LONGEST_S = 4 * 3600.0

followers = Followers(MAX_FOLLOWERS, "followers are connected")


def get_logs(call: Call) -> Any:
    return logs.read_logs(call.plane, _known(call), read_span(call.query))


async def stream_logs(call: Call) -> StreamingResponse:
    span = read_span(call.query)
    name = await asyncio.to_thread(_known, call)
    first = await asyncio.to_thread(logs.read_logs, call.plane, name, span) if call.query.get("max_lines") else []
    return followers.answer(_follow_logs(call, name, span, first))


async def stream_events(call: Call) -> StreamingResponse:
    span = read_span(call.query)
    name = await asyncio.to_thread(_known, call)
    return followers.answer(_follow_events(call, name, replace(span, begin=max(span.begin, time.time()))))


def _known(call: Call) -> str:
    """Also logs of an endpoint that is not deployed yet may be followed, but not of one that is not there."""
    read_row(call.plane, call.path["name"])
    return call.path["name"]


async def _follow_logs(call: Call, name: str, span: Span, first: list[dict[str, Any]]) -> AsyncGenerator[bytes]:
    follower = await asyncio.to_thread(logs.Follower, call.plane, name, span)
    try:
        for entry in first:
            yield event(entry)
        quiet, end = time.monotonic(), time.monotonic() + LONGEST_S
        while time.monotonic() < end:
            entries = await asyncio.to_thread(follower.new)
            for entry in entries:
                yield event(entry)
            if entries:
                quiet = time.monotonic()
                continue
            if time.monotonic() - quiet > BEAT_S:
                quiet = time.monotonic()
                yield BEAT
            await asyncio.sleep(LOOK_S)
    finally:
        follower.close()


async def _follow_events(call: Call, name: str, span: Span) -> AsyncGenerator[bytes]:
    seen: set[bytes] = set()
    quiet, end = time.monotonic(), time.monotonic() + LONGEST_S
    while time.monotonic() < end:
        entries = await asyncio.to_thread(read_events, call.plane, call.caller, name, replace(span, limit=1000))
        lines = [event(entry) for entry in entries]
        for line in lines:
            if line not in seen:
                quiet = time.monotonic()
                yield line
        seen = set(lines)
        if entries:
            span = replace(span, begin=parse_stamp(entries[-1]["timestamp"], "timestamp"))
        if time.monotonic() - quiet > BEAT_S:
            quiet = time.monotonic()
            yield BEAT
        await asyncio.sleep(LOOK_S * 4)
