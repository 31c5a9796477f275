"""A chunked body comes out whole and ends where it ends, however it is cut; its limits act while it comes."""

from __future__ import annotations

import time
from collections.abc import Iterator

import httptools
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hotplate.edge.body import MalformedChunks, TooLarge
from hotplate.edge.chunked import WASTE_BYTES, ChunkedBody
from hotplate.edge.exchange import EdgeLimits
from hotplate.edge.head import HeadRules, parse_head
from hotplate.server.memory import Memory

HEAD = parse_head(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", HeadRules())
LIMITS = EdgeLimits(inline_bytes=100)


@pytest.fixture(scope="module")
def memory() -> Iterator[Memory]:
    made = Memory()
    yield made
    made.close()


def body_of(memory: Memory, limit: int = 100_000) -> ChunkedBody:
    return ChunkedBody(HEAD, LIMITS, limit, memory.allocate)


def feed(body: ChunkedBody, data: bytes, cuts: list[int]) -> bytes:
    """Feed in pieces, as the connection does; give what was left over."""
    for begin, end in zip([0, *cuts], [*cuts, len(data)], strict=True):
        if data[begin:end]:
            body.feed(data[begin:end])
        if body.complete:
            return body.rest + data[end:]
    return b""


def taken(body: ChunkedBody) -> bytes:
    data, extent = body.take()
    if extent is None:
        return data
    data = bytes(extent.view)
    extent.free()
    return data


# Line ends and zeros are what the end of a body is made of.
pieces = st.lists(st.one_of(st.binary(min_size=1, max_size=120), st.text("\r\n0;x").map(str.encode)), max_size=8)
lines = st.sampled_from([b"", b";ext=1", b";a;b=c", b';q="a b"'])
trailers = st.lists(st.sampled_from([b"X-T: 1\r\n", b"Other: 0\r\n", b"Z:\r\n"]), max_size=2).map(b"".join)
tails = st.sampled_from([b"", b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n", b"0\r\n\r\n", b"\r\n\r\n", b"\x00junk"])


@given(pieces, lines, trailers, tails, st.data())
def test_any_cut_gives_the_body_and_what_follows_it(
    memory: Memory, parts: list[bytes], extension: bytes, trailer: bytes, tail: bytes, data: st.DataObject
) -> None:
    parts = [part for part in parts if part]
    framed = b"".join(b"%X%b\r\n%b\r\n" % (len(part), extension, part) for part in parts)
    framed += b"0%b\r\n%b\r\n" % (extension, trailer)
    sent = framed + tail
    cuts = sorted(data.draw(st.lists(st.integers(0, len(sent)), max_size=12)))
    body = body_of(memory)
    rest = feed(body, sent, cuts)
    assert body.complete
    assert rest == tail
    assert taken(body) == b"".join(parts)
    assert memory.arena.idle
    assert memory.held == 0


@settings(max_examples=300)
@given(st.lists(st.binary(min_size=1, max_size=30), max_size=10))
def test_garbage_is_refused_or_waits_for_more(memory: Memory, parts: list[bytes]) -> None:
    body = body_of(memory)
    try:
        for part in parts:
            body.feed(part)
            if body.complete:
                break
    except (MalformedChunks, TooLarge):
        pass
    body.drop()
    assert memory.arena.idle


class Judge:
    """What llhttp, the parser of Node.js and of most Python servers, makes of it."""

    def __init__(self) -> None:
        self.body = b""
        self.complete = False

    def on_body(self, data: bytes) -> None:
        self.body += data

    def on_message_complete(self) -> None:
        self.complete = True


@settings(max_examples=400)
@given(pieces, lines, trailers, st.data())
def test_what_is_accepted_another_parser_reads_in_the_same_way(
    memory: Memory, parts: list[bytes], extension: bytes, trailer: bytes, data: st.DataObject
) -> None:
    """Two readings of one request are how a second one is smuggled in."""
    sent = b"".join(b"%x%b\r\n%b\r\n" % (len(part), extension, part) for part in parts if part)
    sent += b"0%b\r\n%b\r\n" % (extension, trailer)
    at = data.draw(st.integers(0, len(sent)))
    cut = data.draw(st.integers(0, 2))
    sent = (
        sent[:at] + data.draw(st.sampled_from([b"", b"\r", b"\n", b"0", b" ", b";", b"\r\n", b"f"])) + sent[at + cut :]
    )
    body = body_of(memory)
    try:
        body.feed(sent)
    except (MalformedChunks, TooLarge):
        body.drop()
        return
    if not body.complete:
        body.drop()
        return
    judge = Judge()
    parser = httptools.HttpRequestParser(judge)
    parser.feed_data(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
    parser.feed_data(sent[: len(sent) - len(body.rest)])
    assert judge.complete
    assert judge.body == taken(body)


@pytest.mark.parametrize(
    "data",
    [
        b"zz\r\nabc\r\n",
        b"-1\r\n",
        b"3\nabc\n0\n\n",
        b"3\r\nabcdef\r\n",
        b"fffffffffffffffff\r\n",
        b"0x3\r\nabc\r\n0\r\n\r\n",
        b" 3\r\nabc\r\n0\r\n\r\n",
        b"\r\n\r\n",
        b"3\r\nabc\r\n0\r\nno colon\r\n\r\n",
        b"3\r\nabc\r\n0\r\n folded\r\n\r\n",
        b"3\rabc\r\n0\r\n\r\n",
        b"3 \r\nabc\r\n0\r\n\r\n",
        b"3;a\x00b\r\nabc\r\n0\r\n\r\n",
        b"+3\r\nabc\r\n0\r\n\r\n",
        b"1_0\r\n0123456789abcdef\r\n0\r\n\r\n",
        b"3\r\nabc\n\r0\r\n\r\n",
    ],
)
def test_broken_framing_is_refused(memory: Memory, data: bytes) -> None:
    with pytest.raises(MalformedChunks):
        feed(body_of(memory), data, list(range(1, len(data))))
    with pytest.raises(MalformedChunks):
        feed(body_of(memory), data, [])


@pytest.mark.parametrize("limit", [50, 1000])
def test_a_body_over_its_limit_is_refused_when_it_passes_it(memory: Memory, limit: int) -> None:
    body = body_of(memory, limit)
    body.feed(b"%x\r\n" % limit + b"x" * limit + b"\r\n")
    with pytest.raises(TooLarge):
        body.feed(b"1\r\ny\r\n")
    body.drop()
    assert memory.arena.idle


def test_a_body_of_exactly_its_limit_is_taken(memory: Memory) -> None:
    body = body_of(memory, 1000)
    feed(body, b"3e8\r\n" + b"x" * 1000 + b"\r\n0\r\n\r\n", [])
    assert taken(body) == b"x" * 1000


@pytest.mark.parametrize("junk", [b"1;" + b"x" * 1000 + b"\r\ny\r\n", b"0\r\n" + b"X-Trailer: y\r\n" * 100])
def test_framing_without_a_body_in_it_has_a_limit(memory: Memory, junk: bytes) -> None:
    body = body_of(memory)
    with pytest.raises(TooLarge):  # noqa: PT012
        for n in range(100):
            body.feed(junk if n == 0 or junk[:1] == b"1" else junk[3:])
    assert body.got <= WASTE_BYTES * 2 + len(junk)
    body.drop()


def test_a_body_that_grows_keeps_its_bytes_and_its_memory_small(memory: Memory) -> None:
    body = body_of(memory, 8_000_000)
    piece = bytes(range(256)) * 16
    for _ in range(1000):
        body.feed(b"1000\r\n" + piece + b"\r\n")
        assert memory.held <= 2 * body.size + 1000
    body.feed(b"0\r\n\r\n")
    assert taken(body) == piece * 1000
    assert memory.arena.idle


def test_no_room_is_an_os_error(memory: Memory) -> None:
    small = Memory(limit=1000)
    other = small.allocate(10)
    body = body_of(small)
    with pytest.raises(OSError):  # noqa: PT012
        for _ in range(20):
            body.feed(b"64\r\n" + b"x" * 100 + b"\r\n")
    body.drop()
    other.free()
    assert small.held == 0
    assert small.arena.idle
    small.close()


@pytest.mark.serial
@pytest.mark.parametrize("chunk", [b"1\r\nx\r\n", b"5\r\nx\r\n\r\n\r\n", b"6\r\n\r\n\r\n\r\n\r\n"])
def test_three_million_bytes_in_tiny_chunks_take_little_time(memory: Memory, chunk: bytes) -> None:
    size = int(chunk[:1])
    whole = chunk * (3_000_000 // size) + b"0\r\n\r\n"
    body = body_of(memory, 4_000_000)
    begun = time.process_time()
    for at in range(0, len(whole), 256 * 1024):
        body.feed(whole[at : at + 256 * 1024])
    assert time.process_time() - begun < 2.0
    assert body.complete
    assert len(taken(body)) == 3_000_000
