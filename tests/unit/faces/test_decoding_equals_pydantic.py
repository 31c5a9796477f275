"""For random hints, defaults and bodies, decoding gives what pydantic gives for the same body: value or error."""

from __future__ import annotations

import json
import math
from typing import Any, Literal, Optional, Union

import pydantic
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hotplate.dialects.base import MISSING, Parameter
from hotplate.errors import InvalidInput
from hotplate.faces import decoding, hints
from hotplate.faces.plain import PlainCodec
from tests.unit.faces.calls import call_with

SCALARS = [str, int, float, bool, None, Any]
LITERALS = [Literal["a", "b"], Literal[1, 2], Literal["a", 1, None]]  # noqa: PYI061


def _containers(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(
        inner.map(lambda hint: list[hint]),
        inner.map(lambda hint: dict[str, hint]),
        inner.map(lambda hint: Optional[hint]),  # noqa: UP045
        st.tuples(inner, inner).map(lambda pair: Union[pair]),  # noqa: UP007
    )


HINTS = st.recursive(st.sampled_from([*SCALARS, *LITERALS, list, dict]), _containers, max_leaves=5)

NUMBERS = st.one_of(
    st.integers(),
    st.integers(min_value=-(10**40), max_value=10**40),
    st.integers(min_value=-3, max_value=3),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([1.0, 2.0, -0.0, 1e300, 2**53 + 1, 2**63, 2**64, -(2**63) - 1, 10**30, 10**400]),
)
SCALAR_VALUES = st.one_of(
    st.none(),
    st.booleans(),
    NUMBERS,
    st.text(max_size=8),
    st.sampled_from(["a", "b", "1", "1.0", "true", "no", "nan", 'say "x": 1', "\\", ":", "é", "😀", ""]),
)
KEYS = st.one_of(st.text(max_size=3), st.sampled_from(["a", "b", "0", 'q":', "x y"]))
VALUES = st.recursive(
    SCALAR_VALUES,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(KEYS, inner, max_size=4)),
    max_leaves=6,
)


@st.composite
def fitting(draw: st.DrawFn, hint: Any) -> Any:
    """A value that likely fits a hint: with random values alone, most bodies would be refused."""
    if draw(st.integers(0, 9)) == 0:
        return draw(VALUES)
    origin, arguments = pydantic_origin(hint)
    if hint is str:
        return draw(st.text(max_size=8))
    if hint is int:
        return draw(st.integers(min_value=-(10**25), max_value=10**25))
    if hint is float:
        return draw(st.one_of(st.floats(allow_nan=False, allow_infinity=False), st.integers()))
    if hint is bool:
        return draw(st.booleans())
    if hint is None or hint is type(None):
        return None
    if origin is list:
        return draw(st.lists(fitting(arguments[0]), max_size=4))
    if origin is dict:
        return draw(st.dictionaries(KEYS, fitting(arguments[1]), max_size=4))
    if origin is Literal:
        return draw(st.sampled_from(arguments))
    if origin is Union:
        return draw(fitting(draw(st.sampled_from(arguments))))
    return draw(VALUES)


def pydantic_origin(hint: Any) -> tuple[Any, tuple[Any, ...]]:
    from typing import get_args, get_origin

    return get_origin(hint), get_args(hint)


@st.composite
def written(draw: st.DrawFn, value: Any) -> str:
    """JSON text of a value in a random style."""
    text = json.dumps(
        value,
        ensure_ascii=draw(st.booleans()),
        indent=draw(st.sampled_from([None, None, 1])),
        separators=draw(st.sampled_from([None, (",", ":"), (" , ", " : ")])),
    )
    return draw(st.sampled_from(["", " ", "\n"])) + text + draw(st.sampled_from(["", "\t"]))


