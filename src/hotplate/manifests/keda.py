"""An endpoint that KEDA scales by what its pods count: calls that run, and calls that wait.

https://keda.sh/docs/2.20/reference/scaledobject-spec/, scalers/metrics-api and scalers/prometheus. The two counts are
added by `scalingModifiers`, as Hotplate's own policy adds them.
"""

from __future__ import annotations

from hotplate.engine.layout import PORT
from hotplate.manifests.kubernetes import Object, base, behavior
from hotplate.manifests.labels import metadata
from hotplate.manifests.workload import Workload

COUNTS = {"running": "hotplate_requests_in_progress", "waiting": "hotplate_queue_depth"}
POLL_S = 5


def objects(workload: Workload) -> list[Object]:
    """Everything, in the order in which it is applied."""
    found = base(workload)
    if not workload.fixed:
        found.append(scaled_object(workload))
    return found


def scaled_object(workload: Workload) -> Object:
    """What KEDA makes a HorizontalPodAutoscaler of."""
    triggers = [_trigger(workload, name, metric) for name, metric in COUNTS.items()]
    modifiers = {
        "formula": " + ".join(COUNTS),
        "target": str(workload.concurrency),
        "metricType": "AverageValue",
    }
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": metadata(workload),
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": workload.name},
            "minReplicaCount": max(
                1, workload.scaling.min_replicas
            ),  # with no pod there is nobody to count, nor to wake
            "maxReplicaCount": workload.scaling.max_replicas,
            "pollingInterval": POLL_S,
            "advanced": {
                "horizontalPodAutoscalerConfig": {"behavior": behavior(workload)},
                "scalingModifiers": modifiers,
            },
            "triggers": triggers,
        },
    }


def _trigger(workload: Workload, name: str, metric: str) -> Object:
    placement = workload.placement
    target = str(workload.concurrency)
    if placement.prometheus:
        namespace = f'namespace="{placement.namespace}",' if placement.namespace else ""
        return {
            "type": "prometheus",
            "name": name,
            "metadata": {
                "serverAddress": placement.prometheus,
                "query": f'sum({metric}{{{namespace}pod=~"{workload.name}-.+"}}) or vector(0)',
                "threshold": target,
            },
        }
    return {
        "type": "metrics-api",
        "name": name,
        "metadata": {
            "url": f"http://{workload.name}.{placement.namespace or 'default'}.svc:{PORT}/metrics",
            "format": "prometheus",
            "valueLocation": metric,
            "targetValue": target,
            "aggregateFromKubeServiceEndpoints": "true",
            "aggregationType": "sum",
        },
    }
