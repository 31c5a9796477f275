"""A streamed answer from a plain generator: one frame per piece, never far ahead of the client."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from time import monotonic_ns
from typing import Any

from hotplate.faces.base import Buffer
from hotplate.wire.frames import HEADER_BYTES
from hotplate.worker.channel import Channel, Work
from hotplate.worker.invoke import Invoker, chunk_frame, end_frame, open_frame

STREAM_WINDOW_BYTES = 256 * 1024
"""How far a stream may run ahead of its client."""
POLL_NS = 1_000_000
"""How often a running stream looks for a cancel."""


def run_stream(
    channel: Channel,
    invoker: Invoker,
    work: Work,
    *,
    poll: Callable[[], object],
    wait: Callable[[int], bool],
) -> None:
    """Run a generator route to its end, its failure or its cancel.

    `poll` lets frames from the server in without waiting; `wait(call_id)` waits for one that concerns the call and
    says False when the server is gone.
    """
    call_id, index = work[0], work[1]
    route = invoker.routes[index]
    body: Buffer = b""
    values: tuple[Any, ...] = ()
    pieces: Iterator[Any] | None = None
    opened = False
    begun = polled = monotonic_ns()
    channel.running.add(call_id)
    channel.windows[call_id] = 0
    try:
        body, head = invoker.open(work)
        values = route.decode(body, head)
        pieces = iter(route.function(*values))
        for value in pieces:
            piece = chunk_frame(call_id, route.codec.encode_item(value))
            channel.send(piece if opened else open_frame(call_id, route.stream_type) + piece)
            opened = True
            channel.windows[call_id] += len(piece) - HEADER_BYTES
            now = monotonic_ns()
            if now - polled > POLL_NS:
                polled = now
                poll()
            while channel.windows[call_id] > STREAM_WINDOW_BYTES and call_id not in channel.cancelled:
                if not wait(call_id):
                    return
            if call_id in channel.cancelled:
                channel.drop(call_id)
                return
        start = b"" if opened else open_frame(call_id, route.stream_type)
        channel.send(start + end_frame(call_id, monotonic_ns() - begun, route.codec.encode_end()))
    except BaseException as error:  # noqa: BLE001 - whatever user code raises is that call's answer
        channel.send(broken(invoker, work, error, opened=opened, inference_ns=monotonic_ns() - begun))
    finally:
        close = getattr(pieces, "close", None)
        if close is not None:
            close()
        pieces = None
        invoker.close(body, values)
        channel.running.discard(call_id)
        channel.cancelled.discard(call_id)
        channel.windows.pop(call_id, None)


def broken(invoker: Invoker, work: Work, error: BaseException, *, opened: bool, inference_ns: int) -> bytes:
    """What is sent for a stream that raised: an error answer, or an error event when the answer has begun."""
    route = invoker.routes[work[1]]
    if not opened:
        return invoker.frame(work[0], invoker.failed(route, error, work), inference_ns)
    request_id = invoker.request_id(work)
    invoker.report(route, error, request_id)
    return end_frame(work[0], inference_ns, route.codec.encode_break(error, request_id))
