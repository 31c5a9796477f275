from __future__ import annotations

import json
import sys
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotplate.errors import InvalidInput, LimitExceeded, MalformedBody
from hotplate.faces import json_limits
from tests.unit.faces.calls import codec_of


def error_of(body: bytes) -> str:
    with pytest.raises(InvalidInput) as caught:
        json_limits.load(body)
    (item,) = caught.value.details
    assert item["type"] == "json_invalid" and item["msg"] == "JSON decode error" and item["loc"][0] == "body"
    return item["ctx"]["error"]


VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text()),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(), inner)),
    max_leaves=20,
)


@given(VALUES, st.booleans(), st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32-le"]))
def test_good_json_is_read_as_the_standard_library_reads_it(value: Any, ascii_only: bool, encoding: str) -> None:
    body = json.dumps(value, ensure_ascii=ascii_only).encode(encoding)
    assert json_limits.load(body) == json.loads(body) == value


@given(st.binary(max_size=30))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    try:
        json_limits.load(body)
    except InvalidInput:
        pass


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b'{"a":1,"a":1}', "Key 'a' occurs twice in one object"),
        (b'{"a":1,"\\u0061":1}', "Key 'a' occurs twice in one object"),
        (b'[[{"x":{"b":1,"c":2,"b":1}}]]', "Key 'b' occurs twice in one object"),
        (b'{"%s":1,"%s":2}' % (b"k" * 900, b"k" * 900), f"Key '{'k' * 64}' occurs twice in one object"),
        (b"[NaN]", "NaN is not JSON"),
        (b"Infinity", "Infinity is not JSON"),
        (b'{"a":-Infinity}', "-Infinity is not JSON"),
        (b"1e999", "Number out of range"),
        (b"[-1E+400]", "Number out of range"),
        (b"9" * 400 + b".0", "Number out of range"),
        (b"1" * 5000, "Number with too many digits"),
        (b'"\\ud800"', "Lone surrogate"),
        (b'"\\udc00\\ud800"', "Lone surrogate"),
        (b'"\\ud800x\\udc00"', "Lone surrogate"),
        (b'["\\ud83d","\\ude00"]', "Lone surrogate"),
        (b'"\xed\xa0\x80"', "Lone surrogate"),
        (b'"\xed\xa0\xbd\xed\xb8\x80"', "Lone surrogate"),
        (b'{"\\ud800":1}', "Lone surrogate"),
    ],
)
def test_what_the_grammar_allows_and_we_do_not(body: bytes, text: str) -> None:
    assert error_of(body) == text


@pytest.mark.parametrize(
    "body", [b'"\\ud83d\\ude00"', b'"\\\\ud800"', b'"\\\\\\ud83d\\ude00"', b'{"a":{"a":1},"b":[{"a":1}]}', b"1e308"]
)
def test_what_only_looks_like_it_is_read(body: bytes) -> None:
    assert json_limits.load(body) == json.loads(body)


@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_depth_ends_at_64(opening: str) -> None:
    closing = "]" if opening == "[" else "}"

    def nested(depth: int) -> bytes:
        return (opening * depth + "1" + closing * depth).encode()

    assert json_limits.load(nested(64)) == json.loads(nested(64))
    assert error_of(nested(65)) == "Nested deeper than 64 levels"
    assert error_of(nested(100_000)) == "Nested deeper than 64 levels"


def test_brackets_in_strings_are_no_depth() -> None:
    body = json.dumps({"a": "[" * 1000, "b": '"]}' * 100, "\\": ["{", "\\" * 9]}).encode()
    assert json_limits.load(body) == json.loads(body)


def test_many_brackets_side_by_side_are_no_depth() -> None:
    body = json.dumps([[{"a": []}] * 500] * 3).encode()
    assert json_limits.load(body) == json.loads(body)


