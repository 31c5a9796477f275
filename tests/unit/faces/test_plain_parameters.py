"""Names, defaults and annotations of parameters, as authors write them."""

from __future__ import annotations

import threading
from typing import Annotated, Any

import pydantic
import pytest
from pydantic import Field

from hotplate.dialects.base import MISSING, Parameter
from hotplate.errors import InvalidInput, ProjectError
from hotplate.faces.base import Head
from hotplate.faces.plain import PlainCodec
from tests.unit.faces.calls import call_with, codec_of


@pytest.mark.parametrize("name", ["model_id", "json", "copy", "schema", "_x", "__y", "class", "self", "field_0", "f0"])
@pytest.mark.parametrize("annotation", [int, Annotated[int, Field(gt=0)]])
def test_any_name_will_do(name: str, annotation: Any) -> None:
    other = Parameter(name="model_config", annotation=int, default=9)
    codec = PlainCodec(call_with((Parameter(name=name, annotation=annotation), other), int))
    assert codec.decode(f'{{"{name}":5}}'.encode(), None) == (5, 9)
    assert codec.decode(f'{{"{name}":"5"}}'.encode(), None) == (5, 9)
    with pytest.raises(InvalidInput) as caught:
        codec.decode(f'{{"{name}":"x"}}'.encode(), None)
    assert caught.value.details[0]["loc"] == ["body", name]


def test_a_field_as_default_keeps_its_constraints() -> None:
    def infer(steps: int = Field(20, gt=0), seed: int = Field(alias="SEED", default=1)) -> int: ...

    codec = codec_of(infer)
    assert codec.decode(b"{}", None) == (20, 1)
    assert codec.decode(b'{"steps":5,"SEED":7}', None) == (5, 7)
    with pytest.raises(InvalidInput) as caught:
        codec.decode(b'{"steps":0}', None)
    assert caught.value.details[0]["type"] == "greater_than"


@pytest.mark.parametrize("annotation", [list[int], list[bytes], dict[str, list[int]]])
def test_a_mutable_default_is_new_for_every_call(annotation: Any) -> None:
    default: Any = {"a": [1]} if annotation == dict[str, list[int]] else [1]
    codec = PlainCodec(call_with((Parameter(name="x", annotation=annotation, default=default),), int))
    (first,) = codec.decode(b"{}", None)
    first.clear()
    (second,) = codec.decode(b"{}", None)
    assert second == default != first


def test_defaults_of_any_type_are_handed_over_unchecked() -> None:
    for default in ("five", threading.Lock()):
        for annotation in (int, int | bytes):
            codec = PlainCodec(call_with((Parameter(name="x", annotation=annotation, default=default),), int))
            assert codec.decode(b"{}", None) == (default,)


def test_dots_as_default_mean_required() -> None:
    codec = PlainCodec(call_with((Parameter(name="x", annotation=int, default=...),), int))
    assert codec.decode(b'{"x":1}', None) == (1,)
    with pytest.raises(InvalidInput):
        codec.decode(b"{}", None)


def test_a_call_without_parameters_takes_an_empty_body_and_an_object() -> None:
    codec = PlainCodec(call_with((), str))
    assert codec.decode(b"", None) == codec.decode(b"{}", None) == codec.decode(b'{"x":1}', None) == ()
    with pytest.raises(InvalidInput):
        codec.decode(b"[]", None)


def test_models_come_as_instances() -> None:
    class Box(pydantic.BaseModel):
        x: int

    codec = PlainCodec(call_with((Parameter(name="box", annotation=Box | None, default=None),), Box))
    assert codec.decode(b'{"box":{"x":"5"}}', None) == (Box(x=5),)
    assert codec.decode(b"{}", None) == (None,)


def test_every_buffer_is_taken() -> None:
    def infer(prompt: str) -> str: ...

    codec = codec_of(infer)
    head = Head(content_type="application/json; charset=utf-8", headers={"accept": "*/*"})
    for body in (b'{"prompt":"a"}', bytearray(b'{"prompt":"a"}'), memoryview(b'x{"prompt":"a"}')[1:]):
        assert codec.decode(body, None) == codec.decode(body, head) == ("a",)


def test_an_annotation_that_cannot_be_sent_names_the_parameter() -> None:
    class Array:
        pass

    parameters = (Parameter(name="a", annotation=int), Parameter(name="b", annotation=Array, default=MISSING))
    with pytest.raises(ProjectError, match="annotation Array of parameter b"):
        PlainCodec(call_with(parameters, str))
