"""The fast readers and writers give what the exact ones give, or nothing."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotplate.contract.tensors import INTEGERS, Tensor
from hotplate.errors import InvalidInput
from hotplate.faces import flat_json, json_limits, open_inference_quick
from hotplate.faces.open_inference_request import Wanted, read_infer
from hotplate.faces.open_inference_result import answer, outputs

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
)


@given(st.dictionaries(st.text(max_size=5) | st.just('":'), SCALARS, max_size=5) | VALUES, st.booleans())
def test_what_is_read_is_what_the_exact_reader_reads(tree, spaced):
    body = json.dumps(tree, separators=None if spaced else (",", ":")).encode()
    found = flat_json.load(body)
    if found is not None:
        assert repr(found) == repr(json_limits.load(body))


@pytest.mark.parametrize(
    "body",
    [
        b'{"a":1,"a":2}',
        b'{"a":1, "a" :2}',
        b'{"a":"\\":","a":2}',
        b'{"a":NaN}',
        b'{"a":1e999}',
        b'{"a":"\xff"}',
        b'{"a":"\\ud800"}',
        b'{"a":[1]}',
        b"[1]",
        b"",
        b"{",
        b"\xef\xbb\xbf{}",
        b'{"a":"' + b"a" * (64 * 1024) + b'"}',
    ],
)
def test_what_the_exact_reader_must_see_is_left_to_it(body):
    assert flat_json.load(body) is None


def test_a_colon_in_a_value_is_no_key():
    assert flat_json.load(b'{"a":"b: c","d":1}') == {"a": "b: c", "d": 1}


@given(VALUES)
def test_what_is_written_is_what_json_dumps_writes(tree):
    assert flat_json.dump(tree) == json.dumps(tree).encode()


@pytest.mark.parametrize("value", [{1, 2}, b"a", {"a": object()}])
def test_what_json_cannot_hold_is_refused(value):
    with pytest.raises(TypeError):
        flat_json.dump(value)


TENSORS = {
    "text": Tensor("BYTES", (1,)),
    "n": Tensor("INT8", (1,)),
    "big": Tensor("INT64", (1,)),
    "f": Tensor("FP64", (1,)),
    "on": Tensor("BOOL", (1,)),
    "list": Tensor("INT64", (-1,), scalar=False),
    "two": Tensor("FP32", (2,), scalar=False),
    "table": Tensor("FP64", (-1, 2), scalar=False),
    "any": Tensor("BYTES", (1,), form="any"),
    "json": Tensor("BYTES", (1,), form="json"),
}
DATA = st.lists(
    st.integers(-200, 200)
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=4)
    | st.booleans(),
    max_size=3,
)


@st.composite
def entries(draw):
    name = draw(st.sampled_from([*TENSORS, "unknown"]))
    data = draw(DATA)
    shape = draw(st.sampled_from([[len(data)], [1], [1, len(data)], []]))
    own = TENSORS.get(name)
    datatype = draw(st.sampled_from([own.datatype if own else "BYTES", "INT64", "FP64", "BYTES"]))
    return {"name": name, "shape": shape, "datatype": datatype, "data": data}


@given(st.lists(entries(), max_size=3), st.sampled_from([{}, {"id": "7"}, {"outputs": []}, {"parameters": {}}]))
def test_a_request_read_quickly_is_read_the_same_exactly(inputs, more):
    body = json.dumps({"inputs": inputs, **more}).encode()
    found = open_inference_quick.Reader(TENSORS).read(body)
    if found is None:
        return
    assert not more or more == {"parameters": None}
    values, wanted = read_infer(body, None, TENSORS, "m", False)
    assert wanted == Wanted()
    assert repr(found) == repr(values)


def test_the_usual_request_is_read_quickly():
    text = {"name": "text", "shape": [1], "datatype": "BYTES", "data": ["a"]}
    body = json.dumps({"inputs": [text, {"name": "list", "shape": [2], "datatype": "INT64", "data": [1, 2]}]}).encode()
    assert open_inference_quick.Reader(TENSORS).read(body) == {"text": "a", "list": [1, 2]}


@pytest.mark.parametrize("value", [128, -129, 2**63])
def test_a_range_is_held_by_both(value):
    body = json.dumps({"inputs": [{"name": "n", "shape": [1], "datatype": "INT8", "data": [value]}]}).encode()
    assert open_inference_quick.Reader(TENSORS).read(body) is None
    with pytest.raises(InvalidInput, match="out of the range"):
        read_infer(body, None, TENSORS, "m", False)


@given(st.dictionaries(st.text(max_size=4), SCALARS, max_size=3) | SCALARS)
def test_an_answer_written_quickly_is_written_the_same_exactly(value):
    found = open_inference_quick.write(value, "model")
    if found is not None:
        assert found == answer(outputs(value), Wanted(), "model", batched=False)
    elif isinstance(value, (str, bool)) or (isinstance(value, float) and math.isfinite(value)):
        assert isinstance(value, str), "scalars are written quickly"
    low, high = INTEGERS["INT64"]
    if type(value) is int:
        assert (found is not None) == (low <= value <= high)
