"""Contract to OpenAPI 3.1, for the plain face and the routes that every server has. Standard library only.

Its schemas are named after the routes (`InferInput`, `InferOutput`), where FastAPI, and so octoai-sdk, numbers them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, cast

from hotplate.contract.openapi_parts import ERRORS, FIXED, SYSTEM, WHOLE_BODY, binary, content_types, reference
from hotplate.contract.types import Contract, Param, Route

Schema = dict[str, Any]

JSON: Final = "application/json"


def document(contract: Contract, *, title: str, version: str, server_url: str | None = None) -> Schema:
    """Write the OpenAPI document of an endpoint.

    Args:
        contract: what it offers.
        title: the name shown at the top of its page.
        version: the version of this API, such as a revision's name.
        server_url: the address that callers use. Without it a reader takes the address of the document itself.
    """
    return _Writer(contract).document(title, version, server_url)


class _Writer:
    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        self._schemas: dict[str, Any] = {name: dict(schema) for name, schema in contract.definitions.items()}
        self._operations: set[str] = set()
        # An author's type may be called as one of ours; then ours gives way.
        self._fixed = {name: self._free(name) for name in FIXED}

    def document(self, title: str, version: str, server_url: str | None) -> Schema:
        for name, schema in FIXED.items():
            self._schemas[self._fixed[name]] = self._renamed(schema)
        paths: dict[str, Any] = {}
        for path, method, operation in self._operations_of():
            paths.setdefault(path, {})[method.lower()] = operation
        for path, operation in SYSTEM.items():
            paths.setdefault(path, {}).setdefault("get", self._renamed(operation))
        info: Schema = {"title": title, "version": version}
        if self._contract.description:
            info["description"] = self._contract.description
        written: Schema = {"openapi": "3.1.0", "info": info}
        if server_url is not None:
            written["servers"] = [{"url": server_url}]
        written["paths"] = paths
        written["components"] = {
            "schemas": dict(sorted(self._schemas.items())),
            "responses": {name: self._renamed(response) for name, response in ERRORS.values()},
        }
        written["tags"] = [
            {"name": "model", "description": "What the model does"},
            {"name": "server", "description": "What every server has"},
        ]
        return written

    def _operations_of(self) -> Iterator[tuple[str, str, Schema]]:
        """Every operation as (path, method, itself): of the mounts, or of the routes where none is mounted yet."""
        contract = self._contract
        if not contract.mounts:
            yield from ((route.path, route.method, self._operation(route)) for route in contract.routes)
        for mount in contract.mounts:
            if mount.operation is not None:
                yield mount.path, mount.method, dict(mount.operation)
            elif mount.call is not None and mount.face == "plain":
                yield mount.path, mount.method, self._operation(contract.routes[mount.call])

    def _operation(self, route: Route) -> Schema:
        name = "_".join(re.findall(r"[A-Za-z0-9]+", route.path)) or "root"
        while name in self._operations:
            name += "_2"
        self._operations.add(name)
        operation: Schema = {"tags": ["model"], "operationId": name, "summary": route.summary or route.name}
        if route.description:
            operation["description"] = route.description
        stem = "".join(part[:1].upper() + part[1:] for part in name.split("_"))
        if route.params:
            operation["requestBody"] = self._body(route, stem)
        operation["responses"] = {"200": self._success(route, stem)} | {
            status: {"$ref": f"#/components/responses/{name}"} for status, (name, _) in ERRORS.items()
        }
        return operation

    def _body(self, route: Route, stem: str) -> Schema:
        whole = next((param for param in route.params if param.location == "body"), None)
        if whole is not None:
            content = {JSON: {"schema": dict(whole.type.schema)}}
            content |= {
                "text/plain": {"schema": {"type": "string"}},
                "application/octet-stream": {"schema": WHOLE_BODY},
            }
            return {"required": True, "content": content, "description": "JSON, text or bytes: the body is the input."}
        media = [param for param in route.params if param.type.kind != "json"]
        if route.body == "form":
            content = {"multipart/form-data": {"schema": self._named(f"{stem}Form", _object(route.params, _field))}}
            return {"required": True, "content": content}
        content: Schema = {JSON: {"schema": self._named(f"{stem}Input", _object(route.params, _member))}}
        body: Schema = {"required": True, "content": content}
        if media:
            content["multipart/form-data"] = {"schema": self._named(f"{stem}Form", _object(route.params, _part))}
        if len(media) == 1:
            for content_type in content_types(media[0].type.kind):
                content[content_type] = {"schema": WHOLE_BODY}
            if len(route.params) > 1:
                names = ", ".join(param.name for param in route.params if param is not media[0])
                body["description"] = f"With {media[0].name} as the whole body, put {names} in the query string."
        return body

    def _success(self, route: Route, stem: str) -> Schema:
        schema = dict(route.returns.schema)
        if route.stream:
            # Some readers take the schema for that of the whole text, others for that of each event: it says nothing.
            stream: Schema = {"schema": {}, "x-event-data": schema}
            text = (
                "Server-sent events: each `data:` line is one piece as JSON, the last is `[DONE]`. "
                "A failure on the way is an event of the type `error`."
            )
            return {"description": text, "content": {"text/event-stream": stream}}
        envelope: Schema = {
            "type": "object",
            "properties": {"output": schema, "analytics": self._reference("Analytics")},
            "required": ["output", "analytics"],
        }
        content: Schema = {JSON: {"schema": self._named(f"{stem}Output", envelope)}}
        if route.returns.kind == "json":
            return {"description": "The answer", "content": content}
        for content_type in content_types(route.returns.kind)[:1]:
            content[content_type] = {"schema": {}}
        text = f"The answer as JSON, or as the {route.returns.kind} itself where `Accept` asks for it"
        return {"description": text, "content": content}

    def _named(self, name: str, schema: Schema) -> Schema:
        name = self._free(name)
        self._schemas[name] = {"title": name, **schema}
        return reference(name)

    def _reference(self, name: str) -> Schema:
        return reference(self._fixed[name])

    def _free(self, name: str) -> str:
        free, number = name, 2
        while free in self._schemas:
            free, number = f"{name}{number}", number + 1
        return free

    def _renamed(self, part: Any) -> Any:
        """Copy one of our fixed parts, with its references under the names that are free here."""
        if isinstance(part, Mapping):
            items = cast("Mapping[str, Any]", part)
            if "$ref" in items:
                return self._reference(items["$ref"].rpartition("/")[2])
            return {key: self._renamed(value) for key, value in items.items()}
        if isinstance(part, list | tuple):
            return [self._renamed(element) for element in cast("Sequence[Any]", part)]
        return part


def _object(params: Sequence[Param], member: Any) -> Schema:
    schema: Schema = {"type": "object", "properties": {param.name: member(param) for param in params}}
    if required := [param.name for param in params if param.required]:
        schema["required"] = required
    return schema


def _member(param: Param) -> Schema:
    schema = dict(param.type.schema)
    if param.description:
        schema["description"] = param.description
    if not param.required and (param.default is not None or _takes_null(schema)):
        schema["default"] = param.default
    return schema


def _part(param: Param) -> Schema:
    if param.type.kind == "json":
        return _member(param)
    return binary(param.type.kind) | ({"description": param.description} if param.description else {})


def _field(param: Param) -> Schema:
    """A field of a form: an empty text counts as none, as FastAPI and so octoai-sdk have it."""
    return _part(param) | ({"minLength": 1} if param.type.kind == "json" else {})


def _takes_null(schema: Schema) -> bool:
    return not schema or {"type": "null"} in schema.get("anyOf", ())
