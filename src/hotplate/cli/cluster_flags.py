"""The options of commands that can speak of an endpoint in a Kubernetes cluster instead of one on this machine."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, NamedTuple

from hotplate.errors import SettingError

if TYPE_CHECKING:
    from hotplate.targets.kubernetes.api import Api


class There(NamedTuple):
    """A cluster, and the namespace in it."""

    api: Api
    namespace: str


def add_target(parser: argparse.ArgumentParser) -> None:
    """`--target kubernetes`, and which cluster."""
    group = parser.add_argument_group("Of an endpoint in a Kubernetes cluster")
    group.add_argument("--target", choices=("kubernetes",), help="Look in a cluster, and not on this machine")
    group.add_argument("--context", metavar="NAME", help="Context of the kubeconfig; else the last deploy's")
    group.add_argument("--namespace", metavar="NAME", help="Namespace; else the last deploy's")


def is_far(args: argparse.Namespace, name: str = "") -> bool:
    """Whether a cluster is meant: it was said, or an endpoint of this `name` was deployed to one and is not here.

    Raises SettingError for options that only a cluster has.
    """
    if args.target == "kubernetes":
        return True
    for word in ("context", "namespace"):
        if getattr(args, word):
            raise SettingError(f"--{word} is for an endpoint in a cluster.", key=word, hint="Add --target kubernetes.")
    return bool(name) and _is_only_there(name)


def _is_only_there(name: str) -> bool:
    from hotplate.deployment.home import find_home
    from hotplate.targets.kubernetes import memory

    if not memory.find(find_home(), name).context:
        return False
    from hotplate.cli import asking
    from hotplate.client.errors import ConnectionFailed, StatusError

    try:
        with asking.open_control() as control:
            control.get_endpoint(name)
    except ConnectionFailed:
        return True
    except StatusError as error:
        return error.status == 404
    return False


def open_cluster(name: str, context: str | None, namespace: str | None) -> There:
    """The cluster of an endpoint: as asked, else where it was deployed last, else the kubeconfig's current one."""
    from hotplate.deployment.home import find_home
    from hotplate.manifests.grammar import check_name, check_namespace
    from hotplate.targets.kubernetes import memory
    from hotplate.targets.kubernetes.api import Api
    from hotplate.targets.kubernetes.kubeconfig import find_access

    last = memory.find(find_home(), check_name(name))
    access = find_access(context or last.context)
    kept = last.namespace if not context or context == last.context else ""
    return There(Api(access), check_namespace(namespace or kept or access.namespace))
