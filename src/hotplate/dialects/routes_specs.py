"""Route specs: what proxiML's `--route` takes, read and checked, from the command line or from hotplate.yaml.

A spec has `path`, `verb`, `file`, `function`, `positional` and `body`, a list of parameters with `name`, `type`,
`optional` and `default_value` (proxiML 1.0.2, `endpoint` of `jobs.create`).
"""

from __future__ import annotations

import json
import re
from functools import partial
from typing import Any, NamedTuple, cast

from hotplate.config.route_texts import OPTION
from hotplate.dialects.base import Project
from hotplate.dialects.routes_fields import Field, body_of
from hotplate.dialects.routes_written import Written, check_keys, flag_of, kind_of, text_of
from hotplate.errors import ProjectError

VERBS = ("POST", "GET", "PUT", "PATCH", "DELETE")
ROUTE_KEYS = ("path", "verb", "file", "function", "positional", "body")
OWN_PAGES = ("/ping", "/docs", "/redoc", "/openapi.json", "/healthcheck", "/livez", "/readyz", "/metrics")
"""What the server itself answers at a GET."""

MAX_ROUTES = 1000

_PATH = re.compile(r"/[A-Za-z0-9._~!$&'()*+,;=:@/-]*")


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
        return json.loads(text, object_pairs_hook=partial(_members, where))
    except json.JSONDecodeError as error:
        shown = text[max(0, error.pos - 20) : error.pos + 20].replace("\n", " ")
        place = f"character {error.pos + 1}" if error.lineno == 1 else f"line {error.lineno}, character {error.colno}"
        message = f"The route is not JSON: {error.msg} at {place}, near {shown!r}"
        hint = 'write it as one JSON object in single quotes: --route \'{"path": "/predict", ...}\''
        raise where.fault("", message, hint) from None
    except RecursionError:
        raise where.fault("", "The route is nested too deeply", "a route has no deep values") from None


def _members(where: Written, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise where.fault("", f"The route has {twice!r} twice in one object", "remove one of them")
    return found


def _spec(value: Any, where: Written) -> Spec:
    if not isinstance(value, dict):
        example = '{"path": "/predict", "verb": "POST", "file": "predict", "function": "predict_image", "body": [...]}'
        raise where.fault("", f"A route must be an object, not {kind_of(value)}", f"write it as {example}")
    given = cast("dict[str, Any]", value)
    check_keys(given, ROUTE_KEYS, "route", "", where)
    verb = text_of(given, "verb", where, default="POST").upper()
    if verb not in VERBS:
        hint = f"use one of {', '.join(VERBS)}" + ("; HEAD is answered as GET is" if verb == "HEAD" else "")
        raise where.fault("verb", f"The verb {verb!r} is not known", hint)
    path = _path(text_of(given, "path", where), where)
    if verb == "GET" and path in OWN_PAGES:
        raise where.fault("path", f"GET {path} is the server's own", "give the route another path")
    file, module = _module(text_of(given, "file", where), where)
    function = text_of(given, "function", where)
    if not all(part.isidentifier() for part in function.split(".")):
        raise where.fault("function", f"{function!r} does not name a function", "write its name alone: predict_image")
    body, warnings = body_of(given.get("body"), where)
    return Spec(
        path=path,
        verb=verb,
        file=file,
        module=module,
        function=function,
        positional=flag_of(given, "positional", "", where),
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
