"""What a Kubernetes cluster of a test is: the objects that were applied, and what its controllers make of them."""

from __future__ import annotations

import copy
import hashlib
import json
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

NAMESPACE = "models"
_HASH = "deployment.kubernetes.io/revision"


def status(code: int, reason: str, message: str, **details: Any) -> dict[str, Any]:
    """A refusal, as the API has it."""
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": reason,
        "details": details,
        "code": code,
    }


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


@dataclass
class Answer:
    """What to say to requests of a method whose path ends so. `dry`: to dry runs alone, or never to them."""

    method: str
    path: str
    body: dict[str, Any]
    times: int = 1_000
    dry: bool | None = None
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Asked:
    method: str
    path: str
    query: dict[str, str]
    body: Any
    headers: dict[str, str]

    @property
    def dry(self) -> bool:
        return self.query.get("dryRun") == "All"


class Cluster:
    """`outcome` is what becomes of new pods: ready, image, crash, memory, secret, quota, stuck.

    `slow` is how many looks a rollout takes; pods that are `lingering` do not end."""

    def __init__(self) -> None:
        self.url = ""
        self.objects: dict[tuple[str, str], dict[str, Any]] = {}
        self.events: list[dict[str, Any]] = []
        self.secrets: dict[str, dict[str, str]] = {}
        self.images: dict[str, bytes] = {}
        self.asked: list[Asked] = []
        self.answers: list[Answer] = []
        self.watch_ends_gone = False
        self.outcome = "ready"
        self.slow = 0
        self.lingering = False
        self.token = "the right one"
        self.logs: dict[str, str] = {}
        self.version = 0
        self.lock = threading.RLock()

    def kubeconfig(self, path: Path, **user: Any) -> Path:
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "test",
            "clusters": [{"name": "c", "cluster": {"server": self.url}}],
            "users": [{"name": "u", "user": user or {"token": self.token}}],
            "contexts": [{"name": "test", "context": {"cluster": "c", "user": "u", "namespace": NAMESPACE}}],
        }
        path.write_text(yaml.safe_dump(document))
        return path

    @property
    def registry(self) -> str:
        """The host of the registry that this is as well."""
        return self.url.removeprefix("http://")

    def push(self, repository: str, tag: str, revision: str = "") -> str:
        """Have an image in the registry, which says of which revision it is; gives its digest."""
        labels = {"org.hotplate.revision": revision} if revision else {}
        config = json.dumps(
            {
                "architecture": "amd64",
                "os": "linux",
                "rootfs": {"type": "layers", "diff_ids": []},
                "config": {"Labels": labels, "Env": [f"TAG={tag}"]},
            }
        ).encode()
        named = {
            "mediaType": "application/vnd.oci.image.config.v1+json",
            "digest": _digest(config),
            "size": len(config),
        }
        kind = "application/vnd.oci.image.manifest.v1+json"
        manifest = json.dumps({"schemaVersion": 2, "mediaType": kind, "config": named, "layers": []}).encode()
        self.images[f"/v2/{repository}/blobs/{_digest(config)}"] = config
        for name in (tag, _digest(manifest)):
            self.images[f"/v2/{repository}/manifests/{name}"] = manifest
        return _digest(manifest)

    def changes(self) -> list[Asked]:
        """What was asked that changes something."""
        return [each for each in self.asked if each.method != "GET" and not each.dry]

    def names(self, plural: str) -> set[str]:
        return {name for kind, name in self.objects if kind == plural}

    def deployment(self, name: str) -> dict[str, Any]:
        return self.objects["deployments", name]

    def image(self, name: str) -> str:
        return self.deployment(name)["spec"]["template"]["spec"]["containers"][0]["image"]

    def apply(self, plural: str, name: str, body: dict[str, Any], *, dry: bool) -> dict[str, Any]:
        before = self.objects.get((plural, name))
        made = copy.deepcopy(body)
        head = made["metadata"]
        old = before["metadata"] if before else {}
        changed = before is None or before["spec"] != {**before["spec"], **made["spec"]}
        head["uid"] = old.get("uid", f"uid-{plural}-{name}")
        head["creationTimestamp"] = "2026-01-02T03:04:05Z"
        head["generation"] = old.get("generation", 0) + changed
        head["managedFields"] = [{"manager": "hotplate", "operation": "Apply"}]
        if plural == "deployments":
            made["spec"].setdefault("replicas", before["spec"]["replicas"] if before else 1)
            made["status"] = before["status"] if before else {}
        if dry:
            head["resourceVersion"] = old.get("resourceVersion", "0")
            return made
        self.version += 1
        head["resourceVersion"] = str(self.version)
        self.objects[plural, name] = made
        if plural == "deployments":
            self._roll(made, before)
        return made

    def delete(self, plural: str, name: str) -> None:
        """Take an object away, and with a Deployment what belongs to it; its pods, unless they linger."""
        self.objects.pop((plural, name))
        for key, each in list(self.objects.items()):
            mine = each["metadata"].get("labels", {}).get("hotplate.org/endpoint") == name
            gone = ("replicasets",) if self.lingering else ("replicasets", "pods")
            if plural == "deployments" and mine and key[0] in gone:
                del self.objects[key]

    def _roll(self, made: dict[str, Any], before: dict[str, Any] | None) -> None:
        """What the controllers of Deployments and ReplicaSets do."""
        name, template, wanted = made["metadata"]["name"], made["spec"]["template"], made["spec"]["replicas"]
        marks = made["metadata"].setdefault("annotations", {})
        sets = [each for (plural, _), each in self.objects.items() if plural == "replicasets"]
        own = [each for each in sets if each["spec"]["template"] == template]
        newest = max((int(each["metadata"]["annotations"][_HASH]) for each in sets), default=0)
        if before is None or before["spec"]["template"] != template:
            newest += 1
            found = own[0] if own else self._replica_set(name, template, newest, made["metadata"]["uid"])
            found["metadata"]["annotations"][_HASH] = str(newest)
        marks[_HASH] = str(newest)
        returning = bool(own)
        outcome = "ready" if returning else self.outcome
        ready = {"updatedReplicas": wanted, "availableReplicas": wanted, "replicas": wanted, "conditions": []}
        self._pods(name, newest, wanted, outcome)
        if outcome != "ready":
            ready = {"updatedReplicas": 1, "availableReplicas": wanted if before else 0, "replicas": wanted + 1}
            ready["conditions"] = _conditions(outcome)
        made["status"] = {"observedGeneration": made["metadata"]["generation"], **ready}
        if self.slow and outcome == "ready":
            made["steps"] = [
                {**made["status"], "updatedReplicas": 1, "availableReplicas": wanted, "replicas": wanted + 1}
                for _ in range(self.slow)
            ]

    def _replica_set(self, name: str, template: dict[str, Any], number: int, owner: str) -> dict[str, Any]:
        made = {
            "metadata": {
                "name": f"{name}-h{number}",
                "labels": {**template["metadata"]["labels"], "pod-template-hash": f"h{number}"},
                "annotations": {},
                "ownerReferences": [{"uid": owner}],
                "creationTimestamp": "2026-01-02T03:04:05Z",
            },
            "spec": {"template": copy.deepcopy(template), "selector": {}},
            "status": {"readyReplicas": 1},
        }
        self.objects["replicasets", f"{name}-h{number}"] = made
        return made

    def _pods(self, name: str, number: int, wanted: int, outcome: str) -> None:
        for key in [key for key in self.objects if key[0] == "pods" and outcome == "ready"]:
            del self.objects[key]
        for each in range(wanted if outcome == "ready" else 1):
            pod = f"{name}-h{number}-{each}"
            labels = {"hotplate.org/endpoint": name, "pod-template-hash": f"h{number}"}
            container = {"name": "endpoint", "image": "registry.example.org/team/hello:v1", "restartCount": 0}
            self.objects["pods", pod] = {
                "metadata": {"name": pod, "labels": labels, "creationTimestamp": "2026-01-02T03:04:05Z"},
                "status": {"phase": "Running", "containerStatuses": [{**container, **_container(outcome)}]},
            }


