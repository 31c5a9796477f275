"""What callers have in hand, as JSON."""

from __future__ import annotations

import dataclasses
import enum
import json
import uuid
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field, HttpUrl

from hotplate.client.errors import InvalidCall
from hotplate.client.inputs import encode, form_text


class Media:
    """Only promises a model_dump(), which holds base64 as bytes."""

    def model_dump(self) -> dict[str, Any]:
        return {"data": b"aGk="}


class Box(BaseModel):
    class_: int = Field(alias="class")
    url: HttpUrl
    data: bytes


class Color(enum.Enum):
    RED = "red"


@dataclasses.dataclass
class Point:
    x: int
    media: Media


def encoded(value: Any) -> Any:
    return json.loads(encode(value))


@pytest.mark.parametrize("image", [Media(), Media().model_dump()])
def test_media_may_stand_anywhere_as_an_object_or_as_its_dump(image: Any) -> None:
    assert encoded({"image": image, "more": [{"deep": (image,)}]}) == {
        "image": {"data": "aGk="},
        "more": [{"deep": [{"data": "aGk="}]}],
    }


def test_pydantic_models_are_sent_by_alias() -> None:
    box = Box(**{"class": 3, "url": "http://h/x", "data": b"aGk="})
    assert encoded([box]) == [{"class": 3, "url": "http://h/x", "data": "aGk="}]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"text", "text"),
        (bytearray("é", "utf-8"), "é"),
        (memoryview(b"x"), "x"),
        (Color.RED, "red"),
        (date(2024, 5, 6), "2024-05-06"),
        (datetime(2024, 5, 6, 7, tzinfo=UTC), "2024-05-06T07:00:00+00:00"),
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (Decimal("1.10"), "1.10"),
        ({7}, [7]),
        (Point(1, Media()), {"x": 1, "media": {"data": "aGk="}}),
        (np.arange(4, dtype=np.float32).reshape(2, 2), [[0.0, 1.0], [2.0, 3.0]]),
        (np.int64(5), 5),
        (np.bool_(True), True),
    ],
)
def test_common_values_have_a_json_form(value: Any, expected: Any) -> None:
    assert encoded({"v": [value]}) == {"v": [expected]}


def holding_itself() -> list[Any]:
    loop: list[Any] = []
    loop.append(loop)
    return loop


def deep() -> list[Any]:
    nested: list[Any] = []
    for _ in range(200_000):  # Python 3.13 encodes 5000 levels
        nested = [nested]
    return nested


@pytest.mark.parametrize(
    ("inputs", "text"),
    [
        ({"a": [1.0, float("nan")]}, r"^inputs\['a'\]\[1\] is nan, which JSON cannot carry$"),
        ({"a": float("-inf")}, r"^inputs\['a'\] is -inf"),
        ({"a": np.array([np.inf])}, r"^inputs\['a'\]\[0\] is inf"),
        (
            {"image": {"data": b"\xff\xd8"}},
            r"^inputs\['image'\]\['data'\] holds bytes that are not text. Send them as a",
        ),
        ({"x": object()}, r"^inputs\['x'\] is of type object"),
        ({"x": Box}, r"^inputs\['x'\] is of type ModelMetaclass|^inputs\['x'\]"),
        ({("a", "b"): 1}, r"^inputs has a key of type tuple"),
        ({"x": Point(1, b"\xff")}, r"^inputs\['x'\]\['media'\] holds bytes"),  # type: ignore[arg-type]
        (holding_itself(), r"nested too deep, or holds itself$"),
        (deep(), r"nested too deep, or holds itself$"),
    ],
)
def test_what_json_cannot_carry_is_refused_with_its_place(inputs: Any, text: str) -> None:
    with pytest.raises(InvalidCall, match=text):
        encode(inputs)


def test_form_fields_are_text_as_it_is_and_json_otherwise() -> None:
    assert form_text("a b") == "a b"
    assert form_text(b"a b") == "a b"
    assert form_text(5) == "5"
    assert form_text(True) == "true"
    assert form_text({"a": Media()}) == '{"a":{"data":"aGk="}}'


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=5),
    max_leaves=20,
)


@settings(max_examples=60)
@given(JSON)
def test_json_values_pass_unchanged(value: Any) -> None:
    assert encoded(value) == value
