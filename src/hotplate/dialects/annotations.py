"""Annotations to TypeSpecs: which JSON Schema a hint stands for, and which hints are media.

Plain hints are done here with the standard library alone, to the letter of what pydantic would say; anything else
goes to pydantic, which is imported only then. Real annotations come from loaded callables; the ones that
`text_signature.py` reads from source text are rebuilt as the same objects, with a `ForwardRef` where the text does
not tell.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from hotplate.contract import Kind, TypeSpec
from hotplate.dialects import media_schemas

Mode = Literal["validation", "serialization"]
"""Whether a schema is for values that come in or that go out."""

REF_TEMPLATE = "#/components/schemas/{model}"

_KINDS: Mapping[str, Kind] = {"Image": "image", "Audio": "audio", "Video": "video", "File": "file", "Media": "file"}

_JSON: Kind = "json"

_LEAVES: Mapping[Any, dict[str, Any]] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    types.NoneType: {"type": "null"},
    list: {"type": "array", "items": {}},
    dict: {"type": "object", "additionalProperties": True},
}


class UnsupportedType(Exception):
    """The annotation has no JSON form. Its text says why."""


def media_kind(annotation: Any) -> Kind | None:
    """Say which medium a class stands for, or None. Knows our own media, the shims and the real `octoai.types`."""
    if not isinstance(annotation, type):
        return None
    for base in annotation.__mro__:
        module = base.__module__
        is_media = module in ("hotplate.media", "octoai.types") or module.startswith("hotplate.media.")
        if is_media and base.__name__ in _KINDS:
            return _KINDS[base.__name__]
    return None


def union_members(annotation: Any) -> tuple[Any, ...]:
    """Give the members of a union, or the annotation alone."""
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return typing.get_args(annotation)
    return (annotation,)


def kind_of(annotation: Any) -> Kind:
    """Say how a value of this type travels. `Image | None` is an image; `list[Image]` is JSON."""
    kinds: set[Kind] = {
        media_kind(member) or _JSON for member in union_members(annotation) if member is not types.NoneType
    }
    return kinds.pop() if len(kinds) == 1 else _JSON


def text_of(annotation: Any) -> str:
    """Write an annotation as its author would: `list[Box]`, `Optional[int]`."""
    if isinstance(annotation, str):
        return annotation
    if isinstance(annotation, list):
        return "..."
    if annotation is types.NoneType or annotation is None:
        return "None"
    if isinstance(annotation, typing.ForwardRef):
        return annotation.__forward_arg__
    origin, args = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is types.UnionType:
        return " | ".join(map(text_of, args))
    if origin is typing.Annotated:
        return text_of(args[0])
    if origin is typing.Literal:
        return f"Literal[{', '.join(map(repr, args))}]"
    if origin is typing.Union and len(args) == 2 and args[1] is types.NoneType:
        return f"Optional[{text_of(args[0])}]"
    name = getattr(annotation, "__name__", None) or getattr(annotation, "_name", None)
    if name is None or origin is typing.Union:
        name = "Union" if origin is typing.Union else repr(annotation)
    return f"{name}[{', '.join(map(text_of, args))}]" if args else str(name)


class SchemaBook:
    """Gathers the schemas of one contract, so that types of the same name get distinct names in `definitions`.

    With `deep` false it never imports pydantic and gives an open schema for what it does not know.
    """

    def __init__(self, *, deep: bool) -> None:
        self.definitions: dict[str, Mapping[str, Any]] = {}
        self._deep = deep
        self._specs: dict[tuple[int, Mode, str], TypeSpec] = {}
        self._kept: list[Any] = []  # keeps ids in `_specs` from being used again

    def check(self, annotation: Any, mode: Mode) -> None:
        """Raise UnsupportedType where an annotation has no JSON form."""
        if _plain(annotation, mode, {}) is None and self._deep:
            _adapter(annotation, mode)

    def add(self, annotations: Iterable[tuple[Any, Mode, str]]) -> None:
        """Make the specs of `(annotation, mode, text)`; all of a contract in one call. Then read them with `spec`."""
        plain: list[tuple[Any, Mode, str]] = []
        models: list[tuple[Any, Mode, str]] = []
        for item in annotations:
            needs_pydantic = self._deep and _plain(item[0], item[1], {}) is None
            (models if needs_pydantic else plain).append(item)
        if models:  # first, so that the author's own types keep their names
            self._add_models(models)
        for annotation, mode, text in plain:
            self._keep(annotation, mode, text, _plain(annotation, mode, self.definitions) or {})

    def spec(self, annotation: Any, mode: Mode, text: str) -> TypeSpec:
        """Give the spec of an annotation object that was passed to `add`."""
        return self._specs[id(annotation), mode, text]

    def _keep(self, annotation: Any, mode: Mode, text: str, schema: Mapping[str, Any]) -> None:
        self._kept.append(annotation)
        spec = TypeSpec(kind=kind_of(annotation), schema=schema, annotation=text)
        self._specs[id(annotation), mode, text] = spec

    def _add_models(self, models: Sequence[tuple[Any, Mode, str]]) -> None:
        from pydantic import TypeAdapter

        inputs: list[tuple[str, Mode, Any]] = [
            (str(i), mode, _adapter(annotation, mode)) for i, (annotation, mode, _) in enumerate(models)
        ]
        schemas, shared = TypeAdapter.json_schemas(inputs, ref_template=REF_TEMPLATE)
        for name, schema in shared.get("$defs", {}).items():
            self.definitions[name] = media_schemas.same(name, schema)
        for i, (annotation, mode, text) in enumerate(models):
            self._keep(annotation, mode, text, schemas[str(i), mode])


def json_default(annotation: Any, value: Any) -> Any:
    """Give a parameter's default as a JSON value, or None where it has no JSON form."""
    if _is_json(value):
        return value
    try:
        from pydantic import TypeAdapter

        dumped = TypeAdapter(annotation).dump_python(value, mode="json", warnings=False)
    except Exception:  # noqa: BLE001 - a default that cannot be shown is still a default
        return None
    return dumped if _is_json(dumped) else None


