"""`hotplate deploy --target kubernetes`: what would change is asked first and shown, then applied and waited for."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hotplate.cli import console
from hotplate.cli.build import progress
from hotplate.cli.cluster_workload import of_project, placement
from hotplate.errors import HotplateError, NotFound, ProjectError, RegistryUnreachable, SettingError, TargetRefused

if TYPE_CHECKING:
    from hotplate.deployment.home import Home
    from hotplate.deployment.records import Revision
    from hotplate.dialects.opening import Opened
    from hotplate.manifests.workload import Workload
    from hotplate.targets.kubernetes.api import Api
    from hotplate.targets.kubernetes.apply import Applier, Change

_ELSEWHERE = ("traffic", "abort_error_rate", "url", "port", "control_port")
"""Options of `deploy` that mean nothing in a cluster."""


def deploy(args: argparse.Namespace, home: Home, opened: Opened) -> list[dict[str, Any]] | None:
    """Deploy each API of a project. Gives names and addresses; None where it was only asked what would change.

    Raises:
        TargetRefused, Conflict, TargetUnavailable, NotFound: the cluster says no; before anything is changed, where it
            could be known by then.
        ProjectError: the new revision does not start; the one before goes on serving.
    """
    from hotplate.targets.kubernetes import memory
    from hotplate.targets.kubernetes.api import Api
    from hotplate.targets.kubernetes.apply import Applier
    from hotplate.targets.kubernetes.kubeconfig import find_access

    _check(args)
    place = placement(args, opened.file)
    access = find_access(place.context)
    namespace = place.namespace or access.namespace
    found: list[dict[str, Any]] = []
    with Api(access) as api:
        version = api.get("/version", "say its version").get("gitVersion") or "of an unknown version"
        progress("cluster", f"{access.context} ({version}), namespace {namespace}")
        applier = Applier(api, namespace, force=args.force_conflicts)
        made = [
            _with_image(args, each, home, opened)
            for each in of_project(args, home, opened, _pusher(args, home, opened))
        ]
        plans = [
            (each, _plan(api, applier, each, whole=args.dry_run)) for each in made
        ]  # of all, before the first is applied
        if args.dry_run:
            return None
        for workload, changes in plans:
            _roll(api, applier, workload, changes, args.wait)
            memory.note(home, workload.name, memory.Place(context=access.context, namespace=namespace))
            found.append({"name": workload.name, "endpoint": f"http://{workload.name}.{namespace}.svc"})
    return found


def _check(args: argparse.Namespace) -> None:
    for name in _ELSEWHERE:
        if getattr(args, name) is not None:
            flag = "--" + name.replace("_", "-")
            raise SettingError(f"{flag} is not for the target kubernetes.", key=name, source=flag)
    if args.dry_run and args.push:
        raise SettingError("A dry run pushes nothing.", key="push", source="--push", hint="Leave one of the two out.")


def _pusher(args: argparse.Namespace, home: Home, opened: Opened) -> Callable[..., None] | None:
    """What makes and pushes an image before its workload is planned, with --push."""
    from hotplate.cli.deploy_image import make_image

    def push(revision: Revision, name: str, given: Mapping[str, Any]) -> None:
        make_image(args, revision, name, home, opened, given)

    return push if args.push else None


def _with_image(args: argparse.Namespace, workload: Workload, home: Home, opened: Opened) -> Workload:
    """The workload with its image by its digest: what is deployed stays what it is, whatever the tag later means."""
    from hotplate.cli.push import check_target
    from hotplate.cli.registry_access import Access
    from hotplate.images.found import look
    from hotplate.images.reference import parse

    reference = parse(workload.image)
    if reference.digest:
        return workload
    check_target(reference, named=True)
    push = "`--push` of deploy, or `hotplate build --image --push`, builds and pushes it."
    try:
        with Access(home, opened.file, args.regcred).open(reference) as registry:
            found = look(registry, reference)
    except NotFound as error:
        raise NotFound(f"{error.message} {push}") from None
    except RegistryUnreachable as error:
        progress("note", f"{error.message} Whether the image is there, the cluster will say.")
        return workload
    if found.revision not in ("", workload.revision):
        raise SettingError(
            f"The image {workload.image} is of the revision {found.revision[:12]}, and this project's is "
            f"{workload.revision[:12]}.",
            key="image",
            hint=push,
        )
    return replace(workload, image=f"{workload.image}@{found.digest}")


def _plan(api: Api, applier: Applier, workload: Workload, *, whole: bool) -> list[Change]:
    """Ask what would change, and show it."""
    from hotplate.manifests.documents import to_yaml
    from hotplate.manifests.labels import selector
    from hotplate.manifests.notes import WAYS, notes
    from hotplate.targets.kubernetes.diff import differences
    from hotplate.targets.kubernetes.history import with_applied

    way = "keda" if workload.placement.scaler == "keda" else "kubernetes"
    workload = replace(workload, placement=replace(workload.placement, namespace=applier.namespace))
    _check_secrets(api, applier.namespace, workload)
    for text in notes(replace(workload, secrets=()), way):
        progress("note", text)
    objects = [with_applied(each) if each["kind"] == "Deployment" else each for each in WAYS[way](workload)]
    changes = applier.plan(objects, selector(workload.name))
    text = differences(changes, to_yaml, whole=whole)
    for line in text.splitlines():
        colour = "green" if line.startswith("+") else "red" if line.startswith("-") else "dim"
        console.out(console.paint(console.harmless(line), colour))
    if not text:
        console.out(f"Nothing of {workload.name} would change.")
    return changes


def _check_secrets(api: Api, namespace: str, workload: Workload) -> None:
    """Raise SettingError where a Secret, or a value in it, is missing that the pods name."""
    from hotplate.manifests.placement import secret_and_key
    from hotplate.targets.kubernetes.kinds import SECRETS, path_of

    wanted = {workload.secret: list(workload.secrets)} if workload.secrets else {}
    if workload.placement.jobs_secret:
        name, key = secret_and_key(workload.placement.jobs_secret)
        wanted.setdefault(name, []).append(key)
    for name, keys in wanted.items():
        try:
            found = api.find(path_of(SECRETS, namespace, name), f"read the secret {name}")
        except TargetRefused:  # who deploys need not be allowed to read secrets; the pods will say
            continue
        there: dict[str, str] = (found or {}).get("data") or {}
        if missing := [key for key in keys if key not in there]:
            words = " ".join(f"--from-literal={key}=…" for key in keys)
            raise SettingError(
                f"The Secret {name} in the namespace {namespace} has no {', '.join(missing)}."
                if found
                else f"There is no Secret {name} in the namespace {namespace}, which is to hold {', '.join(missing)}.",
                key="secrets",
                hint=f"kubectl --namespace {namespace} create secret generic {name} {words}",
            )


def _roll(api: Api, applier: Applier, workload: Workload, changes: Sequence[Change], wait_s: float) -> None:
    """Apply, and wait. Where the new revision does not start, the Deployment goes back to what it was."""
    from hotplate.targets.kubernetes.rollout import Rollout

    applied = applier.apply(changes)
    deployment = next(each for each in applied if each["kind"] == "Deployment")
    if not wait_s:
        return
    rollout = Rollout(api, applier.namespace, workload.name, tell=progress)
    try:
        rollout.wait(int(deployment["metadata"].get("generation") or 0), wait_s)
    except (ProjectError, TargetRefused) as error:
        kept = _go_back(applier, changes)
        raise _with_word(error, kept) from None


def _go_back(applier: Applier, changes: Sequence[Change]) -> str:
    """Apply what was applied before. Gives a word about what serves now."""
    from hotplate.targets.kubernetes.apply import Change
    from hotplate.targets.kubernetes.history import applied, with_applied
    from hotplate.targets.kubernetes.seen import Workload, seen

    before = next(each.before for each in changes if each.found["kind"] == "Deployment")
    if before is None:
        return "There was none before it; what was applied is left for you to look at."
    try:
        old = with_applied(applied(seen(before, Workload)))
        applier.apply([Change(old, before, old)])
    except HotplateError as error:
        return f"The one before it goes on serving; its deployment could not be taken back: {error.message}"
    return "The one before it goes on serving, and the deployment is as it was."


def _with_word(error: ProjectError | TargetRefused, word: str) -> HotplateError:
    text = f"{error.message} {word}"
    return (
        ProjectError(text, hint=error.hint, trace=error.trace)
        if isinstance(error, ProjectError)
        else TargetRefused(text)
    )
