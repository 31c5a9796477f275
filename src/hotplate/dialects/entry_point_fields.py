"""webargs' and marshmallow's fields: how they become arguments, and what they say of themselves.

Works with marshmallow 3.14 to 4. In 4 the ways of writing that 3 had (`missing=`, `default=`, any other keyword as
metadata) are put back before the author's module is imported.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

from hotplate.dialects.base import ABSENT, Argument, Refused
from hotplate.errors import MissingExtra

Field = Any
"""A marshmallow field. Its library is imported when a project needs it, and has no types that fit 3 and 4."""

JSON_TYPES = ("application/json", "*/*")
_LOCATIONS = {each: each for each in ("query", "form", "json", "headers", "cookies")} | {"querystring": "query"}


def prepare() -> Any:
    """Import marshmallow, make it take what version 3 took, and give it. Raises MissingExtra."""
    try:
        import marshmallow
        import webargs  # noqa: F401  # pyright: ignore[reportUnusedImport]
    except ImportError as error:
        text = f"{error.name} is needed for models with the entry point deepaas.v2.model"
        raise MissingExtra(text, hint='install it with: pip install "hotplate[entry-point]"') from error
    if not hasattr(marshmallow.fields.Field, "missing"):
        _put_back(marshmallow)
    return marshmallow


def _put_back(marshmallow: Any) -> None:
    """Let marshmallow 4's fields take what those of 3 took."""
    field: Any = marshmallow.fields.Field
    original: Callable[..., None] = field.__init__
    known = set(original.__kwdefaults__ or ()) | {"metadata"}

    @functools.wraps(original)
    def init(self: Any, **given: Any) -> None:
        for old, new in (("missing", "load_default"), ("default", "dump_default")):
            if old in given:
                given.setdefault(new, given.pop(old))
        extra = {name: given.pop(name) for name in list(given) if name not in known}
        if extra:
            given["metadata"] = {**(given.get("metadata") or {}), **extra}
        original(self, **given)

    field.__init__ = init
    field.missing = property(lambda self: self.load_default, lambda self, value: setattr(self, "load_default", value))
    field.default = property(lambda self: self.dump_default, lambda self, value: setattr(self, "dump_default", value))


def bind(marshmallow: Any, fields: Mapping[str, Any], name: str) -> dict[str, Field]:
    """Give the fields of a dictionary, bound to a schema of their own, in order. What is no field is passed over."""
    own = {key: field for key, field in fields.items() if isinstance(field, marshmallow.fields.Field)}
    schema: Any = marshmallow.Schema.from_dict(own, name=name)()
    return {key: schema.fields[key] for key in own if key in schema.fields}


def argument(marshmallow: Any, name: str, field: Field) -> Argument:
    """Make the argument of a bound field. Its `load` says what marshmallow says."""
    key: str = field.data_key if field.data_key is not None else name
    missing: Any = marshmallow.missing

    fields: Any = marshmallow.fields
    delimited = isinstance(field, fields.List) and hasattr(field, "delimiter")
    plain: Any = fields.List(field.inner) if delimited else None
    exact = _exact_kind(fields, field)

    def load(raw: Any) -> Any:
        if type(raw) is exact:
            return raw
        absent = raw is ABSENT
        try:
            if plain is not None and not absent and raw is not None and (raw == "" or not isinstance(raw, str)):
                # webargs 5 took lists for text with delimiters, and no text for one item without any
                value = plain.deserialize([""] if raw == "" else raw, key, {key: raw})
                field._validate(value)
                return value
            value = field.deserialize(missing if absent else raw, key, {} if absent else {key: raw})
        except marshmallow.ValidationError as error:
            raise Refused(error.messages) from None
        return ABSENT if value is missing else value

    many = isinstance(field, fields.List) and not delimited
    return Argument(load, key=key, location=location(field), many=many, exact=exact)


def _exact_kind(fields: Any, field: Field) -> type | None:
    """The type of values that this field gives back as they are, so that marshmallow need not be asked; None for none.

    Floats are not among them: it refuses some.
    """
    if field.validators or getattr(field, "validate", None):
        return None
    kinds: dict[Any, type] = {fields.String: str, fields.Integer: int, fields.Boolean: bool}
    return kinds.get(type(field)) if type(field) is not fields.Boolean or {True, False} <= _booleans(field) else None


