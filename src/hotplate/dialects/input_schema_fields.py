"""The named tensors that a project declares: in `INPUT_SCHEMA`, in `input.json`, or as fields of a request class.

The texts of the errors for INPUT_SCHEMA are those of inferless-cli 2.0.22 (`create_input_from_schema`).
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple, cast

from hotplate.config.suggest import closest
from hotplate.contract import Param, TypeSpec
from hotplate.contract.tensors import DATATYPES, INTEGERS, schema_of
from hotplate.dialects.base import MISSING, Parameter
from hotplate.errors import InvalidInput, ProjectError

_ALIASES = {"STRING": "BYTES"}
_KEYS = frozenset(("datatype", "shape", "required", "example"))
_PYTHON: Mapping[str, type] = {"BYTES": str, "BOOL": bool, **dict.fromkeys(INTEGERS, int)}


class Field(NamedTuple):
    """One declared input. `example` is a sample only, never a default."""

    name: str
    datatype: str
    shape: tuple[int, ...]
    required: bool
    example: Any = None
    default: Any = MISSING
    typed: bool = False
    """Its value is made by the author's request class, which has the last word on it."""


def from_schema(schema: Any, file: str, line: int) -> tuple[Field, ...]:
    """Read INPUT_SCHEMA. Raises ProjectError with the CLI's own text, and the next step."""
    if not isinstance(schema, Mapping):
        raise ProjectError(
            "INPUT_SCHEMA is not a dict", file=file, line=line, hint='write INPUT_SCHEMA = {"prompt": …}'
        )
    return tuple(_field(str(name), entry, file, line) for name, entry in cast("Mapping[Any, Any]", schema).items())


def doubts(schema: Mapping[str, Any], fields: Iterable[Field], file: str, line: int) -> Iterator[str]:
    """What INPUT_SCHEMA says that its author will not have meant: a misspelt key, an example that would be refused."""
    for field, entry in zip(fields, schema.values(), strict=True):
        for key in entry.keys() - _KEYS:
            if near := closest(str(key), _KEYS):
                yield f"{file}:{line} the input {field.name} has `{key}`, which is passed over: did you mean `{near}`?"
        example = field.example
        if not isinstance(example, list):
            continue
        sample = cast("list[Any]", example)
        try:
            check(field, sample[0] if field.shape == (1,) and len(sample) == 1 else sample)
        except InvalidInput as error:
            yield f"{file}:{line} the example of {field.name} would be refused: {error.details[0]['msg']}"


def _field(name: str, entry: Any, file: str, line: int) -> Field:
    def wrong(text: str, hint: str) -> ProjectError:
        return ProjectError(f"{text} --> {name}", file=file, line=line, hint=hint)

    if not isinstance(entry, Mapping):
        raise wrong(
            "its entry is not a dict, for input", 'write {"datatype": "STRING", "shape": [1], "required": True}'
        )
    written = cast("Mapping[str, Any]", entry)
    if "datatype" not in written:
        raise wrong("Data type not specified for input", 'add "datatype": "STRING"')
    datatype = written["datatype"]
    required = written.get("required") is not False
    example = written.get("example")
    if "shape" in written:
        shape = written["shape"]
        if not _is_shape(shape):
            raise wrong("shape not specified as a python list for input", 'write "shape": [1], or [-1] for any length')
    elif written.get("required"):
        raise wrong("shape not specified for input", 'add "shape": [1]')
    else:
        shape = [-1] if isinstance(example, list) and len(cast("list[Any]", example)) > 1 else [1]
    try:
        known = datatype_of(datatype)
    except ValueError as error:
        raise wrong(f"{error} for input", f"the datatypes are STRING, {', '.join(sorted(DATATYPES))}") from None
    return Field(name, known, tuple(shape), required, example)


def from_json(tensors: Any, file: str) -> tuple[Field, ...]:
    """Read the deprecated input.json. Its shapes carry a dimension for the request, except those of rank one."""
    if not isinstance(tensors, list):
        raise ProjectError(f'{file} has no list "inputs"', file=file, line=1, hint='write {"inputs": [{"name": …}]}')
    found: list[Field] = []
    for tensor in cast("list[Any]", tensors):
        empty: dict[str, Any] = {}
        written = cast("Mapping[str, Any]", tensor) if isinstance(tensor, Mapping) else empty
        name, shape = written.get("name"), written.get("shape")
        if not isinstance(name, str) or not _is_shape(shape):
            text = f"an input of {file} lacks its name or its shape"
            raise ProjectError(
                text, file=file, line=1, hint='write {"name": "prompt", "shape": [1], "datatype": "BYTES"}'
            )
        dims = cast("list[int]", shape)
        try:
            datatype = datatype_of(written.get("datatype"))
        except ValueError as error:
            raise ProjectError(
                f"{error} for input --> {name}", file=file, line=1, hint="correct its datatype"
            ) from None
        inner = tuple(dims[1:]) if len(dims) > 1 and dims[0] in (1, -1) else tuple(dims)
        found.append(Field(name, datatype, inner, not written.get("optional"), written.get("data")))
    return tuple(found)


