"""The head of a call to a replica by HTTP: what a worker would be told, and nothing that is not its business."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hotplate.contract import Contract, Mount, Route
from hotplate.edge.head import HeadRules, parse_head
from hotplate.server.remote.reach import Reach
from hotplate.server.remote.request import deadline, request_head, waited
from hotplate.wire.frames import Meta, encode_meta

REACH = Reach(host="10.0.0.7", port=8080, token="t" * 40)


def head_of(meta: Meta | None, mount: Mount | None = None):
    mount = mount or Mount(method="POST", path="/infer", face="plain", call=0)
    contract = Contract(dialect="", entry="", routes=(Route(path="/infer", name="infer"),), mounts=(mount,))
    raw, has_body = request_head(contract, 0, encode_meta(meta) if meta else b"", REACH)
    return parse_head(raw + b"\r\n", HeadRules()), has_body


def test_a_plain_call_has_the_token_and_its_type():
    head, has_body = head_of(None)
    assert (head.method, head.path, has_body) == ("POST", "/infer", True)
    assert head.headers == {
        b"host": b"10.0.0.7:8080",
        b"x-hotplate-replica": b"t" * 40,
        b"content-type": b"application/json",
    }


def test_what_the_project_asked_for_goes_along_but_nothing_of_the_callers_connection():
    headers = {
        "Accept": "image/png",
        "x-mine": "1",
        "authorization": "Basic YTpi",
        "connection": "close",
        "transfer-encoding": "chunked",
        "content-length": "5",
        "host": "elsewhere",
        "te": "trailers",
        "upgrade": "websocket",
        "expect": "100-continue",
        "traceparent": "theirs",
    }
    trace = ("00-" + "a" * 32 + "-" + "b" * 16 + "-01", "k=v")
    head, _ = head_of(Meta("", "a=1&b=%20", headers, "", "named", trace))
    assert head.query == "a=1&b=%20"
    assert head.headers == {
        b"host": b"10.0.0.7:8080",
        b"x-hotplate-replica": b"t" * 40,
        b"x-request-id": b"named",
        b"accept": b"image/png",
        b"x-mine": b"1",
        b"authorization": b"Basic YTpi",  # the fleet has taken its own tokens out by now
        b"traceparent": trace[0].encode(),
        b"tracestate": b"k=v",
    }


@given(st.text(st.characters(exclude_categories=("Cs",)), max_size=30))
def test_any_path_arrives_as_it_is(path):
    head, _ = head_of(None, Mount(method="PUT", path=f"/{path}", face="plain", call=0))
    assert (head.method, head.path) == ("PUT", f"/{path}")


def test_a_get_without_a_body_says_nothing_of_one():
    assert head_of(None, Mount(method="GET", path="/", face="plain", call=0))[1] is False


@given(st.integers(min_value=0, max_value=3_600_000))
def test_a_wait_is_told_in_few_different_words(ms):
    told = waited(ms * 1_000_000)
    if ms < 2:
        assert told == b""
    else:
        value = int(told.split(b": ")[1])
        assert value <= ms < value * 17 / 16 + 1


def test_heads_of_calls_that_wait_are_few():
    assert len({waited(ms * 1_000_000) for ms in range(300_000)}) < 250


def test_a_deadline_is_rounded_up():
    assert deadline(1_500_000) == b"x-hotplate-deadline: 2\r\n"
    assert deadline(0) == b"x-hotplate-deadline: 0\r\n"
