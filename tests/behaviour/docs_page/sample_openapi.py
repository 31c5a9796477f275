"""An OpenAPI 3.1 document with every kind of route and input that an endpoint can have, hostile texts included."""

from __future__ import annotations

from typing import Any

HOSTILE = '</script><img src=x onerror="document.title=1"><b>"\'`$(id)'


def ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}


def body(schema: dict[str, Any], content_type: str = "application/json") -> dict[str, Any]:
    return {content_type: {"schema": schema}}


def output(schema: dict[str, Any]) -> dict[str, Any]:
    properties = {"output": schema, "analytics": ref("ResponseAnalytics")}
    return {"title": "Output", "type": "object", "properties": properties, "required": ["output", "analytics"]}


def route(
    summary: str, content: dict[str, Any], answer: dict[str, Any], description: str = "", **more: Any
) -> dict[str, Any]:
    invalid = {"description": "Validation Error", "content": body(ref("HTTPValidationError"))}
    operation = {
        "summary": summary,
        "description": description,
        "requestBody": {"required": True, "content": content},
        "responses": {"200": {"description": "Successful Response", "content": answer}, "422": invalid},
    }
    return {"post": {**operation, **more}}


BASE64 = {"type": "string", "contentEncoding": "base64", "contentMediaType": "image/*"}

INFER_INPUT = {
    "type": "object",
    "required": ["prompt", "style", "box"],
    "properties": {
        "prompt": {"type": "string", "minLength": 1, "description": "What to paint.", "examples": ["A hot plate"]},
        "steps": {"type": "integer", "minimum": 1, "maximum": 50, "default": 20},
        "guidance": {"type": "number", "exclusiveMinimum": 0, "default": 7.5},
        "style": ref("Style"),
        "tiled": {"type": "boolean", "default": False},
        "fast": {"anyOf": [{"type": "boolean"}, {"type": "null"}]},
        "seed": {"anyOf": [{"type": "integer"}, {"type": "null"}], "default": None},
        "box": ref("Box"),
        "tags": {"type": "array", "items": {"type": "string"}, "default": ["a", "b"]},
        "mask": {"anyOf": [{"type": "array", "items": {"type": "integer"}}, {"type": "null"}], "default": None},
    },
}

DETECT_INPUT = {
    "type": "object",
    "required": ["image"],
    "properties": {
        "image": {"anyOf": [ref("Image"), BASE64, ref("MediaUrl")]},
        "threshold": {"type": "number", "minimum": 0, "maximum": 1, "default": 0.5},
    },
}

FORM_INPUT = {
    "type": "object",
    "required": ["file", "metadata"],
    "properties": {"file": {"type": "string", "format": "binary"}, "metadata": {"type": "string"}},
}

SCHEMAS: dict[str, Any] = {
    "Style": {"title": "Style", "type": "string", "enum": ["photo", "drawing", "oil painting"]},
    "Box": {
        "title": "Box",
        "type": "object",
        "required": ["x", "y"],
        "properties": {
            "x": {"type": "integer", "minimum": 0},
            "y": {"type": "integer", "minimum": 0},
            "label": {"type": "string", "default": ""},
        },
    },
    "MediaUrl": {
        "title": "MediaUrl",
        "type": "object",
        "required": ["url"],
        "properties": {"url": {"type": "string", "format": "uri"}},
    },
    "Image": {
        "title": "Image",
        "type": "object",
        "required": ["data"],
        "properties": {
            "data": {
                "description": "URL reference or base64-encoded data",
                "anyOf": [BASE64, ref("MediaUrl")],
            }
        },
    },
    "Detection": {
        "title": "Detection",
        "type": "object",
        "required": ["name", "box"],
        "properties": {"name": {"type": "string"}, "confidence": {"type": "number"}, "box": ref("Box")},
    },
    "DetectOutput": {
        "title": "DetectOutput",
        "type": "object",
        "required": ["detections", "image_with_boxes"],
        "properties": {
            "detections": {"type": "array", "items": ref("Detection")},
            "image_with_boxes": ref("Image"),
        },
    },
    "ResponseAnalytics": {
        "title": "ResponseAnalytics",
        "type": "object",
        "required": ["inference_time_ms", "performance_time_ms"],
        "properties": {"inference_time_ms": {"type": "number"}, "performance_time_ms": {"type": "number"}},
    },
    "ValidationError": {
        "title": "ValidationError",
        "type": "object",
        "required": ["loc", "msg", "type"],
        "properties": {
            "loc": {"type": "array", "items": {"anyOf": [{"type": "string"}, {"type": "integer"}]}},
            "msg": {"type": "string"},
            "type": {"type": "string"},
        },
    },
    "HTTPValidationError": {
        "title": "HTTPValidationError",
        "type": "object",
        "properties": {"detail": {"type": "array", "items": ref("ValidationError")}},
    },
    "Tree": {  # refers to itself
        "title": "Tree",
        "type": "object",
        "required": ["value"],
        "properties": {"value": {"type": "integer"}, "children": {"type": "array", "items": ref("Tree")}},
    },
}

EVENTS = {"text/event-stream": {"schema": {"type": "string"}}}
IMAGE = {"image/*": {"schema": {"type": "string", "format": "binary"}}}

OPENAPI: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {"title": "Plate detector", "version": "0.3.1", "description": "Finds plates and says how hot they are."},
    "paths": {
        "/infer": route(
            "Paint a picture from words",
            body(INFER_INPUT),
            body(output({"type": "string"})),
            "Takes about a second.\nThe same seed gives the same picture.",
        ),
        "/detect": route(
            "Find plates in a photograph",
            {**body(DETECT_INPUT), **body(FORM_INPUT | {"title": "Form"}, "multipart/form-data"), **IMAGE},
            {**body(output(ref("DetectOutput"))), **IMAGE},
        ),
        "/form": route("Take a file", body(FORM_INPUT, "multipart/form-data"), body(output({"type": "object"}))),
        "/stream": route(
            "Stream words",
            body({"type": "object", "required": ["prompt"], "properties": {"prompt": {"type": "string"}}}),
            EVENTS,
        ),
        "/tree": route("Sum a tree", body(ref("Tree")), body(output({"type": "integer"}))),
        "/hostile": route(
            HOSTILE,
            body({"type": "object", "required": [HOSTILE], "properties": {HOSTILE: {"type": "string"}}}),
            body(output({"type": "string"})),
            HOSTILE,
        ),
        "/healthcheck": {
            "get": {"summary": "State of the model", "tags": ["Server"], "responses": {"200": {"description": "Ready"}}}
        },
    },
    "components": {"schemas": SCHEMAS, "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}}},
}
