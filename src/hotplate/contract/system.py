"""The routes that every server has besides those of the contract. All of them answer GET."""

from __future__ import annotations

from collections.abc import Mapping

SYSTEM_ROUTES: Mapping[str, str] = {
    "/": "Links to the documentation",
    "/docs": "This API as a page",
    "/openapi.json": "This API as an OpenAPI document",
    "/healthcheck": "State of the model",
    "/livez": "Whether the server is alive",
    "/readyz": "Whether calls are answered",
    "/ping": "Whether calls are answered",
    "/metrics": "Metrics for Prometheus",
}
"""Path to one-line summary."""
