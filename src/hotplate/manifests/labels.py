"""What every object of an endpoint is called and known by."""

from __future__ import annotations

from typing import Any

from hotplate.manifests.workload import Workload

ENDPOINT = "hotplate.org/endpoint"
REVISION = "hotplate.org/revision"
CALLER = "hotplate.org/caller"
"""On a namespace: its pods may call endpoints that are private."""

MANAGER = "hotplate"


def labels(name: str) -> dict[str, str]:
    """Labels of every object of an endpoint."""
    return {
        "app.kubernetes.io/name": name,
        "app.kubernetes.io/part-of": MANAGER,
        "app.kubernetes.io/managed-by": MANAGER,
        ENDPOINT: name,
    }


def selector(name: str) -> dict[str, str]:
    """What finds the pods of an endpoint, of whatever revision."""
    return {ENDPOINT: name}


def metadata(workload: Workload, name: str = "", **more: Any) -> dict[str, Any]:
    """The head of an object. `more`: annotations, further labels."""
    found: dict[str, Any] = {"name": name or workload.name}
    if workload.placement.namespace:
        found["namespace"] = workload.placement.namespace
    found["labels"] = {**labels(workload.name), **more.pop("labels", {})}
    return {**found, **more}
