"""The OpenAPI operations of a model's paths, for the documentation page and for generators of clients."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from hotplate.contract import Route

Part = dict[str, Any]

_DIMS: Part = {"type": "array", "items": {"type": "integer"}}
_TENSOR: Part = {
    "type": "object",
    "required": ["name", "shape", "datatype"],
    "properties": {
        "name": {"type": "string"},
        "shape": _DIMS,
        "datatype": {"type": "string"},
        "data": {"type": "array", "items": {}},
        "parameters": {"type": "object"},
    },
}
_ERROR: Part = {"type": "object", "required": ["error"], "properties": {"error": {"type": "string"}}}


def operation(route: Route, model: str, variant: str, metadata: Mapping[str, Any]) -> Part:
    """Describe `infer`, `generate` or `generate_stream` of one model."""
    events = route.stream or variant == "generate_stream"
    answer: Part = {"type": "object", "properties": {"outputs": {"type": "array", "items": _TENSOR}}}
    if events or variant == "generate":
        answer = {
            "type": "object",
            "properties": {"model_name": {"type": "string"}, "model_version": {"type": "string"}},
        }
    summary = {"infer": "Named tensors in, named tensors out", "generate": "Bare values in and out"}
    content = (
        {"text/event-stream": {"schema": {"type": "string"}}} if events else {"application/json": {"schema": answer}}
    )
    bare = variant != "infer" or route.stream
    return {
        "tags": ["model"],
        "operationId": "_".join(re.findall(r"[A-Za-z0-9]+", f"{model} {variant}")),
        "summary": route.summary or summary.get(variant, "Bare values in, events out"),
        "description": route.description,
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": _values(route) if bare else _tensors(metadata)}},
        },
        "responses": {
            "200": {"description": "The outputs", "content": content},
            "default": {"description": "What went wrong", "content": {"application/json": {"schema": _ERROR}}},
        },
    }


def _values(route: Route) -> Part:
    schema: Part = {"type": "object", "properties": {param.name: param.type.schema for param in route.params}}
    required = [param.name for param in route.params if param.required]
    return {**schema, "required": required} if required else schema


def _tensors(metadata: Mapping[str, Any]) -> Part:
    example = [
        {
            "name": each["name"],
            "shape": [1 if n < 0 else n for n in each["shape"]],
            "datatype": each["datatype"],
            "data": [],
        }
        for each in metadata["inputs"]
        if not each.get("optional")
    ]
    return {
        "type": "object",
        "required": ["inputs"],
        "properties": {"id": {"type": "string"}, "inputs": {"type": "array", "items": _TENSOR}},
        "example": {"inputs": example},
    }
