"""For random annotations and results, the envelope is what the OctoAI SDK's Output model gives, or both refuse."""

from __future__ import annotations

import datetime
import enum
import json
from collections import namedtuple
from decimal import Decimal
from typing import Any, Literal, Optional, Union

import pydantic
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hotplate.dialects.base import Parameter
from hotplate.errors import InvalidOutput
from hotplate.faces.base import Answer
from hotplate.faces.plain import PlainCodec
from tests.unit.faces.calls import call_with, codec_of

Pair = namedtuple("Pair", "a b")  # noqa: PYI024


class Color(str, enum.Enum):  # noqa: UP042
    red = "red"


class Level(enum.IntEnum):
    high = 3


class Text(str):
    pass


class Whole(int):
    pass


class Box(pydantic.BaseModel):
    x: int = 1


HINTS = st.recursive(
    st.sampled_from([str, int, float, bool, None, Any, list, dict, Literal["red", 3], Box, tuple[int, ...]]),
    lambda inner: st.one_of(
        inner.map(lambda hint: list[hint]),
        inner.map(lambda hint: dict[str, hint]),
        inner.map(lambda hint: Optional[hint]),  # noqa: UP045
        st.tuples(inner, inner).map(lambda pair: Union[pair]),  # noqa: UP007
    ),
    max_leaves=4,
)
ODD = [
    Color.red,
    Level.high,
    Text("t"),
    Whole(7),
    Pair(1, 2),
    Box(),
    Decimal("1.50"),
    datetime.date(2020, 1, 1),
    b"bytes",
    {1},
    float("nan"),
    float("inf"),
    10**30,
    "\ud800",
    "3",
    object(),
]
RESULTS = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(max_size=5),
        st.sampled_from(ODD),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.tuples(inner, inner),
        st.dictionaries(st.one_of(st.text(max_size=3), st.sampled_from([1, None, Color.red, 1.5])), inner, max_size=3),
    ),
    max_leaves=5,
)


def by_pydantic(returns: Any, value: Any) -> str | None:
    model = pydantic.create_model("Output", output=(returns, None))
    try:
        written = model(output=value).model_dump_json(warnings=False)
    except Exception:
        return None
    return repr(json.loads(written)["output"])


@settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(HINTS, RESULTS)
def test_the_output_is_pydantics(returns: Any, value: Any) -> None:
    codec = PlainCodec(call_with((Parameter(name="x", annotation=str),), returns))
    expected = by_pydantic(returns, value)
    try:
        written = codec.encode(value, None, 1, 1)
    except InvalidOutput:
        assert expected is None
    else:
        assert isinstance(written, bytes)
        assert repr(json.loads(written)["output"]) == expected


def test_times_are_milliseconds() -> None:
    def infer(x: str) -> str: ...

    written = codec_of(infer).encode("a", None, 10_386, 1_510_754)
    assert isinstance(written, bytes)
    assert written == b'{"output":"a","analytics":{"inference_time_ms":0.010386,"performance_time_ms":1.510754}}'


def test_an_exception_in_place_of_a_result_is_raised() -> None:
    """A batched function may put an exception into its list of results: that item alone fails."""

    def infer(x: str) -> Any: ...

    with pytest.raises(KeyError):
        codec_of(infer).encode(KeyError("x"), None, 1, 1)


def test_a_result_that_does_not_fit_names_its_cause_for_the_log() -> None:
    def infer(x: str) -> int: ...

    with pytest.raises(InvalidOutput) as caught:
        codec_of(infer).encode("seven", None, 1, 1)
    assert isinstance(caught.value.__cause__, pydantic.ValidationError)


def test_a_result_within_itself_is_refused() -> None:
    def infer(x: str) -> Any: ...

    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(InvalidOutput):
        codec_of(infer).encode(loop, None, 1, 1)


def test_a_model_is_written_by_alias() -> None:
    class Found(pydantic.BaseModel):
        class_: str = pydantic.Field(alias="class")

    codec = PlainCodec(call_with((), Found))
    written = codec.encode(Found(**{"class": "cat"}), None, 0, 0)
    assert not isinstance(written, Answer)
    assert json.loads(written)["output"] == {"class": "cat"}


def test_types_that_cannot_be_sent_are_found_when_the_project_is_loaded() -> None:
    from hotplate.errors import ProjectError

    class Array:
        pass

    with pytest.raises(ProjectError, match="return value"):
        PlainCodec(call_with((), Array))
    with pytest.raises(ProjectError, match="parameter x"):
        PlainCodec(call_with((Parameter(name="x", annotation=Array),), str))
