"""The OpenAPI operation of `/mcp`, for the documentation page."""

from __future__ import annotations

from typing import Any

_MESSAGE: dict[str, Any] = {
    "type": "object",
    "required": ["jsonrpc", "method"],
    "properties": {
        "jsonrpc": {"type": "string", "const": "2.0"},
        "id": {"type": ["string", "integer"]},
        "method": {"type": "string"},
        "params": {"type": "object"},
    },
    "example": {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}},
}
_CONTENT: dict[str, Any] = {"application/json": {"schema": {"type": ["object", "array"]}}}

OPERATION: dict[str, Any] = {
    "tags": ["model"],
    "operationId": "mcp",
    "summary": "Model Context Protocol",
    "description": "Every route as a tool: tools/list and tools/call, over streamable HTTP.",
    "requestBody": {"required": True, "content": {"application/json": {"schema": _MESSAGE}}},
    "responses": {
        "200": {"description": "The answer, a JSON-RPC message", "content": _CONTENT},
        "202": {"description": "A notification was taken"},
        "default": {"description": "What went wrong, a JSON-RPC error", "content": _CONTENT},
    },
}
