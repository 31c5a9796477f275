"""The fixed parts of every OpenAPI document: error answers, the server's own routes, and how media are written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hotplate.contract.types import Kind

Part = Mapping[str, Any]

_CONTENT_TYPES: Mapping[Kind, tuple[str, ...]] = {
    "json": ("application/json",),
    "image": ("image/*", "application/octet-stream"),
    "audio": ("audio/*", "application/octet-stream"),
    "video": ("video/*", "application/octet-stream"),
    "file": ("*/*",),
}


def content_types(kind: Kind) -> tuple[str, ...]:
    """Give the content types that a medium has as a whole body; the first is that of an answer."""
    return _CONTENT_TYPES[kind]


def binary(kind: Kind) -> dict[str, Any]:
    """Give the schema of a medium as one part of a form. `format` is for readers of OpenAPI 3.0 habits."""
    content_type = "application/octet-stream" if kind == "file" else f"{kind}/*"
    return {"type": "string", "format": "binary", "contentMediaType": content_type}


WHOLE_BODY: Part = {"type": "string", "format": "binary", "minLength": 1}
"""The schema of a medium as a whole body, which may not be empty."""


def reference(name: str) -> dict[str, Any]:
    """Point to a named schema."""
    return {"$ref": f"#/components/schemas/{name}"}


def _object(required: tuple[str, ...], **properties: Part) -> Part:
    return {"type": "object", "properties": properties, "required": required}


_TEXT: Part = {"type": "string"}

FIXED: Mapping[str, Part] = {
    "Analytics": _object(
        ("inference_time_ms", "performance_time_ms"),
        inference_time_ms={"type": "number", "description": "Milliseconds in the model's code"},
        performance_time_ms={"type": "number", "description": "Milliseconds from the whole request to its answer"},
    ),
    "Error": _object(
        ("detail",),
        detail={"description": "What went wrong, for people"},
        code={"type": "string", "description": "What went wrong, for programs"},
        request_id={"type": "string", "description": "By which the server's log is searched"},
    ),
    "HTTPValidationError": _object(("detail",), detail={"type": "array", "items": reference("ValidationError")}),
    "ValidationError": _object(
        ("loc", "msg", "type"),
        loc={"type": "array", "items": {"anyOf": [_TEXT, {"type": "integer"}]}, "description": "Where in the request"},
        msg={"type": "string", "description": "What does not fit"},
        type={"type": "string", "description": "What does not fit, for programs"},
        input={"description": "What was sent there"},
        ctx={"type": "object", "description": "The limit that was crossed, and the like"},
    ),
    "State": _object(
        ("status",),
        status={"type": "string", "description": "The state of the model, or of the server"},
        detail={"type": "string", "description": "Why it is in that state"},
        async_enable={"type": "boolean", "description": "Whether calls may become jobs (`X-OctoAI-Async`)"},
    ),
}
"""Named schemas that every document has."""


def _json(description: str, schema: Part) -> Part:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _error(description: str) -> Part:
    return _json(description, reference("Error"))


_VALIDATION: Part = {"anyOf": [reference("HTTPValidationError"), reference("Error")]}
_NOT_NOW: Part = {"anyOf": [reference("State"), reference("Error")]}

ERRORS: Mapping[str, tuple[str, Part]] = {
    "400": ("BadRequest", _error("The body cannot be read")),
    "413": ("TooLarge", _error("The body is over the limit")),
    "415": ("UnsupportedMediaType", _error("The body is of a type that this route does not take")),
    "422": ("Invalid", _json("The input does not fit", _VALIDATION)),
    "500": ("Failed", _error("The model's code failed; the log has the reason under the request's id")),
    "502": ("WorkerLost", _error("The process that ran this call died; another takes its place")),
    "503": (
        "Unavailable",
        {
            **_json("The model is still starting, or every place in the queue is taken", _NOT_NOW),
            "headers": {"Retry-After": {"description": "Seconds to wait", "schema": {"type": "integer"}}},
        },
    ),
    "504": ("Late", _error("No answer within the deadline")),
}
"""Status to the name and the body of an error answer."""


def _system(name: str, summary: str, good: Part, bad: Part | None = None) -> Part:
    responses = {"200": good} | ({"503": bad} if bad else {})
    return {"tags": ["server"], "operationId": f"get_{name}", "summary": summary, "responses": responses}


def _page(content_type: str) -> Part:
    return {"description": "The page", "content": {content_type: {"schema": _TEXT}}}


_STATE = _json("The state", reference("State"))
_DOWN = _json("Not ready, and the state", reference("State"))
_LINKS = _json("The links", _object(("docs", "openapi"), docs=_TEXT, openapi=_TEXT))

SYSTEM: Mapping[str, Part] = {
    "/": _system("root", "Links to the documents", _LINKS),
    "/docs": _system("docs", "This API as a page", _page("text/html")),
    "/openapi.json": _system("openapi", "This document", _json("OpenAPI 3.1", {"type": "object"})),
    "/healthcheck": _system("healthcheck", "The state of the model", _STATE, _DOWN),
    "/livez": _system("livez", "Whether the server is alive", _STATE),
    "/readyz": _system("readyz", "Whether calls are answered", _STATE, _DOWN),
    "/ping": _system("ping", "Whether the server hears", _json("Yes", _object(("message",), message=_TEXT))),
    "/metrics": _system("metrics", "Metrics for Prometheus", _page("text/plain")),
}
"""Path to the GET operation of the routes that every server has."""
