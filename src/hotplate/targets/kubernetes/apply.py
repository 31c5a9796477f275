"""Applies objects server-side, as the field manager `hotplate`: first as a dry run of all of them, of which nothing
stays, then for good.

https://kubernetes.io/docs/reference/using-api/server-side-apply/. What others have set is theirs, and a conflict,
unless it was said to take it over.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from hotplate.errors import NotFound, TargetRefused
from hotplate.targets.kubernetes.api import APPLY, Api
from hotplate.targets.kubernetes.kinds import PODS, Kind, kind_of, path_of, shown

MANAGER = "hotplate"
SCALERS = ("HorizontalPodAutoscaler", "ScaledObject")
OBSOLETE = (*SCALERS, "NetworkPolicy")
"""Kinds of which an endpoint may have had one that it has no more."""

Object = dict[str, Any]


class Change(NamedTuple):
    """What applying an object comes to. `before` is None for a new one, `after` for one that goes."""

    found: Object
    before: Object | None
    after: Object | None


class Applier:
    """Applies to one namespace. `force` takes fields over that others have set."""

    def __init__(self, api: Api, namespace: str, *, force: bool = False) -> None:
        self._api = api
        self.namespace = namespace
        self._force = force

    def plan(self, objects: Sequence[Object], labels: Mapping[str, str]) -> list[Change]:
        """What applying them would change, as the cluster says it. `labels` find what the endpoint had before.

        Raises:
            TargetRefused, Conflict, TargetUnavailable: it would not work; nothing was changed.
        """
        self._check_namespace()
        gone = self._obsolete(objects, labels)
        found: list[Change] = []
        for each in objects:
            before = self._api.find(self._path(each), f"read the {shown(each)}")
            awaits = each["kind"] in SCALERS and any(one["kind"] in SCALERS for one in gone)  # two do not go together
            found.append(Change(each, before, each if awaits else self._apply(each, dry=True)))
            if each["kind"] == "Deployment":
                self._try_pod(each)
        return [*found, *(Change(each, each, None) for each in gone)]

    def apply(self, changes: Sequence[Change]) -> list[Object]:
        """Make them, in their order, what goes first. Gives the objects as they are then."""
        for each in changes:
            if each.after is None:
                self._delete(each.found)
        return [self._apply(each.found) for each in changes if each.after is not None]

    def _apply(self, found: Object, *, dry: bool = False) -> Object:
        query = {"fieldManager": MANAGER, "fieldValidation": "Strict", "force": "true" if self._force else "false"}
        if dry:
            query["dryRun"] = "All"
        body = {**found, "metadata": {**found["metadata"], "namespace": self.namespace}}
        try:
            return self._api.ask(
                "PATCH", self._path(found), f"apply the {shown(found)}", query=query, body=body, kind=APPLY
            )
        except NotFound as error:
            addon = kind_of(found).addon
            if addon:
                raise TargetRefused(
                    f"{addon} is not installed in this cluster, which knows no {found['kind']}."
                ) from None
            raise TargetRefused(error.message) from None

    def _delete(self, found: Object) -> None:
        try:
            self._api.ask("DELETE", self._path(found), f"delete the {shown(found)}")
        except NotFound:
            pass

    def _check_namespace(self) -> None:
        what = f"read the namespace {self.namespace}"
        try:
            self._api.get(f"/api/v1/namespaces/{self.namespace}", what)
        except NotFound:
            raise NotFound(
                f"There is no namespace {self.namespace} in {self._api.where[4:]}. Make it: kubectl create namespace "
                f"{self.namespace}"
            ) from None
        except TargetRefused:
            pass  # who may work in a namespace need not be allowed to look at it

    def _try_pod(self, deployment: Object) -> None:
        """Have a pod of it admitted, as a dry run: quotas, security rules and limits are asked about pods alone."""
        template = deployment["spec"]["template"]
        name = deployment["metadata"]["name"]
        pod: Object = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {**template["metadata"], "generateName": f"{name}-", "namespace": self.namespace},
            "spec": {key: value for key, value in template["spec"].items() if key != "topologySpreadConstraints"},
        }
        what = f"start a pod of {name}"
        try:
            self._api.ask("POST", path_of(PODS, self.namespace), what, query={"dryRun": "All"}, body=pod)
        except TargetRefused as error:
            if error.message.startswith("You may not"):  # who applies a Deployment need not be allowed to make pods
                return
            raise

    def _obsolete(self, objects: Sequence[Object], labels: Mapping[str, str]) -> list[Object]:
        """What the endpoint had of these kinds, and would not have now."""
        kept = {(each["kind"], each["metadata"]["name"]) for each in objects}
        selector = ",".join(f"{key}={value}" for key, value in labels.items())
        found: list[Object] = []
        for name in OBSOLETE:
            kind = kind_of({"kind": name})
            for each in self._list(kind, selector):
                if (name, each["metadata"]["name"]) not in kept:
                    found.append({**each, "apiVersion": kind.prefix.removeprefix("/apis/"), "kind": name})
        return found

    def _list(self, kind: Kind, selector: str) -> list[Object]:
        try:
            path = path_of(kind, self.namespace)
            return self._api.get(path, f"list {kind.plural}", labelSelector=selector).get("items") or []
        except (NotFound, TargetRefused):  # an add-on that is not there, or that is none of this login's business
            return []

    def _path(self, found: Object) -> str:
        return path_of(kind_of(found), self.namespace, found["metadata"]["name"])
