"""traceparent and tracestate, as W3C Trace Context has them."""

from __future__ import annotations

import pytest

from hotplate.wire import trace

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


def test_a_parent_is_read_and_written():
    text = f"00-{TRACE}-{SPAN}-01"
    found = trace.parse(f" {text} ", " a=1 ")
    assert found == trace.Parent(int(TRACE, 16), int(SPAN, 16), sampled=True, state="a=1")
    assert trace.traceparent(found.trace_id, found.span_id, sampled=True) == text
    assert not trace.parse(f"00-{TRACE}-{SPAN}-02").sampled
    assert trace.parse(f"cc-{TRACE}-{SPAN}-01-what-is-to-come").sampled  # a later version may say more


@pytest.mark.parametrize(
    "text",
    [
        "",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01-more",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{TRACE[:-1]}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}",
    ],
)
def test_what_is_no_parent(text):
    assert trace.parse(text) is None


def test_a_long_state_is_left_out():
    assert trace.parse(f"00-{TRACE}-{SPAN}-01", "a=" + "x" * trace.MAX_STATE).state == ""


def test_outside_of_a_call_nothing_goes_along():
    assert trace.outgoing() == {}
