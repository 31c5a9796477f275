"""The OpenAPI operations of OpenAI's paths, for the documentation page and for generators of clients."""

from __future__ import annotations

from typing import Any

from hotplate.contract import Route
from hotplate.faces.openai_shapes import CHAT, EMBED, Shape

Part = dict[str, Any]

_MESSAGES: Part = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["role"],
        "properties": {"role": {"type": "string"}, "content": {}},
    },
    "example": [{"role": "user", "content": "Hello!"}],
}
_TEXTS: Part = {"anyOf": [{"type": "string"}, {"type": "array", "items": {}}]}
_ERROR: Part = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["message"],
            "properties": {
                "message": {"type": "string"},
                "type": {"type": ["string", "null"]},
                "param": {"type": ["string", "null"]},
                "code": {"type": ["string", "null"]},
            },
        }
    },
}
_ANSWER: Part = {"type": "object", "required": ["object", "model"]}


def operation(route: Route, shape: Shape, model: str) -> Part:
    """Describe one path: the API's own members, and those that the function takes besides."""
    own: Part = {param.name: dict(param.type.schema) for param in route.params if param.name != "payload"}
    properties: Part = {
        "model": {"type": "string", "default": model},
        **own,
        shape.key: _MESSAGES if shape is CHAT else _TEXTS,
    }
    content: Part = {"application/json": {"schema": _ANSWER}}
    if shape is not EMBED:
        properties["stream"] = {"type": ["boolean", "null"], "default": False}
        content["text/event-stream"] = {"schema": {"type": "string"}}
    schema = {"type": "object", "required": [shape.key], "properties": properties}
    return {
        "tags": ["model"],
        "operationId": "openai_" + shape.kind,
        "summary": f"{shape.path[4:].replace('/', ' ').capitalize()}, as OpenAI's clients ask for them",
        "description": route.summary,
        "requestBody": {"required": True, "content": {"application/json": {"schema": schema}}},
        "responses": {
            "200": {"description": "The answer", "content": content},
            "default": {"description": "What went wrong", "content": {"application/json": {"schema": _ERROR}}},
        },
    }
