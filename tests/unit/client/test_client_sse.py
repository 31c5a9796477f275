"""Server-sent events from bytes in pieces of any size."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotplate.client import sse
from hotplate.client.errors import InvalidAnswer, StreamFailed
from hotplate.client.exchange import Answer, Request
from hotplate.client.sse import Event, EventParser
from hotplate.client.stream import EventStream


def parse(*chunks: bytes) -> list[Event]:
    parser = EventParser()
    events = [event for chunk in chunks for event in parser.feed(chunk)]
    return events + list(parser.close())


@pytest.mark.parametrize(
    ("text", "events"),
    [
        ("data: 1\n\ndata: 2\n\n", [Event("message", "1"), Event("message", "2")]),
        ("data:1\r\n\r\n", [Event("message", "1")]),
        ("data: 1\r\rdata: 2\r\r", [Event("message", "1"), Event("message", "2")]),
        ("data: a\ndata: b\n\n", [Event("message", "a\nb")]),
        ("data:  two spaces\n\n", [Event("message", " two spaces")]),
        (": still here\n\ndata: 1\n\n", [Event("message", "1")]),
        ("event: error\nid: 4\nretry: 10\ndata: x\n\ndata: y\n\n", [Event("error", "x"), Event("message", "y")]),
        ("event: lonely\n\ndata: 1\n\n", [Event("message", "1")]),
        ("data\n\n", [Event("message", "")]),
        ("\ufeffdata: 1\n\n", [Event("message", "1")]),
        ("data: no end", [Event("message", "no end")]),
        ("data: 1\n", [Event("message", "1")]),
        ("", []),
    ],
)
def test_events_are_parsed_as_the_standard_says(text: str, events: list[Event]) -> None:
    assert parse(text.encode()) == events


SAMPLE = "data: é\r\n\r\n: ping\r\rdata: 🐈\ndata: b\n\nevent: error\r\ndata: x\r\n\r\n".encode()


@given(st.lists(st.integers(0, len(SAMPLE))))
def test_where_the_chunks_are_cut_does_not_matter(cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(SAMPLE)]
    pieces = [SAMPLE[a:b] for a, b in zip(edges, edges[1:], strict=False)]
    assert parse(*pieces) == parse(SAMPLE)
    assert [event.data for event in parse(SAMPLE)] == ["é", "🐈\nb", "x"]


def test_an_event_without_an_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "EVENT_CHARACTERS", 1000)
    parser = EventParser()
    for _ in range(50):  # many events of legal size pass
        list(parser.feed(b"data: " + b"x" * 900 + b"\n\n"))
    with pytest.raises(InvalidAnswer, match="longer than 1000"):
        for _ in range(3):
            list(parser.feed(b"data: " + b"x" * 400 + b"\n"))


def stream(kind: str = "text/event-stream; charset=utf-8") -> EventStream:
    request = Request(method="POST", url="http://h/s", headers={"X-Request-Id": "r"})
    return EventStream(request, Answer(status=200, headers={"content-type": kind}), silence_s=1.0)


def test_values_are_json_and_done_ends_the_stream() -> None:
    opened = stream()
    assert list(opened.items(b'data: {"a": 1}\n\ndata: [DONE]\n\ndata: 2\n\n')) == [{"a": 1}]
    assert opened.done


def test_an_error_event_is_raised_with_its_detail() -> None:
    opened = stream()
    values = opened.items(b'data: 1\n\nevent: error\ndata: {"detail": "out of memory", "code": "x"}\n\n')
    assert next(values) == 1
    with pytest.raises(StreamFailed, match="POST http://h/s failed while it streamed: out of memory") as caught:
        next(values)
    assert caught.value.detail == {"detail": "out of memory", "code": "x"}
    assert caught.value.request_id == "r"


def test_what_is_not_a_stream_of_json_is_refused() -> None:
    with pytest.raises(InvalidAnswer, match="not JSON: 'hello'"):
        list(stream().items(b"data: hello\n\n"))
    with pytest.raises(InvalidAnswer, match=r"answered with application/json, not with a stream. Call infer\(\)"):
        stream("application/json")
