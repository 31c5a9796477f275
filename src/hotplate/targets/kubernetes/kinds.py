"""The kinds of objects that are spoken of, and where the API has them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from hotplate.errors import TargetRefused


class Kind(NamedTuple):
    """`prefix` is the API's path, `plural` what follows the namespace; `addon` is what must be installed for it."""

    prefix: str
    plural: str
    addon: str = ""


KINDS: Mapping[str, Kind] = {
    "PersistentVolumeClaim": Kind("/api/v1", "persistentvolumeclaims"),
    "Service": Kind("/api/v1", "services"),
    "NetworkPolicy": Kind("/apis/networking.k8s.io/v1", "networkpolicies"),
    "PodDisruptionBudget": Kind("/apis/policy/v1", "poddisruptionbudgets"),
    "Deployment": Kind("/apis/apps/v1", "deployments"),
    "HorizontalPodAutoscaler": Kind("/apis/autoscaling/v2", "horizontalpodautoscalers"),
    "ScaledObject": Kind("/apis/keda.sh/v1alpha1", "scaledobjects", "KEDA"),
}

PODS = Kind("/api/v1", "pods")
SECRETS = Kind("/api/v1", "secrets")
EVENTS = Kind("/api/v1", "events")
REPLICA_SETS = Kind("/apis/apps/v1", "replicasets")
DEPLOYMENTS = KINDS["Deployment"]


def kind_of(found: Mapping[str, Any]) -> Kind:
    """Where an object belongs. Raises TargetRefused for one that is not applied here."""
    if found["kind"] not in KINDS:
        raise TargetRefused(
            f"{found['kind']} is not applied here. Write it with `hotplate export`, and apply it yourself."
        )
    return KINDS[found["kind"]]


def path_of(kind: Kind, namespace: str, name: str = "") -> str:
    """The path of an object, or of all of them in a namespace."""
    return f"{kind.prefix}/namespaces/{namespace}/{kind.plural}" + (f"/{name}" if name else "")


def shown(found: Mapping[str, Any]) -> str:
    """An object for people: `deployment hello`."""
    return f"{str(found['kind']).lower()} {found['metadata']['name']}"