def _container(outcome: str) -> dict[str, Any]:
    """How a pod's container is, as the kubelet writes it."""
    back = 'Back-off pulling image "registry.example.org/team/hello:v1"'
    crash = "back-off 10s restarting failed container=endpoint pod=hello-h2-0_models(6f4f)"
    secret = "couldn't find key HF_TOKEN in Secret models/hello-secrets"
    return {
        "ready": {"state": {"running": {"startedAt": "2026-01-02T03:04:05Z"}}},
        "image": {"state": {"waiting": {"reason": "ImagePullBackOff", "message": back}}},
        "secret": {"state": {"waiting": {"reason": "CreateContainerConfigError", "message": secret}}},
        "crash": {
            "restartCount": 2,
            "state": {"waiting": {"reason": "CrashLoopBackOff", "message": crash}},
            "lastState": {"terminated": {"exitCode": 1, "reason": "Error"}},
        },
        "memory": {
            "restartCount": 1,
            "state": {"running": {}},
            "lastState": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}},
        },
    }.get(outcome, {"state": {"waiting": {"reason": "ContainerCreating"}}})


def _conditions(outcome: str) -> list[dict[str, Any]]:
    quota = (
        'pods "hello-h2-x7v4p" is forbidden: exceeded quota: compute, requested: requests.memory=4Gi, used: '
        "requests.memory=6Gi, limited: requests.memory=8Gi"
    )
    stand = 'ReplicaSet "hello-h2" has timed out progressing.'
    return {
        "quota": [{"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": quota}],
        "stuck": [{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": stand}],
    }.get(outcome, [])
