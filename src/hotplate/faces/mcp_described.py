"""What a contract's routes are as tools: their names, descriptions and schemas. From the contract alone."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple, cast

from hotplate.contract import Contract, Route
from hotplate.faces.cortex_values import takes_whole

Part = dict[str, Any]

_REFERENCE = "#/components/schemas/"
_NAME = re.compile(r"[^A-Za-z0-9_.-]+")


class Described(NamedTuple):
    """A tool: its name, the number of the route that it calls, and how callers see it."""

    name: str
    number: int
    part: Part


def describe(contract: Contract) -> list[Described]:
    """Every route by its name. One function at several paths is one tool; a training is none: it is a job."""
    found: dict[str, Described] = {}
    jobs = trainings(contract)
    for number, route in enumerate(contract.routes):
        if route.name in jobs:
            continue
        name = _NAME.sub("_", route.name)[:128]
        known = found.get(name)
        if known is not None and contract.routes[known.number].params == route.params:
            continue
        if known is not None:
            name = _NAME.sub("_", f"{route.name}_{route.path.strip('/')}")[:128]
        found[name] = Described(name, number, _described(name, route, contract.definitions))
    return list(found.values())


def trainings(contract: Contract) -> dict[str, str]:
    """The routes that train DEEPaaS's models, with the paths at which a training is begun; "" where none can be."""
    models: list[Part] = contract.facts.get("models", []) if contract.dialect == "entry_point" else []
    base: str = contract.facts.get("base_path", "")
    named = ((each["name"], each.get("trains")) for each in models)
    return {f"{name}.train": f"{base}/v2/models/{name}/train/" if trains else "" for name, trains in named}


def _described(name: str, route: Route, definitions: Mapping[str, Mapping[str, Any]]) -> Part:
    properties: Part = {}
    for param in () if takes_whole(route) else route.params:
        schema = dict(param.type.schema)
        if param.description:
            schema["description"] = param.description
        if not param.required and param.default is not None:
            schema.setdefault("default", param.default)
        properties[param.name] = schema
    wanted: Part = {"type": "object", "properties": properties}
    if takes_whole(route):
        wanted = {"type": "object", "additionalProperties": True}
    elif required := [param.name for param in route.params if param.required]:
        wanted["required"] = required
    about = "\n\n".join(part for part in (route.summary, route.description) if part)
    described: Part = {"name": name, "inputSchema": _closed(wanted, definitions)}
    if about:
        described["description"] = about
    if _is_object(route):
        described["outputSchema"] = _closed(dict(route.returns.schema), definitions)
    return described


def _is_object(route: Route) -> bool:
    """Whether the result is always an object without media in it, so that its schema can be promised."""
    schema = route.returns.schema
    named = schema.get("type") == "object" or "$ref" in schema
    return named and route.returns.kind == "json" and not route.stream and "contentEncoding" not in str(schema)


def _closed(schema: Part, definitions: Mapping[str, Mapping[str, Any]]) -> Part:
    """A schema that stands alone: what it refers to is in its own `$defs`."""
    used: dict[str, Any] = {}
    body = _moved(schema, definitions, used)
    if "$ref" in body:  # the root has to say that it is an object
        name = body["$ref"].rpartition("/")[2]
        body = {"type": "object", **used[name]}
    return {**body, "$defs": used} if used else body


def _moved(part: Any, definitions: Mapping[str, Mapping[str, Any]], used: dict[str, Any]) -> Any:
    if isinstance(part, Mapping):
        found: Part = {}
        for key, value in cast("Mapping[str, Any]", part).items():
            if key == "$ref" and isinstance(value, str) and value.startswith(_REFERENCE):
                name = value.removeprefix(_REFERENCE)
                if name not in used:
                    used[name] = {}  # first, since a type may hold itself
                    used[name] = _moved(definitions.get(name, {}), definitions, used)
                found[key] = f"#/$defs/{name}"
            else:
                found[key] = _moved(value, definitions, used)
        return found
    if isinstance(part, list | tuple):
        return [_moved(each, definitions, used) for each in cast("list[Any]", part)]
    return part