def _is_json(value: Any) -> bool:
    if isinstance(value, bool | None) or type(value) is str:
        return True
    if type(value) is int:
        return -(2**63) <= value < 2**64
    if type(value) is float:
        return value - value == 0  # neither NaN nor infinite
    if type(value) is list:
        return all(map(_is_json, typing.cast("list[Any]", value)))
    if type(value) is dict:
        items = typing.cast("dict[Any, Any]", value).items()
        return all(type(key) is str and _is_json(item) for key, item in items)
    return False


def _adapter(annotation: Any, mode: Mode) -> Any:
    from pydantic import TypeAdapter

    try:
        adapter: TypeAdapter[Any] = TypeAdapter(annotation)
        adapter.json_schema(mode=mode)
    except Exception as error:  # pydantic raises several classes, and hooks of authors' types raise their own
        reason = str(error).partition("\n")[0].partition(". Set `arbitrary")[0]
        raise UnsupportedType(reason or type(error).__name__) from error
    return adapter


def _plain(annotation: Any, mode: Mode, definitions: dict[str, Mapping[str, Any]]) -> dict[str, Any] | None:
    """Give the schema of a plain hint, or None. It equals pydantic's; a test holds the two together."""
    if annotation is Any or isinstance(annotation, typing.ForwardRef):
        return {}
    if annotation is None:
        annotation = types.NoneType
    if isinstance(annotation, type) and annotation in _LEAVES:
        return dict(_LEAVES[annotation])
    if kind := media_kind(annotation):
        return media_schemas.schema(kind, mode, definitions)
    origin, args = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Literal:
        return _literal(args)
    if not args:
        return dict(_LEAVES[origin]) if origin in (list, dict) else None  # bare typing.List, typing.Dict
    if origin is dict and args[0] is not str and args[0] is not Any:
        return None
    if origin in (list, dict):
        items = _plain(args[-1], mode, definitions)
        if items is None:
            return None
        if origin is list:
            return {"type": "array", "items": items}
        return {"type": "object", "additionalProperties": items or True}
    if origin in (typing.Union, types.UnionType):
        options: list[dict[str, Any]] = []
        for member in sorted(args, key=lambda member: member is types.NoneType):  # pydantic puts null last
            option = _plain(member, mode, definitions)
            if option is None:
                return None
            options += [each for each in option.get("anyOf", [option]) if each not in options]
        return options[0] if len(options) == 1 else {"anyOf": options}
    return None


def _literal(values: tuple[Any, ...]) -> dict[str, Any] | None:
    names: Mapping[type, str] = {
        str: "string",
        int: "integer",
        float: "number",
        bool: "boolean",
        types.NoneType: "null",
    }
    kinds: set[type] = {type(value) for value in values}
    if not kinds <= names.keys():
        return None
    schema: dict[str, Any] = {"const": values[0]} if len(values) == 1 else {"enum": list(values)}
    if len(kinds) == 1 and (name := names.get(kinds.pop())):
        schema["type"] = name
    return schema
