"""DEEPaaS's API described: its Swagger 2.0 document, as apispec wrote it, and the operations of OpenAPI 3.1."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from hotplate.contract import Contract, Param, Route

Schema = dict[str, Any]

_PLACES: Final = {"": "query", "query": "query", "form": "formData", "headers": "header", "json": "body"}
_PLACES_31: Final = {"": "query", "query": "query", "headers": "header", "cookies": "cookie"}
_FORMATS: Final = {"integer": "int32", "number": "float"}

_LOCATION: Final[Schema] = {
    "type": "object",
    "properties": {
        "rel": {"type": "string"},
        "href": {"type": "string", "format": "url"},
        "type": {"type": "string"},
    },
    "required": ["href", "rel", "type"],
}
_TEXT: Final[Schema] = {"type": "string"}
_DEFINITIONS: Final[Mapping[str, Schema]] = {
    "Failure": {
        "type": "object",
        "properties": {"message": {"type": "string", "description": "Failure message"}},
        "required": ["message"],
    },
    "Location": _LOCATION,
    "ModelMeta": {
        "type": "object",
        "properties": {
            **dict.fromkeys(("id", "name", "description", "license", "author", "version", "url"), _TEXT),
            "links": {"type": "array", "items": {"$ref": "#/definitions/Location"}},
        },
        "required": ["description", "id", "name"],
    },
    "Prediction": {
        "type": "object",
        "properties": {"status": _TEXT, "predictions": {}},
        "required": ["predictions", "status"],
    },
    "Training": {
        "type": "object",
        "properties": {
            "uuid": {"type": "string", "format": "uuid"},
            "date": {"type": "string", "format": "date-time"},
            "status": {"type": "string", "enum": ["running", "error", "done", "cancelled"]},
            "message": _TEXT,
        },
        "required": ["date", "status", "uuid"],
    },
    "Version": {
        "type": "object",
        "properties": {
            "version": _TEXT,
            "id": _TEXT,
            "links": {"type": "array", "items": {"$ref": "#/definitions/Location"}},
            "type": _TEXT,
        },
        "required": ["id", "version"],
    },
    "Versions": {
        "type": "object",
        "properties": {"versions": {"type": "array", "items": {"$ref": "#/definitions/Version"}}},
    },
}


def swagger(contract: Contract) -> Schema:
    """Write the Swagger 2.0 document of every model of a contract, with the paths of its own face."""
    facts = contract.facts
    base = facts.get("base_path", "")
    definitions = dict(_DEFINITIONS)
    paths: Schema = {
        f"{base}/v2/": {"get": _get("versions", "Return V2 version information", "Version")},
        f"{base}/v2/models/": {"get": _get("models", "Return loaded models and its information", "ModelMeta")},
    }
    for model in facts.get("models", []):
        name = model["name"]
        path = f"{base}/v2/models/{name}"
        paths[f"{path}/"] = {"get": _get("models", "Return model's metadata", "ModelMeta")}
        for verb in ("predict", "train"):
            if not facts.get(f"{verb}_endpoint", True):
                continue
            route = next(each for each in contract.routes if each.name == f"{name}.{verb}")
            answer = "Training"
            if verb == "predict":
                answer = model["response"] or "Prediction"
                if model["response"]:
                    definitions[answer] = _v2(route.returns.schema)
            paths[f"{path}/{verb}/"] = {"post": _post(route, answer, model["accept"] if verb == "predict" else [])}
            if verb == "train":
                paths[f"{path}/train/"]["get"] = _get(
                    "models", "Get a list of trainings (running or completed)", answer
                )
    return {
        "paths": paths,
        "info": {
            "title": "DEEP as a Service API endpoint",
            "version": "2.6.0",
            "description": contract.description or "Models that are served over the DEEPaaS API V2.",
        },
        "externalDocs": {
            "description": "API documentation",
            "url": "https://deepaas.readthedocs.org/",
        },
        "swagger": "2.0",
        "definitions": definitions,
    }


def operation(route: Route, model: str, verb: str) -> Schema:
    """Write the OpenAPI 3.1 operation of a route in this face."""
    parameters = [
        {
            "name": param.name,
            "in": _PLACES_31[param.location],
            "required": param.required,
            "schema": dict(param.type.schema),
            **({"description": param.description} if param.description else {}),
        }
        for param in route.params
        if param.location in _PLACES_31 and param.type.kind == "json"
    ]
    written: Schema = {
        "tags": ["models"],
        "operationId": f"{model}_{verb}",
        "summary": route.summary,
        "parameters": parameters,
    }
    body = [param for param in route.params if param.location in ("form", "json") or param.type.kind == "file"]
    if body:
        shape = {
            "type": "object",
            "properties": {param.name: _part(param) for param in body},
            "required": [param.name for param in body if param.required],
        }
        kind = "application/json" if all(param.location == "json" for param in body) else "multipart/form-data"
        written["requestBody"] = {"required": any(p.required for p in body), "content": {kind: {"schema": shape}}}
    answer = dict(route.returns.schema) or {
        "type": "object",
        "properties": {"status": {"type": "string"}, "predictions": {}},
        "required": ["status", "predictions"],
    }
    written["responses"] = {
        "200": {"description": "The answer", "content": {"application/json": {"schema": answer}}},
        "422": {"description": "Arguments that do not fit: texts by the name of the argument"},
    }
    return written


def _get(tag: str, summary: str, answer: str) -> Schema:
    return {
        "tags": [tag],
        "summary": summary,
        "produces": ["application/json"],
        "parameters": [],
        "responses": {"200": {"schema": {"$ref": f"#/definitions/{answer}"}, "description": ""}},
    }


def _post(route: Route, answer: str, accept: list[str]) -> Schema:
    written = _get("models", route.summary, answer)
    written["produces"] = [*accept, "*/*"] if accept else ["application/json"]
    written["parameters"] = [_parameter(param) for param in route.params]
    written["responses"]["400"] = {"schema": {"$ref": "#/definitions/Failure"}, "description": ""}
    return written


def _parameter(param: Param) -> Schema:
    shape = _v2(param.type.schema)
    shape.pop("required", None)
    if param.type.kind == "file":
        shape["type"] = "file"
    if shape.get("default", ...) is None:
        shape["x-nullable"] = True
    written: Schema = {"in": _PLACES.get(param.location, param.location.removesuffix("s")), "name": param.name}
    written |= {"required": param.required, **shape}
    if shape.get("type") == "array":
        written["collectionFormat"] = "multi"
    if param.description:
        written["description"] = param.description
    return written


def _v2(schema: Mapping[str, Any]) -> Schema:
    """JSON Schema in Swagger 2.0's words."""
    written: Schema = {}
    for key, value in schema.items():
        if key == "type" and isinstance(value, list):
            written["type"], written["x-nullable"] = value[0], True
        elif key == "properties":
            written[key] = {name: _v2(each) for name, each in value.items()}
        elif key == "items":
            written[key] = _v2(value)
        else:
            written[key] = value
    if "format" not in written and written.get("type") in _FORMATS:
        written["format"] = _FORMATS[written["type"]]
    if written.get("format") == "uri":
        written["format"] = "url"
    return written


def _part(param: Param) -> Schema:
    if param.type.kind == "json":
        return dict(param.type.schema)
    shape: Schema = {"type": "string", "contentMediaType": "application/octet-stream"}
    return {**shape, **({"description": param.description} if param.description else {})}
