"""The worker's reader of frames: any cut of valid frames gives the same calls; anything else is a WireError."""

from __future__ import annotations

import os
import select
import socket
import threading
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hotplate.errors import WireError
from hotplate.wire import frames
from hotplate.wire.arena import Arena, make_arena_file
from hotplate.wire.layout import HEADER, PLACE
from hotplate.worker.channel import Channel


class Ends:
    def __init__(self) -> None:
        self.server, self.worker = socket.socketpair()
        self.fd = make_arena_file(1 << 16)
        self.arena = Arena(self.fd)
        self.channel = Channel(self.worker, self.arena, self.arena)

    def close(self) -> None:
        self.server.close()
        self.worker.close()
        os.close(self.fd)


@pytest.fixture(scope="module")
def ends() -> Iterator[Ends]:
    made = Ends()
    yield made
    made.close()


def fresh(ends: Ends) -> Channel:
    return Channel(ends.worker, ends.arena, ends.arena)


requests = st.builds(
    lambda call_id, code, meta, body, stamp: (call_id, code, meta, body, stamp),
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**16 - 1),
    st.binary(max_size=40),
    st.binary(max_size=200),
    st.integers(0, 2**64 - 1),
)


@given(st.lists(requests, max_size=12), st.data())
def test_any_cut_gives_the_same_calls(ends: Ends, calls: list[tuple[int, int, bytes, bytes, int]], data: st.DataObject):
    sent = b"".join(
        frames.frame(frames.REQUEST, call_id=i, code=c, meta=m, body=b, stamp=s)
        + frames.frame(frames.WINDOW, call_id=i, stamp=5)
        for i, c, m, b, s in calls
    )
    cuts = sorted(data.draw(st.lists(st.integers(0, len(sent)), max_size=20)))
    channel = fresh(ends)
    for begin, end in zip([0, *cuts], [*cuts, len(sent)], strict=True):
        channel.feed(sent[begin:end])
    assert list(channel.queue) == [(i, c, 0, len(m), s, m + b) for i, c, m, b, s in calls]


@settings(max_examples=300)
@given(st.lists(st.binary(min_size=1, max_size=60), max_size=8))
def test_garbage_is_an_error_of_the_wire_or_waits_for_more(ends: Ends, parts: list[bytes]) -> None:
    channel = fresh(ends)
    try:
        for part in parts:
            channel.feed(part)
    except WireError:
        pass


@pytest.mark.parametrize(
    "data",
    [
        frames.frame(99),
        frames.frame(0),
        frames.frame(frames.RESPONSE),
        frames.frame(frames.RELEASE, body=b"short"),
        HEADER.pack(2**32 - 1, 1, frames.REQUEST, 0, 0, 0, 0),
        HEADER.pack(frames.MAX_FRAME_BYTES + 1, 1, frames.REQUEST, 0, 0, 0, 0) + b"x",
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" * 3,
    ],
)
def test_what_no_server_sends_is_refused(ends: Ends, data: bytes) -> None:
    with pytest.raises(WireError):
        fresh(ends).feed(data)


def test_a_release_gives_room_back(ends: Ends) -> None:
    channel = fresh(ends)
    place = channel.place(b"x" * 1000)
    assert place is not None
    assert not ends.arena.idle
    channel.feed(frames.frame(frames.RELEASE, body=PLACE.pack(*PLACE.unpack(place))))
    assert ends.arena.idle


def test_a_cancel_of_what_waits_in_the_same_read_drops_it(ends: Ends) -> None:
    channel = fresh(ends)
    channel.feed(
        frames.frame(frames.REQUEST, call_id=1)
        + frames.frame(frames.REQUEST, call_id=2)
        + frames.frame(frames.CANCEL, call_id=1)
    )
    assert [work[0] for work in channel.queue] == [2]
    size, call_id, kind, _, code, _, _ = HEADER.unpack(ends.server.recv(100))
    assert (size, call_id, kind, code) == (0, 1, frames.RESPONSE, 499)


def test_the_mark_of_started_calls_only_rises_also_past_the_wrap_of_ids(ends: Ends) -> None:
    channel = fresh(ends)
    mark = ends.arena.view[:4].cast("I")
    channel.start(2**32 - 3)
    channel.start_all([2**32 - 2, 2**32 - 5])
    assert mark[0] == 2**32 - 2
    channel.start_all([1])
    assert mark[0] == 1
    channel.start_all([2**32 - 1])
    assert mark[0] == 1


def test_a_socket_that_an_event_loop_made_non_blocking_loses_nothing_while_the_server_is_busy(ends: Ends) -> None:
    ends.worker.setblocking(False)
    parts = [bytes([number]) * 70_000 for number in range(60)]
    channel = fresh(ends)
    sender = threading.Thread(target=lambda: [channel.send(part) for part in parts])
    sender.start()
    try:
        select.poll().poll(20)  # the socket is full by now: its buffers hold far less
        received = b""
        whole = b"".join(parts)
        while len(received) < len(whole):
            received += ends.server.recv(1 << 16)
        assert received == whole
    finally:
        ends.worker.setblocking(True)
        sender.join()
