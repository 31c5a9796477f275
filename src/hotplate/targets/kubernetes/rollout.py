"""Waits until a rollout is over, and says early why it cannot be: an image that is not there, a model that ends.

The old revision's pods stay until the new one's are ready, so a rollout that fails costs no call.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

from hotplate.errors import HotplateError, ProjectError, TargetRefused, TargetUnavailable
from hotplate.targets.kubernetes import events
from hotplate.targets.kubernetes.api import Api, Gone
from hotplate.targets.kubernetes.history import Past, read_deployment, revisions
from hotplate.targets.kubernetes.kinds import DEPLOYMENTS, PODS, path_of
from hotplate.targets.kubernetes.logs import Tail, last_words
from hotplate.targets.kubernetes.refusals import words
from hotplate.targets.kubernetes.seen import ContainerStatus, Pod, Pods, Workload, seen

LOOK_S = 5
"""How long one look at the Deployment waits for it to change, before pods are looked at again."""

_IMAGE = frozenset(("ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError"))
_SECRET = "CreateContainerConfigError"  # noqa: S105 - what a pod says where a Secret is missing
_ENDED = frozenset(("CrashLoopBackOff", "RunContainerError", "CreateContainerError"))

Tell = Callable[[str, str], None]
"""Hears what happens: (step, text)."""


class Counts(NamedTuple):
    """Pods of a Deployment: wanted, of the newest revision, of those able to take calls, and all there are."""

    wanted: int
    updated: int
    available: int
    all: int


class Rollout:
    """One rollout of one endpoint, after it was applied."""

    def __init__(
        self, api: Api, namespace: str, name: str, *, tell: Tell, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._api = api
        self._namespace = namespace
        self._name = name
        self._tell = tell
        self._clock = clock
        self._told: set[str] = set()
        self._tail = Tail(api, namespace)

    def wait(self, generation: int, wait_s: float) -> Workload:
        """Wait, and give the Deployment as it then is.

        Raises:
            ProjectError: the model does not start; `trace` has what it wrote last.
            TargetRefused: the cluster cannot start its pods: no such image, no room in the quota, a missing Secret.
            TargetUnavailable: it is not over after `wait_s` seconds.
        """
        end = self._clock() + wait_s
        while True:
            deployment = read_deployment(self._api, self._namespace, self._name)
            if self._is_over(deployment, generation):
                return deployment
            self._look_at_pods(deployment)
            for each in events.warnings(self._api, self._namespace, self._name):
                self._once("event", f"{each.reason}: {words(each.message)}")
            left = end - self._clock()
            if left <= 0:
                raise TargetUnavailable(
                    f"The new revision of {self._name} is not ready after {wait_s:g} s; the cluster goes on with it. "
                    f"{self._where_it_stands()}"
                )
            self._wait_for_change(deployment, max(1, min(LOOK_S, int(left))))

    def _is_over(self, deployment: Workload, generation: int) -> bool:
        status, wanted = deployment.status, deployment.spec.replicas
        if status.observed_generation < generation:
            return False
        failure = status.condition("ReplicaFailure")
        if failure.status == "True":
            raise TargetRefused(f"The cluster starts no pods of {self._name}: {words(failure.message)}.")
        progress = status.condition("Progressing")
        if progress.reason == "ProgressDeadlineExceeded":
            raise TargetRefused(
                f"The rollout of {self._name} came to a stand: {words(progress.message)}. {self._where_it_stands()}"
            )
        counts = Counts(wanted, status.updated_replicas, status.available_replicas, status.replicas)
        self._once("rollout", f"{counts.updated} of {wanted} pods are new, {counts.available} take calls")
        return counts.updated >= wanted and counts.available >= wanted and counts.all <= counts.updated

    def _look_at_pods(self, deployment: Workload) -> None:
        """Raise as soon as a new pod shows why it will never be ready."""
        newest = next((each for each in revisions(self._api, self._namespace, deployment) if each.current), None)
        for pod in self._pods(newest) if newest is not None else ():
            for each in pod.status.conditions or ():
                if each.type == "PodScheduled" and each.reason == "Unschedulable":
                    self._once("wait", f"No node takes {pod.metadata.name}: {words(each.message)}")
            for status in pod.containers:
                self._look_at(pod, status)
            if pod.status.phase == "Running":
                for line in self._tail.fresh(pod.metadata.name):
                    self._tell("log", f"{pod.metadata.name}: {line.data}")

    def _pods(self, newest: Past) -> tuple[Pod, ...]:
        path, selector = path_of(PODS, self._namespace), f"pod-template-hash={newest.pod_hash}"
        found = self._api.get(path, f"list the pods of {self._name}", labelSelector=selector)
        return seen(found, Pods).items or ()

    def _look_at(self, pod: Pod, status: ContainerStatus) -> None:
        name, ended = pod.metadata.name, status.ended
        reason = status.state.waiting.reason if status.state.waiting else ""
        said = words(status.state.waiting.message) if status.state.waiting else ""
        if reason in _IMAGE:
            raise TargetRefused(
                f"The cluster does not get the image {status.image}: {said}. Push it, and see that the cluster may "
                "pull it (`pull_secrets` of `kubernetes:`)."
            )
        if reason == _SECRET:
            raise TargetRefused(f"The pod {name} cannot be set up: {said}. Make the Secret that it names.")
        if ended is not None and ended.reason == "OOMKilled":
            raise ProjectError(
                f"The pod {name} took more memory than it may.", hint="Give it more with `hardware:`, or --hardware."
            )
        if reason in _ENDED or (ended is not None and ended.exit_code and status.restart_count):
            how = f" with status {ended.exit_code}" if ended is not None else f": {said}"
            raise ProjectError(
                f"The revision does not start: the pod {name} ended{how}.",
                hint=f"`hotplate logs --target kubernetes {self._name}` shows what it printed.",
                trace=last_words(self._api, self._namespace, name, status.name),
            )

    def _once(self, step: str, text: str) -> None:
        if text not in self._told:
            self._told.add(text)
            self._tell(step, text)

    def _where_it_stands(self) -> str:
        return f"`hotplate events --target kubernetes {self._name}` shows how it goes on."

    def _wait_for_change(self, deployment: Workload, seconds: int) -> None:
        query = {
            "fieldSelector": f"metadata.name={self._name}",
            "resourceVersion": deployment.metadata.resource_version,
            "timeoutSeconds": str(seconds),
        }
        path = path_of(DEPLOYMENTS, self._namespace)
        try:
            for _ in self._api.watch(path, f"watch the deployment {self._name}", **query):
                return
        except Gone:  # too old already: the next look reads it anew
            return
        except HotplateError:  # a watch may be cut at any time; the next look says whether more than that is wrong
            time.sleep(min(1.0, seconds))
