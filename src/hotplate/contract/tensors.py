"""Tensors in JSON Schema: the datatypes of the Open Inference Protocol, and which schema stands for which tensor.

A dialect that declares tensors writes them as a schema, and a face that speaks tensors reads any route's schema, so
that neither knows the other. `format` carries the width: `int8` to `uint64`, `half`, `bfloat16`, `float`, `double`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple, cast

INTEGERS: Mapping[str, tuple[int, int]] = {
    **{f"INT{bits}": (-(1 << bits - 1), (1 << bits - 1) - 1) for bits in (8, 16, 32, 64)},
    **{f"UINT{bits}": (0, (1 << bits) - 1) for bits in (8, 16, 32, 64)},
}
"""The smallest and the largest value of every integer datatype."""
FLOATS: Mapping[str, str] = {"FP16": "half", "BF16": "bfloat16", "FP32": "float", "FP64": "double"}
"""Each floating-point datatype and its `format` in a schema."""
DATATYPES = frozenset(("BOOL", "BYTES", *INTEGERS, *FLOATS))

_OF_FORMAT = {word: name for name, word in FLOATS.items()} | {name.lower(): name for name in INTEGERS}
_OF_TYPE = {"string": "BYTES", "boolean": "BOOL", "integer": "INT64", "number": "FP64"}

Form = Literal["tensor", "json", "any"]
"""What a value's tensor holds: the value itself; its JSON text, in one element; whatever comes."""


class Tensor(NamedTuple):
    """The tensor that a schema stands for. -1 in `shape` is a dimension of any length.

    `scalar` says that the value is the one element of shape [1], and not a list.
    """

    datatype: str
    shape: tuple[int, ...]
    scalar: bool = True
    form: Form = "tensor"


JSON_TEXT = Tensor("BYTES", (1,), form="json")
ANYTHING = Tensor("BYTES", (1,), form="any")


def schema_of(datatype: str, shape: Sequence[int]) -> dict[str, Any]:
    """Give the schema of a tensor's value: a scalar for shape [1], else lists in lists."""
    schema: dict[str, Any]
    if datatype in INTEGERS:
        low, high = INTEGERS[datatype]
        schema = {"type": "integer", "format": datatype.lower(), "minimum": low, "maximum": high}
    elif datatype in FLOATS:
        schema = {"type": "number", "format": FLOATS[datatype]}
    else:
        schema = {"type": "boolean" if datatype == "BOOL" else "string"}
    if tuple(shape) == (1,):
        return schema
    for length in reversed(shape):
        schema = {"type": "array", "items": schema}
        if length >= 0:
            schema |= {"minItems": length, "maxItems": length}
    return schema


def tensor_of(schema: Mapping[str, Any]) -> Tensor:
    """Give the tensor of any schema. What is neither a scalar nor lists of scalars travels as its JSON text."""
    schema = _without_null(schema)
    if not schema or schema.keys() <= {"title", "description"}:
        return ANYTHING
    shape: list[int] = []
    while schema.get("type") == "array":
        low, high = schema.get("minItems", 0), schema.get("maxItems")
        shape.append(low if low == high else -1)
        items = schema.get("items")
        if not items and shape == [-1] and "prefixItems" not in schema:
            return Tensor("BYTES", (-1,), scalar=False, form="any")
        if not isinstance(items, Mapping) or "prefixItems" in schema:
            return JSON_TEXT
        schema = cast("Mapping[str, Any]", items)
    datatype = _OF_FORMAT.get(schema.get("format", "")) or _OF_TYPE.get(_type(schema))
    if datatype is None:
        return JSON_TEXT
    return Tensor(datatype, tuple(shape) or (1,), scalar=not shape)


def _type(schema: Mapping[str, Any]) -> str:
    """The JSON type of a scalar. An enumeration of strings is a string."""
    kind: Any = schema.get("type")
    if kind is None:
        values: list[Any] = schema.get("enum") or [schema.get("const")]
        kinds: dict[Any, str] = {bool: "boolean", str: "string", int: "integer"}
        found = {kinds.get(type(value), "") for value in values}
        kind = found.pop() if len(found) == 1 else ""
    return kind if isinstance(kind, str) else ""


def _without_null(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """A value that may be null is one that may be left out."""
    kinds = schema.get("type")
    if isinstance(kinds, list | tuple):
        rest = [kind for kind in cast("list[str]", kinds) if kind != "null"]
        return {**schema, "type": rest[0]} if len(rest) == 1 else schema
    choices = schema.get("anyOf")
    if not isinstance(choices, list):
        return schema
    rest = [choice for choice in cast("list[Mapping[str, Any]]", choices) if choice.get("type") != "null"]
    return rest[0] if len(rest) == 1 else schema
