"""What whoever applies manifests should know: what they need of the cluster, and what they cannot do."""

from __future__ import annotations

from hotplate.manifests import keda, knative, kubernetes
from hotplate.manifests.labels import CALLER
from hotplate.manifests.placement import PRODUCTS, secret_and_key
from hotplate.manifests.pod import claim_name
from hotplate.manifests.workload import Workload

WAYS = {"kubernetes": kubernetes.objects, "keda": keda.objects, "knative": knative.objects}
"""What manifests can be made for, and what makes them."""


def notes(workload: Workload, way: str) -> list[str]:
    """Sentences, the most important first."""
    found: list[str] = []
    if workload.secrets:
        words = " ".join(f"--from-literal={key}=…" for key in workload.secrets)
        found.append(f"It needs a Secret: kubectl create secret generic {workload.secret} {words}")
    if workload.placement.jobs_secret:
        name, key = secret_and_key(workload.placement.jobs_secret)
        found.append(f"It needs the PostgreSQL URL for jobs in the Secret {name}, under {key}.")
    if workload.volume and workload.scaling.max_replicas > 1 and not workload.placement.volume_access:
        found.append(
            f"The claim {claim_name(workload)} is ReadWriteMany, since several pods mount it; not every StorageClass "
            "can do that."
        )
    found += _of_knative(workload) if way == "knative" else _of_pods(workload, way)
    if not workload.public and way != "knative":
        found.append(f"Only its own namespace may call it, and namespaces with the label {CALLER}=true.")
    return found


def _of_pods(workload: Workload, way: str) -> list[str]:
    found: list[str] = []
    if workload.scaling.min_replicas == 0:
        found.append("It keeps one pod, since with none nobody could wake it; `hotplate export knative` goes to none.")
    if way == "kubernetes" and not workload.fixed:
        found.append("It scales by the processor; `hotplate export keda` scales by calls.")
    if way == "keda" and not workload.placement.prometheus and not workload.fixed:
        found.append("KEDA 2.20 or newer asks the pods themselves; for an older one name a Prometheus.")
        if not workload.placement.namespace:
            found.append("KEDA looks for the pods in the namespace default; name another with --namespace.")
        if not workload.public:
            found.append(f"KEDA has to reach the pods: kubectl label namespace keda {CALLER}=true")
    return found


def _of_knative(workload: Workload) -> list[str]:
    found: list[str] = []
    placement, hardware = workload.placement, workload.hardware
    if knative.timeout_s(workload) > knative.MAX_TIMEOUT_S:
        found.append(
            f"Knative takes no more than {knative.MAX_TIMEOUT_S} s for a call unless max-revision-timeout-seconds in "
            f"its config-defaults says so; this is {knative.timeout_s(workload)} s."
        )
    drawn = {
        "nodeselector": bool(placement.node_selector),
        "affinity": hardware.profile in PRODUCTS and not placement.node_selector,
        "tolerations": bool(placement.tolerations or hardware.gpus),
        "runtimeclassname": bool(placement.runtime_class),
        "priorityclassname": bool(placement.priority_class),
        "persistent-volume-claim": bool(workload.volume),
        "persistent-volume-write": bool(workload.volume),
    }
    if wanted := [name for name, there in drawn.items() if there]:
        flags = ", ".join(f"kubernetes.podspec-{name}" for name in wanted)
        found.append(f"Knative must allow, in its config-features: {flags}.")
    found.append(f"http://api-{workload.name}:8888 reaches pods that run, and wakes none.")
    return found
