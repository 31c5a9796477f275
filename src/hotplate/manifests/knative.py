"""An endpoint as a Knative Service, which scales by calls, and to no replica at all.

https://knative.dev/docs/serving/autoscaling/ says what the annotations mean.
"""

from __future__ import annotations

import math
from typing import Any

from hotplate.manifests.kubernetes import CORTEX_PORT, PROGRESS_S, Object, volume_claim
from hotplate.manifests.labels import REVISION, labels, metadata
from hotplate.manifests.placement import placed
from hotplate.manifests.pod import container, scraped, volumes
from hotplate.manifests.workload import Workload

QUEUE_PORT = 8012
"""Where Knative's own proxy listens in each pod; it holds calls to `containerConcurrency`."""
MAX_DELAY_S = 3600
MAX_TIMEOUT_S = 600
"""`max-revision-timeout-seconds` of a Knative as it is installed."""
_WINDOW_S = (6, 3600)
_SCALING = "autoscaling.knative.dev"
_SERVICE = "serving.knative.dev/service"


def objects(workload: Workload) -> list[Object]:
    """Everything, in the order in which it is applied."""
    return [*([volume_claim(workload)] if workload.volume else []), service(workload), cortex_service(workload)]


def service(workload: Workload) -> Object:
    """The Service, whose pods are confined as everywhere; its root can be written to, since a copy of the image's home
    would need init containers, which Knative has switched off at first."""
    placement = workload.placement
    held = container(workload, read_only=False)
    held["ports"] = [{"name": "http1", "containerPort": held["ports"][0]["containerPort"], "protocol": "TCP"}]
    spec: dict[str, Any] = {
        "containerConcurrency": workload.concurrency,
        "timeoutSeconds": timeout_s(workload),
        "enableServiceLinks": False,
        **({"serviceAccountName": placement.service_account} if placement.service_account else {}),
        **({"runtimeClassName": placement.runtime_class} if placement.runtime_class else {}),
        **({"priorityClassName": placement.priority_class} if placement.priority_class else {}),
        **placed(placement, workload.hardware),
    }
    if placement.pull_secrets:
        spec["imagePullSecrets"] = [{"name": name} for name in placement.pull_secrets]
    spec["containers"] = [held]
    spec["volumes"] = volumes(workload, home=False)
    marks = {REVISION: workload.revision[:12]}
    template = {
        "metadata": {"labels": {**labels(workload.name), **marks}, "annotations": marks_of(workload)},
        "spec": spec,
    }
    near = {} if workload.public else {"networking.knative.dev/visibility": "cluster-local"}
    return {
        "apiVersion": "serving.knative.dev/v1",
        "kind": "Service",
        "metadata": metadata(workload, labels=near),
        "spec": {"template": template},
    }


def marks_of(workload: Workload) -> dict[str, str]:
    """How many pods there are, and for how long."""
    low, high = _WINDOW_S
    found = {
        **scraped(workload),
        f"{_SCALING}/metric": "concurrency",
        f"{_SCALING}/target": str(workload.concurrency),
        f"{_SCALING}/min-scale": str(workload.scaling.min_replicas),
        f"{_SCALING}/max-scale": str(workload.scaling.max_replicas),
        f"{_SCALING}/scale-down-delay": f"{min(MAX_DELAY_S, round(workload.scaling.scale_down_delay_s))}s",
        f"{_SCALING}/window": f"{min(high, max(low, round(workload.scaling.window_s)))}s",
        "serving.knative.dev/progress-deadline": f"{int(workload.setup_timeout_s) + PROGRESS_S}s",
    }
    if workload.scaling.initial_replicas:
        found[f"{_SCALING}/initial-scale"] = str(workload.scaling.initial_replicas)
    return found


def timeout_s(workload: Workload) -> int:
    """How long a call may take, and a pod that ends: Knative has one number for both."""
    return max(1, math.ceil(workload.timeout_s))


def cortex_service(workload: Workload) -> Object:
    """`http://api-NAME:8888`: straight to pods that run, since Knative's own address knows neither name nor port."""
    name = f"api-{workload.name}"
    ports = [{"name": "http", "port": CORTEX_PORT, "protocol": "TCP", "targetPort": QUEUE_PORT}]
    spec = {"type": "ClusterIP", "selector": {_SERVICE: workload.name}, "ports": ports}
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata(workload, name), "spec": spec}
