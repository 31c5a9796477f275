"""A streamed answer from a plain generator: one frame per piece, never far ahead of the client."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from time import monotonic_ns
from typing import Any

from hotplate.authoring import Cancelled
from hotplate.faces.base import Buffer, Head, Stream
from hotplate.worker.channel import Channel, Work
from hotplate.worker.flow import Flow
from hotplate.worker.invoke import Bound, Invoker, chunk_frame, end_frame, open_frame

POLL_NS = 1_000_000
"""How often a running stream looks for a cancel."""
SLICE_BYTES = 64 * 1024
"""A larger piece leaves in slices, so that the window holds for it too."""


class Writing:
    """Where a stream's pieces go: through `writer` to the caller, or, where the codec wants that, into `gathered`."""

    __slots__ = ("gathered", "writer")

    def __init__(self, route: Bound, head: Head | None) -> None:
        self.gathered: list[Any] | None = None
        self.writer: Stream = route.codec
        if route.begin is not None:
            found = route.begin(head)
            if found is None:
                self.gathered = []
            else:
                self.writer = found

    def pieces(self, value: Any) -> Sequence[bytes]:
        """Give what goes to the caller for one piece. A large one leaves in slices."""
        if self.gathered is not None:
            self.gathered.append(value)
            return ()
        data = self.writer.encode_item(value)
        if len(data) <= SLICE_BYTES:
            return (data,) if data else ()
        return [data[at : at + SLICE_BYTES] for at in range(0, len(data), SLICE_BYTES)]


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
    head: Head | None = None
    values: tuple[Any, ...] = ()
    pieces: Iterator[Any] | None = None
    writing: Writing | None = None
    opened = False
    begun = polled = monotonic_ns()
    dropped = False
    try:
        if not flow.cancelled:
            body, head = invoker.open(work)
            values = route.decode(body, head)
            writing = Writing(route, head)
            pieces = iter(route.function(*values))
            for value in pieces:
                for piece in writing.pieces(value):
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
        if writing is not None and not dropped and not channel.gone:
            took = monotonic_ns() - begun
            if writing.gathered is not None:
                channel.send(invoker.frame(call_id, route.encode(writing.gathered, head, took, took), took))
            else:
                start = b"" if opened else open_frame(call_id, route.stream_type)
                channel.send(start + end_frame(call_id, took, writing.writer.encode_end()))
    except BaseException as error:  # noqa: BLE001 - whatever user code raises is that call's answer
        dropped = flow.cancelled and isinstance(error, Cancelled)
        writer = writing.writer if opened and writing is not None else None
        if not dropped:
            channel.send(broken(invoker, work, error, writer, inference_ns=monotonic_ns() - begun))
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


def broken(invoker: Invoker, work: Work, error: BaseException, writer: Stream | None, *, inference_ns: int) -> bytes:
    """What is sent for a stream that raised: an error answer, or an error event by the writer of what went before."""
    route = invoker.routes[work[1]]
    if writer is None:
        return invoker.frame(work[0], invoker.failed(route, error, work), inference_ns)
    request_id = invoker.request_id(work)
    invoker.report(route, error, request_id)
    return end_frame(work[0], inference_ns, writer.encode_break(error, request_id))
