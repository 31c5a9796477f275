"""The pod of an endpoint: its one container, what it may do and what it has, and how its health is asked for."""

from __future__ import annotations

import math
from typing import Any

from hotplate.engine.layout import HOME, PORT, USER_ID, VOLUME
from hotplate.manifests.grammar import variable_value
from hotplate.manifests.labels import REVISION, labels
from hotplate.manifests.placement import placed, secret_and_key
from hotplate.manifests.workload import Workload

CONTAINER = "endpoint"
LEAST = {"cpu": "500m", "memory": "512Mi"}
"""What a pod asks for where `hardware:` says nothing: else it would be the first that a full node ends."""

_PROBE_S = 5
_MIB = 1 << 20
_COPY = f"if [ -d {HOME} ]; then cp -R {HOME}/. /copy/; fi"
"""The home of the image is read-only in a pod, as is all of it; a volume over it would hide what a build put there.
Not `cp -a`: the volume's own folder belongs to root, and its times cannot be set."""


def template(workload: Workload) -> dict[str, Any]:
    """The pod, as a Deployment has it."""
    placement = workload.placement
    spec: dict[str, Any] = {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": workload.grace_period_s,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER_ID,
            "runAsGroup": USER_ID,
            "fsGroup": USER_ID,
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": {"type": "RuntimeDefault"},
        },
    }
    if placement.service_account:
        spec["serviceAccountName"] = placement.service_account
    if placement.runtime_class:
        spec["runtimeClassName"] = placement.runtime_class
    if placement.priority_class:
        spec["priorityClassName"] = placement.priority_class
    if placement.pull_secrets:
        spec["imagePullSecrets"] = [{"name": name} for name in placement.pull_secrets]
    spec |= placed(placement, workload.hardware)
    spec["topologySpreadConstraints"] = [
        _spread(workload, "kubernetes.io/hostname"),
        _spread(workload, "topology.kubernetes.io/zone"),
    ]
    spec["initContainers"] = [_home(workload)]
    spec["containers"] = [container(workload)]
    spec["volumes"] = volumes(workload)
    marks = {REVISION: workload.revision[:12]}
    return {"metadata": {"labels": {**labels(workload.name), **marks}, "annotations": scraped(workload)}, "spec": spec}


def container(workload: Workload, *, read_only: bool = True) -> dict[str, Any]:
    """The container that serves. `read_only`: whether its root is, which needs the copied home beside it."""
    mounts = [{"name": "home", "mountPath": HOME}] if read_only else []
    mounts.append({"name": "tmp", "mountPath": "/tmp"})  # noqa: S108 - in the pod
    if workload.volume:
        mounts.append({"name": "volume", "mountPath": VOLUME})
    return {
        "name": CONTAINER,
        "image": workload.image,
        "ports": [{"name": "http", "containerPort": PORT, "protocol": "TCP"}],
        "env": variables(workload),
        "resources": resources(workload),
        "startupProbe": {
            "httpGet": {"path": "/readyz", "port": PORT},
            "periodSeconds": _PROBE_S,
            "timeoutSeconds": _PROBE_S,
            "failureThreshold": max(1, math.ceil(workload.setup_timeout_s / _PROBE_S)),
        },
        "readinessProbe": {
            "httpGet": {"path": "/readyz", "port": PORT},
            "periodSeconds": _PROBE_S,
            "timeoutSeconds": _PROBE_S,
            "failureThreshold": 2,
        },
        "livenessProbe": {
            "httpGet": {"path": "/livez", "port": PORT},
            "periodSeconds": 10,
            "timeoutSeconds": 10,
            "failureThreshold": 6,
        },
        "securityContext": confined(read_only=read_only),
        "volumeMounts": mounts,
    }


def variables(workload: Workload) -> list[dict[str, Any]]:
    """The container's variables. Values of secrets stand in none: the cluster puts them in from a Secret."""
    own = {
        "HOTPLATE_PORT": str(PORT),
        "HOTPLATE_WORKERS": "1",  # one pod is one replica, as everywhere
        "HOTPLATE_GRACE": f"{workload.grace_s:g}s",
        "HOTPLATE_DRAIN_DELAY": f"{workload.drain_delay_s:g}s",
        **({} if workload.placement.jobs_secret else {"HOTPLATE_JOBS": "off"}),
    }
    values = {**workload.env, **own, **workload.limits}
    found: list[dict[str, Any]] = [
        {"name": name, "value": variable_value(value)} for name, value in values.items() if name not in workload.secrets
    ]
    found += [_from_secret(key, workload.secret, key) for key in workload.secrets]
    if workload.placement.jobs_secret:
        found.append(_from_secret("HOTPLATE_JOBS_STORE", *secret_and_key(workload.placement.jobs_secret)))
    return found


def resources(workload: Workload) -> dict[str, Any]:
    """What one replica asks for, and may have at most: the limits of `hardware:`."""
    hardware = workload.hardware
    limits: dict[str, str] = {}
    if hardware.cpus is not None:
        limits["cpu"] = f"{round(hardware.cpus * 1000)}m" if hardware.cpus % 1 else f"{hardware.cpus:g}"
    if hardware.memory_bytes is not None:
        whole, rest = divmod(hardware.memory_bytes, _MIB)
        limits["memory"] = f"{-(-hardware.memory_bytes // 1024)}Ki" if rest else f"{whole}Mi"
    asked = {**LEAST, **limits}
    if hardware.gpus:
        limits[workload.placement.gpu_resource] = asked[workload.placement.gpu_resource] = str(hardware.gpus)
    return {"requests": asked, "limits": limits} if limits else {"requests": asked}


def confined(*, read_only: bool) -> dict[str, Any]:
    """What the container may not do."""
    return {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": read_only,
        "runAsNonRoot": True,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def volumes(workload: Workload, *, home: bool = True) -> list[dict[str, Any]]:
    """The volumes behind the container's mounts."""
    found: list[dict[str, Any]] = [{"name": "home", "emptyDir": {}}] if home else []
    found.append({"name": "tmp", "emptyDir": {}})
    if workload.volume:
        found.append({"name": "volume", "persistentVolumeClaim": {"claimName": claim_name(workload)}})
    return found


def claim_name(workload: Workload) -> str:
    """The claim behind a volume. Endpoints that name the same volume share it."""
    return f"hotplate-volume-{workload.volume}"


def scraped(workload: Workload) -> dict[str, str]:
    """Annotations by which a Prometheus finds the metrics, and the whole digest of the revision."""
    return {
        REVISION: workload.revision,
        "prometheus.io/scrape": "true",
        "prometheus.io/port": str(PORT),
        "prometheus.io/path": "/metrics",
    }


def _home(workload: Workload) -> dict[str, Any]:
    asked = {
        kind: {name: amount for name, amount in amounts.items() if name in LEAST}
        for kind, amounts in resources(workload).items()
    }
    return {
        "name": "home",
        "image": workload.image,
        "command": ["/bin/sh", "-c", _COPY],
        "resources": {kind: amounts for kind, amounts in asked.items() if amounts},
        "securityContext": confined(read_only=True),
        "volumeMounts": [{"name": "home", "mountPath": "/copy"}],
    }


def _from_secret(name: str, secret: str, key: str) -> dict[str, Any]:
    return {"name": name, "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}}


def _spread(workload: Workload, key: str) -> dict[str, Any]:
    return {
        "maxSkew": 1,
        "topologyKey": key,
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": {"hotplate.org/endpoint": workload.name}},
        "matchLabelKeys": ["pod-template-hash"],
    }
