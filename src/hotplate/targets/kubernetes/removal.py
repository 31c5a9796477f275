"""Takes an endpoint out of a cluster: all that is known by its label, of the kinds that are applied here.

Asked as a dry run first, so that what may not be deleted is known before anything is. Each object is deleted as the one
that was listed, by its uid. The network policy goes last, when the pods have ended, which it keeps others from. A
volume is kept unless it is asked for, and while another endpoint has it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from hotplate.errors import Conflict, HotplateError, NotFound, TargetRefused
from hotplate.targets.kubernetes.api import Api
from hotplate.targets.kubernetes.kinds import KINDS, kind_of, path_of, shown
from hotplate.targets.kubernetes.logs import pods
from hotplate.targets.kubernetes.seen import Workload, seen

ENDPOINT = "hotplate.org/endpoint"
VOLUME = "hotplate.org/volume"
OURS = "app.kubernetes.io/part-of=hotplate"
ORDER = (
    *("ScaledObject", "HorizontalPodAutoscaler", "Service", "Deployment", "PodDisruptionBudget"),
    *("PersistentVolumeClaim", "NetworkPolicy"),
)
"""What scales it first, so that nothing brings it back; the policy last."""
LOOK_S = 1.0

Object = dict[str, Any]


class Found(NamedTuple):
    """What there is of an endpoint, in the order in which it goes. `notes` say what is kept, and why."""

    objects: list[Object]
    notes: list[str]


class Remover:
    """Deletes endpoints of one namespace."""

    def __init__(self, api: Api, namespace: str, *, pause: Callable[[float], None] = time.sleep) -> None:
        self._api = api
        self._namespace = namespace
        self._pause = pause

    def find(self, name: str, *, volumes: bool) -> Found:
        """All that has the endpoint's label; with `volumes` the claim that its pods mount, too.

        Raises:
            NotFound: there is nothing.
            TargetRefused: it may not be looked for.
        """
        found = [each for kind in ORDER if kind != "PersistentVolumeClaim" for each in self._list(kind, name)]
        if not found:
            raise NotFound(
                f"There is no endpoint {name[:70]!r} in the namespace {self._namespace} of {self._api.where[4:]}."
            )
        claims, notes = self._claims(name, found, volumes=volumes)
        return Found(sorted((*found, *claims), key=lambda each: ORDER.index(each["kind"])), notes)

    def try_all(self, objects: Sequence[Object]) -> None:
        """See whether all may be deleted; nothing is. Raises TargetRefused for the first that may not."""
        for each in objects:
            self._delete(each, dry=True)

    def remove(self, name: str, objects: Sequence[Object], wait_s: float, tell: Callable[[str], None]) -> list[str]:
        """Delete them, as many as can be. Gives what went wrong; asking once more goes on with what is left."""
        troubles: list[str] = []
        for each in objects:
            if each["kind"] == "NetworkPolicy" and not self._ended(name, wait_s):
                troubles.append(f"{shown(each)} is kept: pods have not ended after {wait_s:g} s, which it protects")
                continue
            try:
                self._delete(each)
                tell(shown(each))
            except HotplateError as error:
                troubles.append(f"{shown(each)}: {error.message}")
        return troubles

    def _ended(self, name: str, wait_s: float) -> bool:
        """Wait until no pod is left. A login that may not list pods is not kept waiting."""
        end = time.monotonic() + wait_s
        while wait_s:
            try:
                if not pods(self._api, self._namespace, name):
                    return True
            except TargetRefused:
                return True
            except HotplateError:  # no answer now: look again
                pass
            if time.monotonic() >= end:
                return False
            self._pause(LOOK_S)
        return True

    def _delete(self, found: Object, *, dry: bool = False) -> None:
        head = found["metadata"]
        options: dict[str, Any] = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background"}
        if head.get("uid"):
            options["preconditions"] = {"uid": head["uid"]}
        path = path_of(kind_of(found), self._namespace, head["name"])
        query = {"dryRun": "All"} if dry else {}
        try:
            self._api.ask("DELETE", path, f"delete the {shown(found)}", query=query, body=options)
        except NotFound:  # it went meanwhile
            pass
        except Conflict:
            raise TargetRefused(f"The {shown(found)} was made anew meanwhile. Look at it, and ask once more.") from None

    def _list(self, name: str, endpoint: str) -> list[Object]:
        return self._select(name, f"{ENDPOINT}={endpoint}")

    def _select(self, name: str, selector: str) -> list[Object]:
        kind = KINDS[name]
        try:
            found = self._api.get(path_of(kind, self._namespace), f"list {kind.plural}", labelSelector=selector)
        except NotFound:
            if kind.addon:  # it is not installed, so there is none
                return []
            raise
        version = kind.prefix.removeprefix("/apis/").removeprefix("/api/")
        items: list[Object] = found.get("items") or []
        return [{**each, "apiVersion": version, "kind": name} for each in items]

    def _claims(self, name: str, found: Sequence[Object], *, volumes: bool) -> tuple[list[Object], list[str]]:
        mine = {claim for each in found if each["kind"] == "Deployment" for claim in _mounted(each)}
        if not mine:
            return [], []
        if not volumes:
            return [], [f"persistentvolumeclaim {claim} is kept" for claim in sorted(mine)]
        claims: list[Object] = []
        notes: list[str] = []
        others = {
            claim: each["metadata"]["name"]
            for each in self._select("Deployment", OURS)
            if _labels(each).get(ENDPOINT) != name
            for claim in _mounted(each)
        }
        for each in self._select("PersistentVolumeClaim", VOLUME):
            claim = each["metadata"]["name"]
            if claim in mine and claim in others:
                notes.append(f"persistentvolumeclaim {claim} is kept: {others[claim]} has it too")
            elif claim in mine:
                claims.append(each)
        return claims, notes


def _labels(found: Object) -> dict[str, str]:
    return found["metadata"].get("labels") or {}


def _mounted(deployment: Object) -> set[str]:
    """The claims that a Deployment's pods mount."""
    mounts = seen(deployment, Workload).spec.template.spec.volumes or ()
    return {each.persistent_volume_claim.claim_name for each in mounts if each.persistent_volume_claim is not None}
