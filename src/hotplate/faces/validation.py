"""Pydantic's word on what comes in and what goes out. Imported only where msgspec is not enough or said no.

The models are those of the OctoAI SDK's `inspect_input_types` and `inspect_output_types` (octoai/service.py), so that
coercion, defaults and error items are those of its server.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, cast

import pydantic
import pydantic_core
from pydantic.fields import FieldInfo

from hotplate.dialects.base import MISSING, Parameter
from hotplate.errors import InvalidInput, InvalidOutput
from hotplate.faces.details import Item
from hotplate.faces.media_classes import is_upload, media_class

MAX_ERRORS = 1_000
"""Past this many errors in one body, they are counted and no longer listed: an item costs a kilobyte."""


class Inputs:
    """The model of a call's parameters.

    Fields have names of their own, with the parameters' names as aliases: a parameter may be called `model_id`,
    `json` or `_x`, which are no names for a field.
    """

    __slots__ = ("_names", "_validate")

    def __init__(self, parameters: Iterable[Parameter]) -> None:
        fields: dict[str, Any] = {}
        for number, parameter in enumerate(parameters):
            fields[f"field_{number}"] = _field(parameter)
        model = pydantic.create_model("Input", __config__=pydantic.ConfigDict(protected_namespaces=()), **fields)
        self._names = tuple(fields)
        self._validate = model.__pydantic_validator__.validate_python

    def validate(self, tree: Any) -> tuple[Any, ...]:
        """Give the parameters' values in order. Raises InvalidInput with one item per error."""
        try:
            found = self._validate(tree, from_attributes=True).__dict__
        except pydantic.ValidationError as error:
            raise InvalidInput(details=_items(error)) from None
        return tuple([found[name] for name in self._names])


class Output:
    """The model of a call's result."""

    __slots__ = ("_adapter",)

    def __init__(self, returns: Any) -> None:
        self._adapter: pydantic.TypeAdapter[Any] = pydantic.TypeAdapter(returns)

    def encode(self, value: Any) -> bytes:
        """Coerce a value to the return annotation and give it as JSON. Raises InvalidOutput; the log has its cause."""
        try:
            coerced = self._adapter.validate_python(value)
            return self._adapter.dump_json(coerced, by_alias=True, warnings=False)
        except (pydantic.ValidationError, ValueError, TypeError, RecursionError) as error:
            raise InvalidOutput from error


def _field(parameter: Parameter) -> tuple[Any, Any]:
    annotation, default = media_annotation(parameter.annotation), parameter.default
    if isinstance(default, FieldInfo):  # `steps: int = Field(20, gt=0)`
        annotation, default = Annotated[annotation, default], MISSING
    if any(isinstance(note, FieldInfo) and note.alias for note in getattr(annotation, "__metadata__", ())):
        return annotation, ... if default is MISSING else default
    if default is MISSING:
        return annotation, pydantic.Field(alias=parameter.name)
    return annotation, pydantic.Field(default=default, alias=parameter.name)


def _items(error: pydantic.ValidationError) -> list[Item]:
    count = error.error_count()
    if count > MAX_ERRORS:
        text = f"{count} values do not fit the route's types"
        return [{"type": "too_many_errors", "loc": ["body"], "msg": text, "input": None}]
    items: list[Item] = []
    for found in error.errors(include_url=False):
        items.append({**found, "loc": ["body", *found["loc"]]})
    return items


def media_annotation(annotation: Any) -> Any:
    """Give the annotation that pydantic is to use: a real octoai.types class takes the forms that ours take, too."""
    cls = media_class(annotation)
    if cls is None or hasattr(cls, "from_bytes") or is_upload(cls):
        return annotation
    return Annotated[annotation, pydantic.BeforeValidator(_lift)]


def _lift(value: Any) -> object:
    """The class's own `__init__` raises TypeError for a missing or an unknown field; a caller gets a 422 for one."""
    if isinstance(value, str):
        from hotplate.faces.media_input import DATA_URL

        match = DATA_URL.match(value)
        return {"data": value[match.end() :] if match else value}
    if not isinstance(value, dict):
        return value
    members = cast("dict[str, Any]", value)
    if "data" in members:
        return {"data": members["data"]}
    if "url" in members:
        return {"data": {"url": members["url"]}}
    missing: pydantic_core.InitErrorDetails = {"type": "missing", "loc": ("data",), "input": members}
    raise pydantic_core.ValidationError.from_exception_data("Media", [missing])
