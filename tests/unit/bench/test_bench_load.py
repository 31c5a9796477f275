from __future__ import annotations

import asyncio

import pytest

from bench.load.streams import _Stream, _Tally
from bench.load.wrk import parse
from bench.records import BenchError


class Wire:
    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.closed = False

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def close(self) -> None:
        self.closed = True


def connected(tally: _Tally) -> tuple[_Stream, Wire]:
    stream, wire = _Stream(tally), Wire()
    stream.connection_made(wire)  # type: ignore[arg-type]
    return stream, wire


WHOLE = b'HTTP/1.1 200 OK\r\n\r\n10\r\ndata: "token"\n\n\r\n10\r\ndata: "token"\n\n\r\n0\r\n\r\n'


@pytest.mark.parametrize("size", [1, 3, 7, 1000])
def test_tokens_are_counted_once_however_the_bytes_come(size: int) -> None:
    tally = _Tally(b"POST", expected=2)
    stream, wire = connected(tally)
    for at in range(0, len(WHOLE), size):
        stream.data_received(WHOLE[at : at + size])
    assert (tally.tokens, tally.streams, tally.errors) == (2, 1, 0)
    assert wire.written == [b"POST", b"POST"]


def test_a_stream_with_a_missing_token_is_an_error() -> None:
    tally = _Tally(b"POST", expected=3)
    connected(tally)[0].data_received(WHOLE)
    assert tally.errors == 1


def test_a_connection_that_is_lost_in_the_middle_is_an_error() -> None:
    tally = _Tally(b"POST", expected=3)
    connected(tally)[0].connection_lost(None)
    assert (tally.errors, tally.open) == (1, 0)


def test_after_the_last_second_a_stream_is_read_to_its_end_and_no_other_begun() -> None:
    tally = _Tally(b"POST", expected=2)
    stream, wire = connected(tally)
    tally.running = False
    stream.data_received(WHOLE)
    assert wire.closed
    assert wire.written == [b"POST"]
    assert isinstance(stream, asyncio.Protocol)


def test_the_line_of_the_scripts_is_read() -> None:
    load = parse("Running 1s test\n  Requests/sec: 5\nRESULT 1200 2000000 3 850.0 1700.5\n", 0.5)
    assert (load.requests, load.duration_s, load.errors, load.client_cpu_s) == (1200, 2.0, 3, 0.5)
    assert load.values == {"p50_ms": 0.85, "p99_ms": 1.7005}


def test_wrk_without_a_result_tells_what_it_said() -> None:
    with pytest.raises(BenchError, match="unable to connect"):
        parse("unable to connect to 127.0.0.1:1 Connection refused\n", 0)
