"""The engine for one slot of plain `def` routes: everything on the main thread, one `send` for many answers.

The server sends ahead when calls are short (it measures them), so that one read brings many calls and one write
takes many answers. `Channel.start` tells it after a crash which of them had begun.
"""

from __future__ import annotations

from threading import get_ident
from time import monotonic_ns

from hotplate.worker import progress
from hotplate.worker.channel import Channel
from hotplate.worker.flow import Flow
from hotplate.worker.invoke import Invoker
from hotplate.worker.streams import run_stream

FLUSH_NS = 200_000
"""Answers wait for company at most this long."""
FLUSH_BYTES = 128 * 1024


def serve(channel: Channel, invoker: Invoker) -> None:
    """Answer calls until the server says stop or is gone."""
    queue = channel.queue
    routes = invoker.routes
    answer = invoker.answer
    start = channel.start
    streams = any(route.stream for route in routes)
    out: list[bytes] = []
    cancelled = channel.cancelled
    this_thread = get_ident()

    def cancel(call_id: int) -> None:
        if call_id == channel.current() and call_id not in channel.flows:
            cancelled.add(call_id)

    def look() -> None:
        if get_ident() == this_thread:  # a thread of the author's own must not read here
            channel.read(block=False)

    channel.on_cancel = cancel
    progress.serve(channel, channel.current, look)

    def wait(flow: Flow) -> None:
        while flow.full and channel.read():
            pass

    while channel.read():
        flushed = monotonic_ns()
        size = 0
        while queue:
            work = queue.popleft()
            start(work[0])
            if cancelled:  # the call before this one
                cancelled.clear()
            if streams and routes[work[1]].stream:
                if out:
                    channel.send(b"".join(out))
                    out.clear()
                run_stream(channel, invoker, work, poll=lambda: channel.read(block=False), wait=wait)
                continue
            frame = answer(work)
            out.append(frame)
            if queue:
                size += len(frame)
                now = monotonic_ns()
                if now - flushed > FLUSH_NS or size > FLUSH_BYTES:
                    channel.send(b"".join(out))
                    out.clear()
                    size, flushed = 0, now
                    channel.read(block=False)  # a cancel may have come for what still waits
        if out:
            channel.send(b"".join(out))
            out.clear()
        if channel.closing:
            return