def datatype_of(written: Any) -> str:
    """Give the protocol's name of a datatype. Raises ValueError for one that does not exist."""
    name = _ALIASES.get(str(written), str(written))
    if name not in DATATYPES:
        near = difflib.get_close_matches(name.upper(), [*DATATYPES, *_ALIASES], n=1, cutoff=0.5)
        near = ["FP32"] if name.upper().startswith(("FLOAT", "DOUBLE")) else near
        raise ValueError(f"there is no datatype {name!r}" + (f" (did you mean {near[0]}?)" if near else ""))
    return name


def _is_shape(shape: Any) -> bool:
    return (
        isinstance(shape, list)
        and bool(shape)  # pyright: ignore[reportUnknownArgumentType]
        and all(type(n) is int and (n == -1 or n > 0) for n in cast("list[Any]", shape))
    )


def params(fields: Iterable[Field]) -> tuple[Param, ...]:
    """The contract's parameters."""
    return tuple(
        Param(
            name=field.name,
            type=TypeSpec(schema=_schema(field), annotation=text_of(field)),
            required=field.required,
            default=None if field.default is MISSING else field.default,
            description="" if field.example is None else f"example: {field.example!r}"[:200],
        )
        for field in fields
    )


def parameters(fields: Iterable[Field]) -> tuple[Parameter, ...]:
    """The parameters of the bound callable. None stands for: not sent."""
    return tuple(
        Parameter(
            name=field.name,
            annotation=python_type(field) if field.required else python_type(field) | None,
            default=MISSING if field.required else None,
        )
        for field in fields
    )


def python_type(field: Field) -> Any:
    """`str`, `list[int]`, `list[list[float]]`: what a face is to give."""
    hint: Any = _PYTHON.get(field.datatype, float)
    for _ in field.shape if field.shape != (1,) else ():
        hint = list[hint]
    return hint


def text_of(field: Field) -> str:
    """The same as text."""
    hint = python_type(field)
    text = hint.__name__ if isinstance(hint, type) and not hasattr(hint, "__args__") else str(hint)
    return text if field.required else f"{text} | None"


def _schema(field: Field) -> dict[str, Any]:
    schema = schema_of(field.datatype, field.shape)
    return schema if field.required else {"anyOf": [schema, {"type": "null"}]}


def check(field: Field, value: Any) -> None:
    """Hold a value to the declared shape and range. Raises InvalidInput, with one item in pydantic's shape."""
    low_high = INTEGERS.get(field.datatype)
    if field.shape == (1,):
        values: list[Any] = [value]
    else:
        values, text = _flatten(value, field.shape)
        if text:
            raise _refused(field, value, "shape_mismatch", f"Input should have shape {list(field.shape)}: {text}")
    if low_high is not None and any(type(n) is int and not low_high[0] <= n <= low_high[1] for n in values):
        text = f"Input should be within the range of {field.datatype}, {low_high[0]} to {low_high[1]}"
        raise _refused(field, value, "out_of_range", text)


def _flatten(value: Any, shape: tuple[int, ...]) -> tuple[list[Any], str]:
    level: list[Any] = [value]
    for depth, wanted in enumerate(shape):
        below: list[Any] = []
        length: int | None = None if wanted < 0 else wanted
        for each in level:
            if not isinstance(each, list):
                return [], ""  # an array of numpy's: the face has held it to the declared shape
            found = cast("list[Any]", each)
            if length is not None and len(found) != length:
                return [], f"dimension {depth} has {len(found)} elements, not {length}"
            length = len(found)
            below += found
        level = below
    return level, ""


def _refused(field: Field, value: Any, kind: str, text: str) -> InvalidInput:
    shown = value if not isinstance(value, list) else None
    return InvalidInput(
        f"{text} ({field.name})", details=[{"type": kind, "loc": ["body", field.name], "msg": text, "input": shown}]
    )
