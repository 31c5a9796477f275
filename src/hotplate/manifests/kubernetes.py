"""An endpoint in Kubernetes' own objects, and what scales it by the processor: a HorizontalPodAutoscaler."""

from __future__ import annotations

from typing import Any

from hotplate.engine.layout import PORT
from hotplate.manifests.grammar import check_quantity
from hotplate.manifests.labels import CALLER, metadata, selector
from hotplate.manifests.pod import claim_name, template
from hotplate.manifests.workload import Workload

Object = dict[str, Any]

CORTEX_PORT = 8888
"""Where Cortex's projects look for each other: `http://api-NAME:8888`."""
CPU_PERCENT = 70
MAX_STABILIZATION_S = 3600
PROGRESS_S = 120
"""What a rollout gets beyond the time that a model may take to load: for the image, and a node."""


def objects(workload: Workload) -> list[Object]:
    """Everything, in the order in which it is applied."""
    found = base(workload)
    if not workload.fixed:
        found.append(autoscaler(workload))
    return found


def base(workload: Workload) -> list[Object]:
    """Everything but what scales it."""
    found = [volume_claim(workload)] if workload.volume else []
    if not workload.public:
        found.append(network_policy(workload))
    return [*found, *services(workload), disruption_budget(workload), deployment(workload)]


def deployment(workload: Workload) -> Object:
    """The pods of the present revision. How many there are is the scaler's business, where there is one."""
    spec: dict[str, Any] = {
        **({"replicas": workload.scaling.max_replicas} if workload.fixed else {}),
        "revisionHistoryLimit": 10,
        "progressDeadlineSeconds": int(workload.setup_timeout_s) + PROGRESS_S,
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
        "selector": {"matchLabels": selector(workload.name)},
        "template": template(workload),
    }
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata(workload), "spec": spec}


def services(workload: Workload) -> list[Object]:
    """`http://NAME`, and `http://api-NAME:8888`, by which Cortex's projects call each other."""
    return [
        _service(workload, workload.name, 80, PORT),
        _service(workload, f"api-{workload.name}", CORTEX_PORT, PORT),
    ]


def network_policy(workload: Workload) -> Object:
    """Who may call it: `hotplate serve` asks for no token, so the cluster keeps others away. Probes always pass."""
    friends: list[Object] = [{"podSelector": {}}, {"namespaceSelector": {"matchLabels": {CALLER: "true"}}}]
    spec: Object = {
        "podSelector": {"matchLabels": selector(workload.name)},
        "policyTypes": ["Ingress"],
        "ingress": [{"from": friends, "ports": [{"port": PORT, "protocol": "TCP"}]}],
    }
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata(workload),
        "spec": spec,
    }


def disruption_budget(workload: Workload) -> Object:
    """Nodes are emptied one pod at a time; pods that are not healthy stand in nobody's way."""
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": metadata(workload),
        "spec": {
            "maxUnavailable": 1,
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
            "selector": {"matchLabels": selector(workload.name)},
        },
    }


def volume_claim(workload: Workload) -> Object:
    """The volume, which the endpoint's pods share, and other endpoints that name it. It is never deleted."""
    placement = workload.placement
    one = workload.scaling.max_replicas == 1
    head = metadata(workload, claim_name(workload))
    head["labels"] = {
        "app.kubernetes.io/part-of": "hotplate",
        "app.kubernetes.io/managed-by": "hotplate",
        "hotplate.org/volume": workload.volume,
    }
    spec: dict[str, Any] = {
        "accessModes": [placement.volume_access or ("ReadWriteOnce" if one else "ReadWriteMany")],
        "resources": {"requests": {"storage": check_quantity(placement.volume_size)}},
    }
    if placement.storage_class:
        spec["storageClassName"] = placement.storage_class
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": head, "spec": spec}


def autoscaler(workload: Workload) -> Object:
    """Scales by the processor, the one measure that every cluster has."""
    target = {"type": "Utilization", "averageUtilization": CPU_PERCENT}
    resource = {"container": "endpoint", "name": "cpu", "target": target}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": metadata(workload),
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": workload.name},
            "minReplicas": max(1, workload.scaling.min_replicas),
            "maxReplicas": workload.scaling.max_replicas,
            "metrics": [{"type": "ContainerResource", "containerResource": resource}],
            "behavior": behavior(workload),
        },
    }


def behavior(workload: Workload) -> dict[str, Any]:
    """At once up, and down after the quiet time."""
    quiet = min(MAX_STABILIZATION_S, round(workload.scaling.scale_down_delay_s))
    return {"scaleUp": {"stabilizationWindowSeconds": 0}, "scaleDown": {"stabilizationWindowSeconds": quiet}}


def _service(workload: Workload, name: str, port: int, target: int) -> Object:
    ports = [{"name": "http", "port": port, "protocol": "TCP", "targetPort": target}]
    spec = {"type": "ClusterIP", "selector": selector(workload.name), "ports": ports}
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata(workload, name), "spec": spec}
