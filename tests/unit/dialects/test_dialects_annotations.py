"""Hints to JSON Schema. Plain ones are ours, and must say to the letter what pydantic says."""

# ruff: noqa: UP006, UP007, UP035, UP045, PYI061 - every spelling that authors use

import enum
import sys
import types
from dataclasses import dataclass
from typing import Annotated, Any, Dict, List, Literal, Optional, Union

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field, HttpUrl, TypeAdapter

from hotplate.dialects.annotations import SchemaBook, UnsupportedType, json_default, kind_of, media_kind, text_of
from hotplate.dialects.annotations import _plain as plain  # pyright: ignore

LEAVES = st.sampled_from([str, int, float, bool, type(None), Any, list, dict, List, Dict])
LITERALS = st.lists(
    st.one_of(st.text(), st.integers(-5, 5), st.booleans(), st.none()), min_size=1, max_size=4, unique_by=repr
).map(lambda values: Literal[tuple(values)])


def wider(inner):
    return st.one_of(
        inner.map(lambda item: list[item]),
        inner.map(lambda item: List[item]),
        inner.map(lambda item: dict[str, item]),
        inner.map(lambda item: Dict[str, item]),
        inner.map(lambda item: Optional[item]),
        st.lists(inner, min_size=2, max_size=4).map(lambda items: Union[tuple(items)]),
    )


@settings(deadline=None)
@given(st.recursive(LEAVES | LITERALS, wider, max_leaves=6), st.sampled_from(["validation", "serialization"]))
def test_plain_hints_get_the_schema_that_pydantic_gives(hint, mode):
    assert plain(hint, mode, {}) == TypeAdapter(hint).json_schema(mode=mode)


@pytest.mark.parametrize(
    "hint",
    [
        int | None,
        str | int | None,
        list[int | None],
        dict[Any, int],
        None | int | str,
        Literal[None],
        Literal["a", None],
        Dict[Any, Any],
    ],
)
def test_other_spellings_do_too(hint):
    assert plain(hint, "validation", {}) == TypeAdapter(hint).json_schema()


@pytest.mark.parametrize(
    "hint", [bytes, set[int], tuple[int, str], dict[int, str], Annotated[int, "x"], range, list[bytes]]
)
def test_anything_else_is_left_to_pydantic(hint):
    assert plain(hint, "validation", {}) is None


class Mode(enum.Enum):
    FAST = "fast"


class Box(BaseModel):
    x1: float
    label: str = "none"


@dataclass
class Point:
    x: int


def specs(*hints, mode="validation"):
    book = SchemaBook(deep=True)
    book.add((hint, mode, text_of(hint)) for hint in hints)
    return [book.spec(hint, mode, text_of(hint)) for hint in hints], book.definitions


def test_models_become_named_definitions():
    (box, boxes, mode, point), definitions = specs(Box, list[Box], Mode, Point)
    assert box.schema == {"$ref": "#/components/schemas/Box"}
    assert boxes.schema == {"type": "array", "items": {"$ref": "#/components/schemas/Box"}}
    assert mode.schema == {"$ref": "#/components/schemas/Mode"}
    assert point.schema == {"$ref": "#/components/schemas/Point"}
    assert set(definitions) == {"Box", "Mode", "Point"}
    assert definitions["Box"]["required"] == ["x1"]


def test_two_models_of_one_name_get_two_definitions():
    other = type("Box", (BaseModel,), {"__annotations__": {"y": int}, "__module__": "elsewhere"})
    (first, second), definitions = specs(Box, other)
    assert first.schema != second.schema
    assert len(definitions) == 2


def test_a_type_without_a_json_form_is_refused_with_pydantics_reason():
    with pytest.raises(UnsupportedType, match="Unable to generate pydantic-core schema for <class 'range'>"):
        SchemaBook(deep=True).check(list[range], "validation")
    SchemaBook(deep=False).check(list[range], "validation")


