"""The revisions of an endpoint that a cluster remembers, and the way back to one of them.

A Deployment's ReplicaSets are its revisions. Going back moves the image and nothing else, as everywhere: variables,
secrets and limits stay as they were set last. So it starts from what was applied last, which the Deployment carries
in an annotation, and puts the other revision's image and marks in.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from hotplate.errors import InvalidInput, NotFound, TargetRefused
from hotplate.targets.kubernetes.api import Api
from hotplate.targets.kubernetes.diff import APPLIED
from hotplate.targets.kubernetes.kinds import DEPLOYMENTS, REPLICA_SETS, path_of
from hotplate.targets.kubernetes.seen import Workload, Workloads, seen

NUMBER = "deployment.kubernetes.io/revision"
REVISION = "hotplate.org/revision"

Object = dict[str, Any]


class Past(NamedTuple):
    """One revision: its number in the cluster, digest, image, when it came, and how many of its pods are ready."""

    number: int
    digest: str
    image: str
    created_at: str
    ready: int
    current: bool
    pod_hash: str


def with_applied(deployment: Object) -> Object:
    """The Deployment with the annotation that a later rollback starts from."""
    made = copy.deepcopy(deployment)
    marks: dict[str, str] = made["metadata"].setdefault("annotations", {})
    marks.pop(APPLIED, None)
    marks[APPLIED] = msgspec.json.encode(made).decode()
    return made


def read_deployment(api: Api, namespace: str, name: str) -> Workload:
    """The Deployment of an endpoint. Raises NotFound."""
    found = api.find(path_of(DEPLOYMENTS, namespace, name), f"read the deployment {name}")
    if found is None:
        raise NotFound(
            f"There is no endpoint {name[:70]!r} in the namespace {namespace} of {api.where[4:]}. "
            "`hotplate deploy --target kubernetes` makes one."
        )
    return seen(found, Workload)


def revisions(api: Api, namespace: str, deployment: Workload) -> list[Past]:
    """Every revision, the newest first."""
    own = deployment.metadata
    selector = ",".join(f"{key}={value}" for key, value in deployment.spec.selector.match_labels.items())
    what = f"list the replica sets of {own.name}"
    found = seen(api.get(path_of(REPLICA_SETS, namespace), what, labelSelector=selector), Workloads)
    past: list[Past] = []
    for each in found.items or ():
        head, template, number = each.metadata, each.spec.template, each.metadata.mark(NUMBER)
        if not number.isdigit() or own.uid not in (owner.uid for owner in head.owner_references or ()):
            continue
        past.append(
            Past(
                int(number),
                template.metadata.mark(REVISION),
                next((container.image for container in template.spec.containers), ""),
                head.creation_timestamp or "",
                each.status.ready_replicas,
                number == own.mark(NUMBER),
                (head.labels or {}).get("pod-template-hash", ""),
            )
        )
    return sorted(past, reverse=True)


def applied(deployment: Workload) -> Object:
    """What was applied last. Raises TargetRefused where it was not Hotplate that applied what is there."""
    try:
        return msgspec.json.decode(deployment.metadata.mark(APPLIED), type=dict[str, Any])
    except msgspec.DecodeError:
        raise TargetRefused(
            f"The deployment {deployment.metadata.name} does not say what was applied last. Deploy it once more with "
            "`hotplate deploy --target kubernetes`."
        ) from None


def back_to(deployment: Workload, past: Past) -> Object:
    """What to apply to go back. Raises TargetRefused where it was not Hotplate that applied what is there."""
    made = applied(deployment)
    template = made["spec"]["template"]
    for each in (*template["spec"].get("initContainers", ()), *template["spec"]["containers"]):
        each["image"] = past.image
    template["metadata"]["labels"][REVISION] = past.digest[:12]
    template["metadata"]["annotations"][REVISION] = past.digest
    return with_applied(made)


def choose(found: Sequence[Past], wanted: str, name: str) -> Past:
    """The revision that a number or the beginning of a digest stands for; without one, the one before.

    Raises:
        InvalidInput: there is none before.
        NotFound: there is no such revision.
    """
    if not wanted:
        # The same code once more under other variables is no revision to go back to.
        current = {each.digest for each in found if each.current}
        before = next((each for each in found if each.digest not in current), None)
        if before is None:
            raise InvalidInput(f"The endpoint {name} has no earlier revision to go back to.")
        return before
    for each in found:
        if wanted == str(each.number) or (len(wanted) > 5 and each.digest.startswith(wanted)):
            return each
    known = ", ".join(f"{each.number} ({each.digest[:12]})" for each in found[:5]) or "none"
    raise NotFound(f"The endpoint {name} has no revision {wanted[:60]!r}. The newest are: {known}.")
