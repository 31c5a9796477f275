"""The OpenAPI operation of a route as callers of a proxiML endpoint see it."""

from __future__ import annotations

import re
from typing import Any

from hotplate.contract import Param, Route

Schema = dict[str, Any]

_REFUSALS = {"422": "Invalid", "503": "Unavailable", "504": "Late", "502": "WorkerLost"}
_BODY_REFUSALS = {"400": "BadRequest", "413": "TooLarge", "415": "UnsupportedMediaType"}


def operation(route: Route, taken: set[str]) -> Schema:
    """Write the operation of a route. `taken` are the ids of those before it; the new one is added."""
    stem = "_".join(re.findall(r"[A-Za-z0-9]+", route.path)) or "root"
    name = f"{stem}_{route.method.lower()}"
    while name in taken:
        name += "_2"
    taken.add(name)
    written: Schema = {"tags": ["model"], "operationId": name, "summary": route.summary or route.name}
    if route.description:
        written["description"] = route.description
    refusals = _REFUSALS
    if route.method in ("GET", "DELETE"):
        written["parameters"] = [_parameter(param) for param in route.params]
        refusals = {"400": "BadRequest", **_REFUSALS}
    elif route.params:
        schema: Schema = {"type": "object", "properties": {param.name: _schema(param) for param in route.params}}
        if required := [param.name for param in route.params if param.required]:
            schema["required"] = required
        written["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
        refusals = {**_BODY_REFUSALS, **_REFUSALS}
    answer = {"description": "What the function returned", "content": {"application/json": {"schema": _returns(route)}}}
    failed = {
        "description": "The function failed; the log has the reason",
        "content": {"text/plain": {"schema": {"type": "string"}}},
    }
    written["responses"] = {
        "200": answer,
        "500": failed,
        **{status: {"$ref": f"#/components/responses/{each}"} for status, each in refusals.items()},
    }
    return written


def _returns(route: Route) -> Schema:
    return dict(route.returns.schema)


def _parameter(param: Param) -> Schema:
    schema = _schema(param)
    written: Schema = {"name": param.name, "in": "query", "required": param.required}
    if schema.get("type") == "object" or {"type": "object", "additionalProperties": True} in schema.get("anyOf", ()):
        return {**written, "content": {"application/json": {"schema": schema}}}
    return {**written, "schema": schema}


def _schema(param: Param) -> Schema:
    schema = dict(param.type.schema)
    if not param.required:
        schema["default"] = param.default
    return schema
