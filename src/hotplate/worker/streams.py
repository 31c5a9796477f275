"""A streamed answer from a plain generator: one frame per piece, never far ahead of the client."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from time import monotonic_ns
from typing import Any

from hotplate.faces.base import Buffer
from hotplate.worker.channel import Channel, Work
from hotplate.worker.flow import Flow
from hotplate.worker.invoke import Invoker, chunk_frame, end_frame, open_frame

POLL_NS = 1_000_000
"""How often a running stream looks for a cancel."""
SLICE_BYTES = 64 * 1024
"""A larger piece leaves in slices, so that the window holds for it too."""


def run_stream(
    channel: Channel,
    invoker: Invoker,
    work: Work,
    *,
    poll: Callable[[], object],
    wait: Callable[[Flow], None],
) -> None:
    """Run a generator route to its end, its failure or its cancel.

    `poll` lets frames from the server in without waiting; `wait(flow)` returns when the stream may go on or the
    server is gone. An engine with more than one thread has put the flow into `channel.flows` by now.
    """
    call_id, index = work[0], work[1]
    route = invoker.routes[index]
    flow = channel.flows.setdefault(call_id, Flow())
    body: Buffer = b""
    values: tuple[Any, ...] = ()
    pieces: Iterator[Any] | None = None
    opened = False
    begun = polled = monotonic_ns()
    dropped = False
    try:
        if not flow.cancelled:
            body, head = invoker.open(work)
            values = route.decode(body, head)
            pieces = iter(route.function(*values))
            for value in pieces:
                data = route.codec.encode_item(value)
                for piece in (data,) if len(data) <= SLICE_BYTES else slices(data):
                    frame = chunk_frame(call_id, piece)
                    channel.send(frame if opened else open_frame(call_id, route.stream_type) + frame)
                    opened = True
                    flow.sent += len(piece)
                    if flow.full:
                        wait(flow)
                now = monotonic_ns()
                if now - polled > POLL_NS:
                    polled = now
                    poll()
                if flow.cancelled or channel.gone:
                    break
        dropped = flow.cancelled
        if not dropped and not channel.gone:
            start = b"" if opened else open_frame(call_id, route.stream_type)
            channel.send(start + end_frame(call_id, monotonic_ns() - begun, route.codec.encode_end()))
    except BaseException as error:  # noqa: BLE001 - whatever user code raises is that call's answer
        channel.send(broken(invoker, work, error, opened=opened, inference_ns=monotonic_ns() - begun))
    finally:
        channel.flows.pop(call_id, None)
        close = getattr(pieces, "close", None)
        if close is not None:
            try:
                close()
            except BaseException as error:  # noqa: BLE001 - the answer has gone out; the author reads of it
                invoker.report(route, error, invoker.request_id(work))
        pieces = close = None  # a generator holds its arguments
        invoker.close(body, values)
    if dropped:
        channel.drop(call_id)


def slices(data: bytes) -> Iterator[bytes]:
    """Cut a large piece up."""
    for at in range(0, len(data), SLICE_BYTES):
        yield data[at : at + SLICE_BYTES]


def broken(invoker: Invoker, work: Work, error: BaseException, *, opened: bool, inference_ns: int) -> bytes:
    """What is sent for a stream that raised: an error answer, or an error event when the answer has begun."""
    route = invoker.routes[work[1]]
    if not opened:
        return invoker.frame(work[0], invoker.failed(route, error, work), inference_ns)
    request_id = invoker.request_id(work)
    invoker.report(route, error, request_id)
    return end_frame(work[0], inference_ns, route.codec.encode_break(error, request_id))