def _booleans(field: Field) -> set[Any]:
    return {value for value in (*field.truthy, *field.falsy) if isinstance(value, bool)}


def location(field: Field) -> str:
    """Give the one place where the author wants a value to be looked for; "" for all."""
    given: Any = field.metadata.get("location") or ""
    return _LOCATIONS.get(given, "") if isinstance(given, str) else ""


def is_file(field: Field) -> bool:
    """Say whether a field is one for an uploaded file, as documented: `type="file", location="form"`."""
    return field.metadata.get("type") == "file"


def schema(marshmallow: Any, field: Field) -> dict[str, Any]:
    """Give the JSON Schema of a field."""
    written = _shape(marshmallow, field)
    metadata: Mapping[str, Any] = field.metadata
    if isinstance(metadata.get("enum"), list | tuple):
        written["enum"] = list(metadata["enum"])
    if isinstance(metadata.get("format"), str):
        written["format"] = metadata["format"]
    for rule in field.validators:
        written |= {key: value for key, value in _rule(marshmallow, rule).items() if key not in written}
    if field.allow_none and "type" in written:
        written["type"] = [written["type"], "null"]
        if "enum" in written and None not in written["enum"]:
            written["enum"] = [*written["enum"], None]
    return written


def members(marshmallow: Any, fields: Mapping[str, Field]) -> dict[str, Any]:
    """Give the JSON Schema of an object with these fields."""
    properties: dict[str, Any] = {}
    required: list[str] = []
    for name, field in fields.items():
        key = field.data_key if field.data_key is not None else name
        properties[key] = schema(marshmallow, field)
        if isinstance(text := field.metadata.get("description"), str):
            properties[key]["description"] = text
        if field.required:
            required.append(key)
    return {"type": "object", "properties": properties} | ({"required": required} if required else {})


def default(marshmallow: Any, field: Field) -> Any:
    """Give a field's default as JSON; None where it has none or JSON cannot write it."""
    import msgspec

    value: Any = field.load_default
    if value is marshmallow.missing or callable(value):
        return None
    try:
        return msgspec.json.decode(msgspec.json.encode(value))
    except (TypeError, ValueError, OverflowError):
        return None


def _shape(marshmallow: Any, field: Field) -> dict[str, Any]:
    fields: Any = marshmallow.fields
    if isinstance(field, fields.List):
        return {"type": "array", "items": schema(marshmallow, field.inner)}
    if isinstance(field, fields.Nested):
        nested: Any = field.schema
        shape = members(marshmallow, nested.fields)
        return {"type": "array", "items": shape} if nested.many else shape
    for cls, shape in _SHAPES.items():
        if isinstance(field, getattr(fields, cls)):
            return dict(shape)
    return {}


_SHAPES: Mapping[str, Mapping[str, Any]] = {  # the narrower classes first
    "Integer": {"type": "integer"},
    "Number": {"type": "number"},
    "Boolean": {"type": "boolean"},
    "UUID": {"type": "string", "format": "uuid"},
    "DateTime": {"type": "string", "format": "date-time"},
    "Date": {"type": "string", "format": "date"},
    "Time": {"type": "string", "format": "time"},
    "Url": {"type": "string", "format": "uri"},
    "Email": {"type": "string", "format": "email"},
    "String": {"type": "string"},
    "Mapping": {"type": "object"},
    "Tuple": {"type": "array"},
}


def _rule(marshmallow: Any, rule: Any) -> dict[str, Any]:
    validate: Any = marshmallow.validate
    if isinstance(rule, validate.OneOf):
        return {"enum": list(rule.choices)}
    names = ("minLength", "maxLength") if isinstance(rule, validate.Length) else ("minimum", "maximum")
    if isinstance(rule, validate.Range | validate.Length):
        bounds = zip(names, (rule.min, rule.max), strict=True)
        return {name: bound for name, bound in bounds if isinstance(bound, int | float)}
    return {}
