"""What `hotplate.progress` does in a worker: find the call that says it, and send a frame, not too often.

The engines say how to find the call that the current thread or task works on, so that a call that reports nothing
pays nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic_ns

from hotplate.wire import frames
from hotplate.worker.channel import Channel

PAUSE_NS = 20_000_000
"""Steps of one call that follow faster than this are left out, but the last (1.0) never is."""
TEXT_CHARACTERS = 500

_channel: Channel | None = None
_find: Callable[[], int | None] | None = None
_last: dict[int, int] = {}


def serve(channel: Channel, find: Callable[[], int | None]) -> None:
    """Report for the calls of an engine. `find()` gives the current call's id, or None outside of one."""
    global _channel, _find
    _channel, _find = channel, find


def report(fraction: float | None, text: str) -> None:
    """Send how far the current call is."""
    channel = _channel
    call_id = _find() if _find is not None else None
    if channel is None or call_id is None:
        return
    now = monotonic_ns()
    if fraction is not None:
        fraction = min(1.0, max(0.0, float(fraction)))
    if fraction != 1.0 and now - _last.get(call_id, 0) < PAUSE_NS:
        return
    if len(_last) > 1024:
        _last.clear()
    _last[call_id] = now
    step = frames.Progress(fraction, str(text)[:TEXT_CHARACTERS])
    try:
        channel.send(frames.frame(frames.PROGRESS, call_id=call_id, meta=frames.encode_meta(step)))
    except OSError:  # the server is gone; so is this worker, soon
        pass