@st.composite
def cases(draw: st.DrawFn) -> tuple[list[Parameter], str]:
    parameters: list[Parameter] = []
    body: dict[str, Any] = {}
    for name in draw(st.lists(st.sampled_from(["prompt", "n", "class", "x"]), min_size=1, max_size=3, unique=True)):
        hint = draw(HINTS)
        default = draw(st.sampled_from([MISSING, MISSING, None, 5, "d", [1], {}]))
        parameters.append(Parameter(name=name, annotation=hint, default=default))
        if default is MISSING or draw(st.booleans()):
            body[name] = draw(fitting(hint))
    if draw(st.integers(0, 3)) == 0:
        body[draw(KEYS)] = draw(VALUES)
    if body and draw(st.integers(0, 9)) == 0:
        body.pop(draw(st.sampled_from(sorted(body))), None)
    return parameters, draw(written(draw(st.sampled_from([body] * 19 + [list(body)]))))


def by_pydantic(parameters: list[Parameter], text: str) -> tuple[str, Any]:
    """The OctoAI SDK's model of the parameters (octoai/service.py), and FastAPI's way to call it."""
    fields: dict[str, Any] = {}
    for parameter in parameters:
        missing = parameter.default is MISSING
        default = {} if missing else {"default": parameter.default}
        fields[parameter.name] = (parameter.annotation, pydantic.Field(**default))
    model = pydantic.create_model("Input", **fields)
    try:
        found = model.__pydantic_validator__.validate_python(json.loads(text), from_attributes=True)
    except pydantic.ValidationError as error:
        return "error", [{**item, "loc": ("body", *item["loc"])} for item in error.errors(include_url=False)]
    return "value", tuple(getattr(found, parameter.name) for parameter in parameters)


def same(left: Any, right: Any) -> bool:
    """Equal, of equal types, with equal signs of zero. Pydantic reads "NaN" as a float, which equals nothing."""
    if type(left) is not type(right):
        return False
    if isinstance(left, (list, tuple)):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, float):
        equal = left == right or (math.isnan(left) and math.isnan(right))
        return equal and math.copysign(1, left) == math.copysign(1, right)
    return left == right


@settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(cases())
def test_the_result_is_pydantics(case: tuple[list[Parameter], str]) -> None:
    parameters, text = case
    codec = PlainCodec(call_with(tuple(parameters), Any))
    kind, expected = by_pydantic(parameters, text)
    try:
        found = codec.decode(text.encode(), None)
    except InvalidInput as error:
        assert kind == "error", (expected, error.details)
        assert [{**item, "loc": tuple(item["loc"])} for item in error.details] == expected
    else:
        assert kind == "value", (found, expected)
        assert same(found, expected), (found, expected, [(p.name, p.annotation, p.default) for p in parameters], text)


@pytest.mark.parametrize(
    "hint", [Literal[1] | bool, Literal[0, 1] | Any, float | Any, Literal[1] | None, Literal[1, 2] | float]
)
@pytest.mark.parametrize("text", ["true", "false", "1", "0", "1.0", '"a"', "null"])
def test_a_literal_number_beside_what_equals_it_is_pydantics(hint: Any, text: str) -> None:
    parameters = [Parameter(name="x", annotation=hint)]
    kind, expected = by_pydantic(parameters, f'{{"x": {text}}}')
    codec = PlainCodec(call_with(tuple(parameters), Any))
    try:
        found = codec.decode(f'{{"x": {text}}}'.encode(), None)
    except InvalidInput:
        assert kind == "error"
    else:
        assert kind == "value"
        assert same(found, expected), (found, expected)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(cases())
def test_what_the_fast_path_takes_the_exact_reader_takes_too(case: tuple[list[Parameter], str]) -> None:
    from hotplate.faces import json_limits

    parameters, text = case
    decode = decoding.make(parameters)
    if decode is not None and decode(text.encode()) is not None:
        json_limits.load(text.encode())


@pytest.mark.parametrize("hint", [str, int, float, bool, Any, list[str], dict[str, float], str | None, int | str])
def test_plain_hints_take_the_fast_path(hint: Any) -> None:
    assert hints.decodable(hint)
    assert decoding.make([Parameter(name="x", annotation=hint)]) is not None


@pytest.mark.parametrize("hint", [bytes, set[int], dict[int, str], list[bytes], Literal[True], pydantic.BaseModel])
def test_other_hints_do_not(hint: Any) -> None:
    assert decoding.make([Parameter(name="x", annotation=hint)]) is None
