"""Route specs: what proxiML's `--route` takes, read and checked, from the command line or from hotplate.yaml.

A spec has `path`, `verb`, `file`, `function`, `positional` and `body`, a list of parameters with `name`, `type`,
`optional` and `default_value` (proxiML 1.0.2, `endpoint` of `jobs.create`).
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, NoReturn, cast

from hotplate.config.route_texts import OPTION
from hotplate.config.suggest import closest
from hotplate.config.values import parse_flag
from hotplate.dialects.base import MISSING, Project
from hotplate.errors import HotplateError, ProjectError, SettingError

TYPES: Mapping[str, type] = {"str": str, "int": int, "float": float, "bool": bool, "dict": dict, "list": list}
VERBS = ("POST", "GET", "PUT", "PATCH", "DELETE")
ROUTE_KEYS = ("path", "verb", "file", "function", "positional", "body")
FIELD_KEYS = ("name", "type", "optional", "default_value")
OWN_PAGES = ("/ping", "/docs", "/redoc", "/openapi.json", "/healthcheck", "/livez", "/readyz", "/metrics")
"""What the server itself answers at a GET."""

MAX_ROUTES = 1000
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
_OTHER_KEYS = {"method": "verb", "url": "path", "default": "default_value", "params": "body", "parameters": "body"}
_PATH = re.compile(r"/[A-Za-z0-9._~!$&'()*+,;=:@/-]*")


class Field(NamedTuple):
    """One parameter of a body. `default` is MISSING where it is required."""

    name: str
    type: type
    default: Any = MISSING


class Spec(NamedTuple):
    """One route. `module` is dotted, as `file` names it; `where` says what was written at which place."""

    path: str
    verb: str
    file: str
    module: str
    function: str
    positional: bool
    body: tuple[Field, ...]
    where: Written
    warnings: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        return f"{self.verb} {self.path}"


class Written:
    """A spec as it was written, and how to point into it."""

    def __init__(self, place: str, lines: Mapping[str, int]) -> None:
        self.place = place
        self._lines = lines

    @property
    def in_file(self) -> bool:
        return bool(self._lines)

    def line(self, key: str = "") -> int:
        """The line of a key in its file; 0 for the command line."""
        while key and key not in self._lines:
            key = key.rpartition(".")[0]
        return self._lines.get(key, 0)

    def fault(self, key: str, text: str, hint: str) -> HotplateError:
        """Make the error that points at a key."""
        if self.in_file:
            return ProjectError(text, file=self.place, line=self.line(key), hint=hint)
        return SettingError(text, key="route", source=self.place, hint=hint)


def read(project: Project) -> tuple[Spec, ...]:
    """Give the project's routes in the order in which they were written.

    Raises:
        ProjectError: hotplate.yaml has a route that is wrong.
        SettingError: `--route` was given one.
    """
    items: list[dict[str, Any]] = json.loads(project.options.get(OPTION) or "[]")
    if len(items) > MAX_ROUTES:
        raise ProjectError(
            f"There are {len(items)} routes; the most is {MAX_ROUTES}", hint="serve them as two projects"
        )
    found: list[Spec] = []
    for item in items:
        where = Written(item["place"], item.get("lines", {}))
        spec = _spec(_parsed(item["text"], where) if "text" in item else item["value"], where)
        for other in found:
            if (other.path, other.verb) == (spec.path, spec.verb):
                first = f"line {other.where.line()}" if other.where.in_file else other.where.place
                text = f"The route {spec.label} is there twice, first at {first}"
                raise where.fault("path", text, "give one of them another path or verb")
        found.append(spec)
    return tuple(found)


def _parsed(text: str, where: Written) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        shown = text[max(0, error.pos - 20) : error.pos + 20].replace("\n", " ")
        place = f"character {error.pos + 1}" if error.lineno == 1 else f"line {error.lineno}, character {error.colno}"
        message = f"The route is not JSON: {error.msg} at {place}, near {shown!r}"
        hint = 'write it as one JSON object in single quotes: --route \'{"path": "/predict", ...}\''
        raise where.fault("", message, hint) from None
    except RecursionError:
        raise where.fault("", "The route is nested too deeply", "a route has no deep values") from None


def _spec(value: Any, where: Written) -> Spec:
    if not isinstance(value, dict):
        example = '{"path": "/predict", "verb": "POST", "file": "predict", "function": "predict_image", "body": [...]}'
        raise where.fault("", f"A route must be an object, not {_kind(value)}", f"write it as {example}")
    given = cast("dict[str, Any]", value)
    _check_keys(given, ROUTE_KEYS, "route", "", where)
    verb = _text(given, "verb", where, default="POST").upper()
    if verb not in VERBS:
        hint = f"use one of {', '.join(VERBS)}" + ("; HEAD is answered as GET is" if verb == "HEAD" else "")
        raise where.fault("verb", f"The verb {verb!r} is not known", hint)
    path = _path(_text(given, "path", where), where)
    if verb == "GET" and path in OWN_PAGES:
        raise where.fault("path", f"GET {path} is the server's own", "give the route another path")
    file, module = _module(_text(given, "file", where), where)
    function = _text(given, "function", where)
    if not all(part.isidentifier() for part in function.split(".")):
        raise where.fault("function", f"{function!r} does not name a function", "write its name alone: predict_image")
    body, warnings = _body(given.get("body"), where)
    return Spec(
        path=path,
        verb=verb,
        file=file,
        module=module,
        function=function,
        positional=_flag(given, "positional", "", where),
        body=body,
        where=where,
        warnings=tuple(f"{verb} {path}: {text}" for text in warnings),
    )


def _path(path: str, where: Written) -> str:
    path = path if path.startswith("/") else f"/{path}"
    if not _PATH.fullmatch(path) or "//" in path:
        hint = "use letters, digits, dashes and single slashes; inputs come in the body or the query, not in the path"
        raise where.fault("path", f"{path!r} is not a path", hint)
    return path


def _module(file: str, where: Written) -> tuple[str, str]:
    """Give the file with `.py` and its module: `predict`, `predict.py` and `src/predict.py` are all right."""
    name = file.removesuffix(".py")
    parts = name.split("/")
    if len(parts) == 1 and not file.endswith(".py"):
        parts = name.split(".")
    if file.startswith("/") or ".." in parts:
        text = f"The file {file!r} does not lie in the project"
        raise where.fault("file", text, "name it as seen from the project's folder: predict")
    if not all(part.isidentifier() for part in parts):
        text = f"The file {file!r} cannot be imported"
        raise where.fault("file", text, "name a Python file of letters, digits and underscores: predict")
    return "/".join(parts) + ".py", ".".join(parts)


def _body(given: Any, where: Written) -> tuple[tuple[Field, ...], list[str]]:
    if given is None:
        return (), []
    if not isinstance(given, list):
        hint = 'write it as [{"name": "filename", "type": "str"}]'
        raise where.fault("body", f"body must be a list of parameters, not {_kind(given)}", hint)
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
        raise where.fault(key, f"A parameter of body must be an object, not {_kind(item)}", hint)
    given = cast("dict[str, Any]", item)
    _check_keys(given, FIELD_KEYS, "parameter", key, where)
    name = _text(given, "name", where, key)
    if not name.isidentifier():
        hint = "use letters, digits and underscores, as for a function's argument"
        raise where.fault(f"{key}.name", f"{name!r} cannot name a parameter", hint)
    kind = _text(given, "type", where, key)
    if kind not in TYPES:
        near = _OTHER_TYPES.get(kind.lower()) or closest(kind, TYPES)
        hint = (f"write {near}; " if near else "") + f"types are {', '.join(TYPES)}"
        raise where.fault(f"{key}.type", f"The type {kind!r} of {name!r} is not known", hint)
    optional = _flag(given, "optional", key, where)
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


def _check_keys(given: Iterable[Any], known: tuple[str, ...], what: str, key: str, where: Written) -> None:
    for name in given:
        if name not in known:
            near = _OTHER_KEYS.get(str(name)) or closest(str(name), known)
            hint = f"did you mean {near}?" if near in known else f"it may have: {', '.join(known)}"
            place = f"{key}.{name}" if key else str(name)
            raise where.fault(place, f"A {what} has no {str(name)!r}", hint)


def _text(given: Mapping[str, Any], name: str, where: Written, key: str = "", default: str | None = None) -> str:
    place = f"{key}.{name}" if key else name
    value = given.get(name, default)
    if isinstance(value, str) and value.strip():
        return value.strip()
    what = "A parameter of body" if key else "The route"
    if value is None:
        raise where.fault(place, f"{what} has no {name}", f"add {name}, a text")
    raise where.fault(place, f"{name} must be a text, not {_kind(value)}", "put it in quotes")


def _flag(given: Mapping[str, Any], name: str, key: str, where: Written) -> bool:
    value = given.get(name)
    if value is None or isinstance(value, bool):
        return bool(value)
    try:
        return parse_flag(value if isinstance(value, str) else "?")
    except ValueError:
        place = f"{key}.{name}" if key else name
        text = f"{name} must be true or false, not {_kind(value)}"
        raise where.fault(place, text, f"write {name}: true or {name}: false, without quotes") from None


def _kind(value: Any) -> str:
    names = {
        dict: "an object",
        list: "a list",
        str: "a text",
        int: "a number",
        float: "a number",
        bool: "true or false",
    }
    return "nothing" if value is None else names.get(type(value), type(value).__name__)
