"""What `hotplate.progress` and `hotplate.cancelled` do in a worker: find the call that asks, send a frame, not too
often, and see whether anybody still waits for it.

The engines say how to find the call that the current thread or task works on, so that a call that reports nothing
pays nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic_ns

from hotplate.authoring import Cancelled
from hotplate.wire import frames
from hotplate.worker.channel import Channel

PAUSE_NS = 20_000_000
"""Steps of one call that follow faster than this are left out, but the last (1.0) never is."""
LOOK_NS = 10_000_000
"""How often a call that asks looks for a cancel, where nobody else reads the socket meanwhile."""
TEXT_CHARACTERS = 500

_channel: Channel | None = None
_find: Callable[[], int | None] | None = None
_look: Callable[[], object] | None = None
_last: dict[int, int] = {}
_looked = 0


def serve(channel: Channel, find: Callable[[], int | None], look: Callable[[], object] | None = None) -> None:
    """Report for the calls of an engine. `find()` gives the current call's id, or None outside of one.

    `look()` lets frames from the server in, for an engine that does so only between calls.
    """
    global _channel, _find, _look
    _channel, _find, _look = channel, find, look


def report(fraction: float | None, text: str) -> None:
    """Send how far the current call is. Raises Cancelled when nobody waits for it."""
    channel = _channel
    call_id = _find() if _find is not None else None
    if channel is None or call_id is None:
        return
    now = monotonic_ns()
    if _unwanted(channel, call_id, now):
        raise Cancelled
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


def cancelled() -> bool:
    """Whether nobody waits for the current call."""
    channel = _channel
    call_id = _find() if _find is not None else None
    return channel is not None and call_id is not None and _unwanted(channel, call_id, monotonic_ns())


def _unwanted(channel: Channel, call_id: int, now: int) -> bool:
    global _looked
    if _look is not None and now - _looked > LOOK_NS:
        _looked = now
        _look()
    return channel.unwanted(call_id)