def fake(name, module="octoai.types"):
    return type(name, (), {"__module__": module})


def test_media_are_known_by_name_and_home_also_below_an_authors_class():
    assert [media_kind(fake(name)) for name in ("Image", "Audio", "Video", "File")] == [
        "image",
        "audio",
        "video",
        "file",
    ]
    assert media_kind(fake("Image", "hotplate.media.image")) == "image"
    assert media_kind(type("Scan", (fake("Image"),), {})) == "image"
    assert media_kind(fake("Image", "PIL.Image")) is None
    assert media_kind(list[int]) is None
    image = fake("Image")
    assert (kind_of(image), kind_of(Optional[image]), kind_of(image | None)) == ("image",) * 3
    assert (kind_of(list[image]), kind_of(image | str), kind_of(image | fake("Audio"))) == ("json",) * 3


def test_media_schemas_need_no_pydantic_and_take_more_than_they_give():
    image = fake("Image")
    (spec, several), definitions = specs(image, list[image])
    (out,), _ = specs(image, mode="serialization")
    assert spec.kind == "image"
    assert spec.schema["anyOf"][0] == out.schema == {"$ref": "#/components/schemas/Image"}
    assert {"$ref": "#/components/schemas/MediaUrl"} in spec.schema["anyOf"]
    assert several.schema["items"] == spec.schema
    assert definitions["Image"]["required"] == ["data"]


def test_an_authors_own_image_keeps_its_name():
    own = type("Image", (BaseModel,), {"__annotations__": {"width": int}, "__module__": "elsewhere"})
    (mine, media), definitions = specs(own, fake("Image"))
    assert mine.schema == {"$ref": "#/components/schemas/Image"}
    assert definitions["Image"]["properties"] == {"width": {"title": "Width", "type": "integer"}}
    assert media.schema["anyOf"][0] == {"$ref": "#/components/schemas/ImageMedia"}


@pytest.mark.parametrize(
    ("hint", "text"),
    [
        (str, "str"),
        (list[Box], "list[Box]"),
        (List[Box], "List[Box]"),
        (Optional[int], "Optional[int]"),
        (Union[int, str, None], "Union[int, str, None]"),
        (int | None, "int | None"),
        (Literal["a.b", 1], "Literal['a.b', 1]"),
        (dict[str, Any], "dict[str, Any]"),
        (Annotated[int, "x"], "int"),
        (types.NoneType, "None"),
        (Any, "Any"),
    ],
)
@pytest.mark.skipif(sys.version_info >= (3, 14), reason="Optional[X] is X | None there")
def test_hints_are_written_as_their_author_would(hint, text):
    assert text_of(hint) == text


@pytest.mark.parametrize(
    ("hint", "default", "shown"),
    [
        (int, 5, 5),
        (dict, {"a": [1, None, "x"]}, {"a": [1, None, "x"]}),
        (Mode, Mode.FAST, "fast"),
        (Box, Box(x1=1), {"x1": 1.0, "label": "none"}),
        (tuple[int, int], (1, 2), [1, 2]),
        (float, float("nan"), None),
        (float, float("inf"), None),
        (int, 2**70, None),
        (Any, object(), None),
        (dict, {1: "a"}, {"1": "a"}),
    ],
)
def test_defaults_are_shown_where_json_has_them(hint, default, shown):
    assert json_default(hint, default) == shown


def test_media_inside_an_authors_model_share_the_definition_of_the_others():
    class MediaUrl(BaseModel):
        url: HttpUrl

    class Image(BaseModel):
        data: bytes | MediaUrl = Field(description="URL reference or base64-encoded data")

    class Answer(BaseModel):
        picture: Image

    _, definitions = specs(Answer, fake("Image"), mode="serialization")
    assert set(definitions) == {"Answer", "Image", "MediaUrl"}
    assert definitions["Image"]["properties"]["data"]["anyOf"][0]["contentEncoding"] == "base64"
