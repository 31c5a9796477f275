from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotplate.config.values import (
    PARSERS,
    parse_bytes,
    parse_flag,
    parse_integer,
    parse_list,
    parse_seconds,
    parse_switch,
    parse_text,
    show,
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0),
        ("65536", 65536),
        ("64KiB", 65536),
        ("64 kib", 65536),
        ("64K", 65536),
        ("64kB", 64000),
        ("10MiB", 10485760),
        ("1.5MB", 1500000),
        ("2GiB", 2147483648),
        ("7b", 7),
    ],
)
def test_sizes(text, value):
    assert parse_bytes(text) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [("30", 30.0), ("0.5", 0.5), ("30s", 30.0), ("500ms", 0.5), ("2m", 120.0), ("1h", 3600.0), ("1m30s", 90.0)],
)
def test_times(text, value):
    assert parse_seconds(text) == pytest.approx(value)


@pytest.mark.parametrize(("text", "value"), [("8080", 8080), ("-1", -1), ("10_000", 10000)])
def test_whole_numbers(text, value):
    assert parse_integer(text) == value


@pytest.mark.parametrize(("text", "value"), [("true", True), ("Yes", True), ("1", True), ("off", False), ("0", False)])
def test_yes_and_no(text, value):
    assert parse_flag(text) is value


@pytest.mark.parametrize(("text", "value"), [("auto", "auto"), ("AUTO", "auto"), ("true", "on"), ("no", "off")])
def test_switches(text, value):
    assert parse_switch(text) == value


def test_lists_are_split_at_commas():
    assert parse_list(" a, b ,,c ") == ("a", "b", "c")


@pytest.mark.parametrize(
    ("parse", "text"),
    [
        (parse_bytes, ""),
        (parse_bytes, "ten"),
        (parse_bytes, "10XB"),
        (parse_bytes, "-1"),
        (parse_bytes, "1e9"),
        (parse_bytes, "inf"),
        (parse_bytes, "٣"),
        (parse_bytes, "9" * 400),
        (parse_seconds, "9" * 400),
        (parse_seconds, "1s" * 50),
        (parse_integer, "9" * 5000),
        (parse_seconds, "nan"),
        (parse_seconds, "inf"),
        (parse_seconds, "-1s"),
        (parse_seconds, "1:30"),
        (parse_seconds, "s"),
        (parse_seconds, ""),
        (parse_integer, "1.0"),
        (parse_integer, "1__0"),
        (parse_integer, "٣"),
        (parse_integer, "0x10"),
        (parse_flag, "maybe"),
        (parse_switch, "maybe"),
        (parse_text, "a\nb"),
        (parse_text, "a\x1b[31m"),
        (parse_list, "a,b\x00"),
    ],
)
def test_what_is_not_a_value_is_refused_with_what_was_given(parse, text):
    with pytest.raises(ValueError, match="must") as caught:
        parse(text)
    assert repr(text.strip()) in str(caught.value) or parse is parse_list or len(text) > 99


@given(st.text(max_size=40))
def test_no_text_breaks_a_parser(text):
    for parse in PARSERS.values():
        try:
            parse(text)
        except ValueError:
            pass


@given(st.integers(min_value=0, max_value=1 << 45))
def test_a_size_that_is_shown_reads_back(size):
    assert parse_bytes(show("bytes", size)) == size


@given(st.integers(min_value=0, max_value=10_000_000).map(lambda thousandths: thousandths / 100))
def test_a_time_that_is_shown_reads_back(seconds):
    assert parse_seconds(show("seconds", seconds)) == pytest.approx(seconds, rel=1e-5)


def test_what_works_itself_out_is_shown_as_auto():
    assert show("integer", None) == "auto"
