"""The body template of a route: its parameters, their types, and the defaults, which are Python and never run."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from typing import Any, NamedTuple, NoReturn, cast

from hotplate.config.suggest import closest
from hotplate.dialects.base import MISSING
from hotplate.dialects.routes_written import Written, check_keys, flag_of, kind_of, text_of

TYPES: Mapping[str, type] = {"str": str, "int": int, "float": float, "bool": bool, "dict": dict, "list": list}
FIELD_KEYS = ("name", "type", "optional", "default_value")
MAX_FIELDS = 256
MAX_DEFAULT = 64 * 1024

_OTHER_TYPES = {
    "string": "str",
    "text": "str",
    "integer": "int",
    "number": "float",
    "double": "float",
    "boolean": "bool",
    "object": "dict",
    "array": "list",
}


class Field(NamedTuple):
    """One parameter of a body. `default` is MISSING where it is required."""

    name: str
    type: type
    default: Any = MISSING


def body_of(given: Any, where: Written) -> tuple[tuple[Field, ...], list[str]]:
    """Give the parameters of a route, and sentences for its author. Raises HotplateError at the place of a mistake."""
    if given is None:
        return (), []
    if not isinstance(given, list):
        hint = 'write it as [{"name": "filename", "type": "str"}]'
        raise where.fault("body", f"body must be a list of parameters, not {kind_of(given)}", hint)
    items = cast("list[Any]", given)
    if len(items) > MAX_FIELDS:
        raise where.fault("body", f"body has {len(items)} parameters; the most is {MAX_FIELDS}", "take a dict instead")
    fields: list[Field] = []
    warnings: list[str] = []
    for number, item in enumerate(items):
        field = _field(item, f"body.{number}", where, warnings)
        if any(field.name == other.name for other in fields):
            raise where.fault(f"body.{number}", f"body has {field.name!r} twice", "remove one of them")
        fields.append(field)
    return tuple(fields), warnings


def _field(item: Any, key: str, where: Written, warnings: list[str]) -> Field:
    if not isinstance(item, dict):
        hint = 'write it as {"name": "filename", "type": "str"}'
        raise where.fault(key, f"A parameter of body must be an object, not {kind_of(item)}", hint)
    given = cast("dict[str, Any]", item)
    check_keys(given, FIELD_KEYS, "parameter", key, where)
    name = text_of(given, "name", where, key)
    if not name.isidentifier():
        hint = "use letters, digits and underscores, as for a function's argument"
        raise where.fault(f"{key}.name", f"{name!r} cannot name a parameter", hint)
    kind = text_of(given, "type", where, key)
    if kind not in TYPES:
        near = _OTHER_TYPES.get(kind.lower()) or closest(kind, TYPES)
        hint = (f"write {near}; " if near else "") + f"types are {', '.join(TYPES)}"
        raise where.fault(f"{key}.type", f"The type {kind!r} of {name!r} is not known", hint)
    optional = flag_of(given, "optional", key, where)
    if not optional:
        if given.get("default_value") is not None:
            warnings.append(f"default_value of {name!r} has no effect, since it is not optional")
        return Field(name, TYPES[kind])
    default = _default(given.get("default_value"), name, f"{key}.default_value", where)
    if not _fits(default, TYPES[kind]):
        warnings.append(f"default_value of {name!r} is {type(default).__name__}, though its type is {kind}")
    return Field(name, TYPES[kind], default)


def _default(given: Any, name: str, key: str, where: Written) -> Any:
    """Read a default: Python text, which is never run, or a JSON value that is none.

    A fresh value is made of it for each call, by the faces (`faces/decoding.py`, `Defaults`).
    """
    if given is None or isinstance(given, bool | int | float):
        return given
    if not isinstance(given, str):
        if where.in_file and given:  # YAML's lists hold texts here, and Python's may hold anything
            raise where.fault(key, f"The default of {name!r} is YAML", f"write it as Python in quotes: {str(given)!r}")
        return given
    text = given.strip()
    try:
        if len(text) > MAX_DEFAULT:
            raise ValueError
        return ast.literal_eval(text)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        _refuse_default(text, name, key, where)


def _refuse_default(text: str, name: str, key: str, where: Written) -> NoReturn:
    words = {"null": "None", "undefined": "None", "none": "None", "true": "True", "false": "False"}
    if text in words:
        hint = f"write {words[text]}"
    elif re.fullmatch(r"[\w .,:;!?/@-]*", text):
        quoted = f"'\"{text}\"'" if where.in_file else f'"\\"{text}\\""'
        hint = f"a text needs quotes of its own: default_value: {quoted}"
    else:
        hint = 'write a number, "a text", True, False, None, a list or a dict; it is not run'
    shown = text if len(text) <= 60 else text[:57] + "..."
    raise where.fault(key, f"The default of {name!r} is no Python literal: {shown!r}", hint)


def _fits(default: Any, kind: type) -> bool:
    if default is None or (kind is float and type(default) is int):
        return True
    return isinstance(default, kind) and not (kind is int and isinstance(default, bool))
