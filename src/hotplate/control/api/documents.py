"""What needs no token: the API's OpenAPI document, the page that shows it, and whether the process lives."""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route as StarletteRoute

from hotplate import __version__
from hotplate.control.api.records import Problem
from hotplate.control.api.route import PREFIX, Route
from hotplate.control.api.table import ROUTES
from hotplate.server import pages

OPEN_PATHS = (f"{PREFIX}/openapi.json", "/healthz", *(PREFIX + path for path in pages.PATHS if path != "/redoc"))


def routes() -> list[StarletteRoute]:
    """The routes that anybody may call."""
    answers = {f"{PREFIX}/openapi.json": _openapi, "/healthz": _health}
    return [StarletteRoute(path, answers.get(path, _page), methods=["GET"]) for path in OPEN_PATHS]


async def _page(request: Request) -> Response:
    """A file of the documentation page, which reads openapi.json beside itself."""
    found = pages.get(request.url.path.removeprefix(PREFIX))
    assert found is not None
    return Response(found[0], media_type=found[1], headers=dict(pages.HEADERS))


async def _openapi(_request: Request) -> Response:
    return Response(msgspec.json.encode(openapi()), media_type="application/json")


async def _health(_request: Request) -> Response:
    return Response(b'{"status":"ok"}', media_type="application/json")


@cache
def openapi() -> dict[str, Any]:
    """The OpenAPI 3.1 document of the API, made from its table."""
    kinds = [kind for route in ROUTES for kind in (route.body, route.result) if kind is not None]
    schemas, components = msgspec.json.schema_components([*kinds, Problem], ref_template="#/components/schemas/{name}")
    by_kind = {id(kind): schema for kind, schema in zip([*kinds, Problem], schemas, strict=True)}
    paths: dict[str, dict[str, Any]] = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, by_kind)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Hotplate control",
            "version": __version__,
            "description": "Endpoints, revisions, tokens, secrets, volumes, logs and events of one installation.",
        },
        "servers": [{"url": PREFIX}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"token": []}],
    }


def _operation(route: Route, schemas: dict[int, Any]) -> dict[str, Any]:
    needs = f"Needs the scope `{route.scope}`." if route.scope else "Any valid token may ask."
    operation: dict[str, Any] = {
        "operationId": route.operation_id,
        "tags": [route.tag],
        "summary": route.summary,
        "description": needs,
        "parameters": _parameters(route),
        "responses": {
            str(route.status): {
                "description": "Done",
                "content": {route.content_type: {"schema": _result(route, schemas)}},
            },
            "default": {
                "description": "An error",
                "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
            },
        },
    }
    if route.raw_body:
        operation["requestBody"] = {"required": True, "content": {"application/octet-stream": {"schema": {}}}}
    elif route.body is not None:
        content = {"application/json": {"schema": schemas[id(route.body)]}}
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def _result(route: Route, schemas: dict[int, Any]) -> Any:
    if route.result is not None:
        return schemas[id(route.result)]
    return (
        {"type": "string", "format": "binary"}
        if route.content_type == "application/octet-stream"
        else {"type": "string"}
    )


def _parameters(route: Route) -> list[dict[str, Any]]:
    names = [part[1:-1] for part in route.path.split("/") if part.startswith("{")]
    found: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names
    ]
    found += [
        {"name": each.name, "in": "query", "description": each.help, "schema": dict(each.schema)}
        for each in route.query
    ]
    return found
