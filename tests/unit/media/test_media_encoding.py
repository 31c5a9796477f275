"""Base64, data URLs and content types as text."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotplate.errors import InvalidMedia
from hotplate.media.encoding import clean_content_type, decode_base64, decode_data_url, encode_base64, is_data_url


@given(st.binary(max_size=500), st.lists(st.tuples(st.integers(0, 700), st.sampled_from(" \t\r\n")), max_size=8))
def test_blanks_anywhere_change_nothing(data: bytes, blanks: list[tuple[int, str]]) -> None:
    text = encode_base64(data).decode()
    for position, blank in blanks:
        text = text[:position] + blank + text[position:]
    assert decode_base64(text) == decode_base64(text.encode()) == data


@given(st.text(max_size=60))
def test_text_is_decoded_as_python_does_or_refused(text: str) -> None:
    try:
        decoded = decode_base64(text)
    except InvalidMedia:
        return
    assert decoded == base64.b64decode("".join(text.split()), validate=True)


@pytest.mark.parametrize("text", ["a", "ab", "abc", "abcde", "ab=c", "====", "a-b_", "ab\0d", "é", "abcd=", "QUJD%%%%"])
def test_bad_base64_is_refused(text: str) -> None:
    with pytest.raises(InvalidMedia):
        decode_base64(text)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("data:image/png;base64,aGk=", (b"hi", "image/png")),
        ("DATA:;BASE64,aGk=", (b"hi", None)),
        ("data:text/plain;charset=utf-8,a%20b", (b"a b", "text/plain")),
        ("data:,", (b"", None)),
        ("data:no type,x", (b"x", None)),
    ],
)
def test_data_urls(url: str, expected: tuple[bytes, str | None]) -> None:
    assert is_data_url(url)
    assert decode_data_url(url) == expected


@pytest.mark.parametrize("url", ["data:", "data:image/png;base64", "data:" + "x" * 300 + ",aGk="])
def test_a_data_url_needs_its_comma_early(url: str) -> None:
    with pytest.raises(InvalidMedia):
        decode_data_url(url)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Image/PNG; q=1", "image/png"),
        ("application/vnd.ms-excel", "application/vnd.ms-excel"),
        ("image/png\r\nx", None),
        ("image", None),
        ("", None),
        (None, None),
        ("a/" + "b" * 100, None),
    ],
)
def test_content_type_is_cleaned(value: str | None, expected: str | None) -> None:
    assert clean_content_type(value) == expected
