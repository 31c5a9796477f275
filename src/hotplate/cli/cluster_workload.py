"""From a command line to what an endpoint is in a cluster: of a project, which is built, or of a deployed endpoint."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hotplate.cli.build import options_of, progress
from hotplate.cli.endpoint_flags import read_settings
from hotplate.cli.opening import open_from
from hotplate.errors import SettingError

if TYPE_CHECKING:
    from hotplate.config.file_reader import ProjectFile
    from hotplate.deployment.home import Home
    from hotplate.deployment.records import Revision
    from hotplate.dialects.opening import Opened
    from hotplate.manifests.placement import Placement
    from hotplate.manifests.workload import Workload

FLAG = "--kubernetes"


def add_cluster(parser: argparse.ArgumentParser, *, applies: bool = False) -> None:
    """The options about a cluster. `applies`: those too that only who changes one has."""
    group = parser.add_argument_group("In a Kubernetes cluster")
    group.add_argument("--namespace", metavar="NAME", help="Namespace; else that of the context")
    group.add_argument(
        FLAG,
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="A key of `kubernetes:`, such as node_selector=disktype=ssd or volume_size=50Gi. Repeatable",
    )
    if not applies:
        group.add_argument("--image", metavar="TAG", help="Its image; else by `registry:` of the project file")
    else:
        group.add_argument("--context", metavar="NAME", help="Context of the kubeconfig; else its current one")
        group.add_argument("--dry-run", action="store_true", help="Show what would change, and change nothing")
        group.add_argument(
            "--force-conflicts", action="store_true", help="Take over fields that others have set in the cluster"
        )


def is_far(args: argparse.Namespace, file: ProjectFile | None) -> bool:
    """Whether a project is to be deployed to a cluster: as asked, else as its file or HOTPLATE_TARGET says.

    Raises:
        SettingError: an option is given that only a cluster has.
    """
    from hotplate.config.resolve import resolve

    if (args.target or resolve(environ=os.environ, file=file).settings.target) == "kubernetes":
        return True
    for name in ("context", "namespace", "kubernetes", "dry_run", "force_conflicts"):
        if getattr(args, name):
            flag = "--" + name.replace("_", "-")
            raise SettingError(f"{flag} is for a cluster.", key=name, source=flag, hint="Add --target kubernetes.")
    return False


def workloads(args: argparse.Namespace) -> list[Workload]:
    """What the arguments name.

    Raises:
        SettingError: a value may not stand in a manifest, or it is not known where the image is.
        ProjectError: the project cannot be built.
    """
    from hotplate.deployment.home import find_home

    home = find_home()
    if (name := _deployed(args)) is not None:
        return [_of_endpoint(args, home, name)]
    return of_project(args, home, open_from(args))


def of_project(
    args: argparse.Namespace,
    home: Home,
    opened: Opened,
    prepare: Callable[[Revision, str, Mapping[str, Any]], None] | None = None,
) -> list[Workload]:
    """Build a project, and say what it is in a cluster. `prepare` gets each revision, its name and settings first."""
    from hotplate.build.make import make
    from hotplate.build.result import facts
    from hotplate.cli.deploy_settings import from_files

    place = placement(args, opened.file)  # before what takes time
    built = make(opened, home=home, options=options_of(args), progress=progress)
    if len(built) > 1 and (args.name or args.image):
        key = "name" if args.name else "image"
        raise SettingError(f"This project has {len(built)} APIs.", key=key, hint="Pick one with --api, or none.")
    found: list[Workload] = []
    for each in built:
        told = facts(each, opened.project, args.name or "")
        written = from_files(opened.project.root, opened.file, told["api"] or None)
        given = {**written, **read_settings(args, written)}
        if prepare is not None:
            prepare(each.revision, told["name"], given)
        found.append(_workload(args, told["name"], each.revision, given, opened.file, place))
    return found


def _deployed(args: argparse.Namespace) -> str | None:
    """The endpoint that is meant, where the one argument is a name and no folder."""
    from hotplate.deployment.names import ENDPOINT

    if len(args.paths) != 1 or Path(args.paths[0]).exists():
        return None
    import re

    return args.paths[0] if re.fullmatch(ENDPOINT, args.paths[0]) else None


def _of_endpoint(args: argparse.Namespace, home: Home, name: str) -> Workload:
    """The endpoint as it serves now, with its settings."""
    from hotplate.cli.asking import open_control
    from hotplate.config.project_file import load_project_file
    from hotplate.control.publication import read_revision
    from hotplate.control.settings import EndpointSettings

    with open_control() as control:
        found = control.get_endpoint(name)
    if not found["traffic"]:
        raise SettingError(f"The endpoint {name} has no revision.", hint="`hotplate deploy` gives it one.")
    share = max(found["traffic"], key=lambda each: each["percent"])
    revision = read_revision(home, share["revision"])
    kept = {field: found[field] for field in EndpointSettings.__struct_fields__ if field in found}
    file = load_project_file(Path(revision.root))
    given = {**kept, **read_settings(args, kept)}
    return _workload(args, args.name or name, revision, given, file, placement(args, file))


def _workload(
    args: argparse.Namespace,
    name: str,
    revision: Revision,
    given: Mapping[str, Any],
    file: ProjectFile | None,
    place: Placement,
) -> Workload:
    from hotplate.config.resolve import resolve
    from hotplate.control import settings
    from hotplate.manifests.workload import workload_of

    endpoint = settings.read_settings({key: value for key, value in given.items() if key != "target"})
    project = resolve(environ={}, file=file).settings
    return workload_of(name, revision, image_of(args, name, revision.digest, file), endpoint, project, place)


def placement(args: argparse.Namespace, file: ProjectFile | None) -> Placement:
    """Where in a cluster: the project file's words, and the flags', which win."""
    from hotplate.config.cluster_keys import read_pairs
    from hotplate.manifests.placement import placement_of

    written: Mapping[str, Any] = file.deploy.get("kubernetes", {}) if file is not None else {}
    flags: dict[str, Any] = {
        name: value for name in ("context", "namespace") if (value := getattr(args, name, None)) is not None
    }
    return placement_of({**written, **read_pairs(args.kubernetes, FLAG), **flags})


def image_of(args: argparse.Namespace, name: str, digest: str, file: ProjectFile | None) -> str:
    """The image that a cluster can fetch. Raises SettingError where no registry is named."""
    from hotplate.cli.build_image import tag_of

    if args.image:
        return args.image
    registry: Mapping[str, str] = file.deploy.get("registry", {}) if file is not None else {}
    if not registry.get("host"):
        raise SettingError(
            "It is not known where the image is that the cluster is to fetch.",
            key="image",
            hint="Name its registry in hotplate.yaml (registry: with host and path), or give --image "
            "registry.example.org/team/name:v1.",
        )
    return tag_of(name, digest, registry)