def test_values_end_at_a_million() -> None:
    json_limits.load(b"[" + b",".join([b"1"] * 999_999) + b"]")
    assert error_of(b"[" + b",".join([b"1"] * 1_000_001) + b"]") == "More than 1000000 values"
    assert error_of(b"[" + b",".join([b"[]"] * 700_000) + b"]") == "More than 1000000 values"
    json_limits.load(json.dumps("," * 2_000_000).encode())


def test_what_is_not_text_is_malformed() -> None:
    with pytest.raises(MalformedBody, match="There was an error parsing the body"):
        json_limits.load(b'"\xff"')


@pytest.mark.parametrize("annotation", [str, Any, dict[str, Any], list[Any], int | None])
@pytest.mark.parametrize("key", ["x", "unknown"])
@pytest.mark.parametrize("low_limit", [False, True])
def test_no_depth_raises_anything_else(annotation: Any, key: str, low_limit: bool) -> None:
    """RecursionError, in msgspec, json or pydantic, never gets out; also where little of the stack is left."""

    def infer(x): ...

    infer.__annotations__ = {"x": annotation, "return": str}
    codec = codec_of(infer)
    before = sys.getrecursionlimit()
    try:
        if low_limit:
            sys.setrecursionlimit(150)
        for depth in (65, 120, 900, 5_000, 200_000):
            other = '"x":1,' if key != "x" else ""
            body = ("{" + f'{other}"{key}":' + "[" * depth + "]" * depth + "}").encode()
            with pytest.raises(InvalidInput):
                codec.decode(body, None)
    finally:
        sys.setrecursionlimit(before)


@pytest.mark.parametrize(
    "body",
    [
        b'{"x":1,"y":1e999}',
        b'{"x":1,"y":"\xff"}',
        b'{"x":1,"y":"\\ud800"}',
        b'{"x":1,"y":{"a":1,"a":2}}',
        b'{"x":1,"x":1}',
        b'{"x":1,"\\u0078":1}',
        b'{"x":1,"x" :1}',
        b'{"x":1,"y":%s}' % (b"[" * 65 + b"]" * 65),
        b'{"x":1,"y":[%s]}' % (b"1," * 1_000_001 + b"1"),
    ],
)
def test_fields_that_nobody_reads_are_held_to_the_same_rules(body: bytes) -> None:
    def infer(x: int) -> int: ...

    with pytest.raises(InvalidInput):
        codec_of(infer).decode(body, None)


@pytest.mark.parametrize(
    "body",
    [
        b'{"x":{"a":1,"a":2}}',
        b'{"x":{"a":1,"\\u0061":2}}',
        b'{"x":{"a":"\\u0022:","a":2}}',
        b'{"x":{"a":{"b":1}},"x":{}}',
        b'{"x":{"a" : 1, "a" : 2}}',
        b'{"x":[{"a":":"},{"a":"\\":","b":1,"b":2}]}',
    ],
)
def test_keys_that_occur_twice_inside_of_values_are_found(body: bytes) -> None:
    def infer(x: dict[str, Any] | list[dict[str, Any]]) -> Any: ...

    def loose(x: Any) -> Any: ...

    for codec in (codec_of(infer), codec_of(loose)):
        with pytest.raises(InvalidInput) as caught:
            codec.decode(body, None)
        assert "occurs twice" in caught.value.details[0]["ctx"]["error"]


@pytest.mark.serial
@pytest.mark.parametrize(
    "body",
    [
        ("[" * 64 + "]" * 64 + ",") * 80_000,
        '"' + "\\u0041" * 1_700_000 + '",',
        '"' + '\\"' * 5_000_000 + '",',
        "9" * 308 + ".1," + ("9" * 308 + ".1,") * 30_000,
        "{},[]," * 1_700_000,
        '"a":' * 2_500_000,
    ],
)
def test_ten_megabytes_of_anything_take_bounded_time(body: str) -> None:
    raw = ('{"x":[' + body + "1]}").encode()
    started = time.process_time()
    try:
        json_limits.load(raw)
    except (LimitExceeded, InvalidInput):
        pass
    assert time.process_time() - started < 3.0
