"""Push an image to its registry: the one that was built last of the project here, one by its tag, or an archive."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from hotplate.cli import console
from hotplate.cli.build import progress
from hotplate.cli.parsing import add_output
from hotplate.cli.registry_access import Access, add_login
from hotplate.errors import SettingError

if TYPE_CHECKING:
    from hotplate.deployment.home import Home
    from hotplate.images.reference import Reference

EXAMPLES = """\
examples:
  hotplate push
  hotplate push hello-world:9f3c0a1b2c3d --to registry.example.org/team/hello-world:v1
  hotplate push --archive image.tar --to ghcr.io/ann/hello-world:v1 --regcred ghcr"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of `push`."""
    parser.epilog = EXAMPLES
    parser.add_argument("tag", nargs="?", default="", metavar="TAG", help="Image to push; else the project's last one")
    parser.add_argument("--to", metavar="TAG", default="", help="Another name to push it under, with its registry")
    parser.add_argument("--archive", type=Path, metavar="FILE", help="Push the image of an OCI archive or layout")
    parser.add_argument("--platform", metavar="PLATFORM", default="", help="Which image of an archive with several")
    add_login(parser)
    add_output(parser)


def main(args: argparse.Namespace) -> int:
    """Push, and print the image's name with its digest."""
    from hotplate.config.project_file import load_project_file
    from hotplate.deployment.home import find_home
    from hotplate.images import latest
    from hotplate.images.built import using
    from hotplate.images.reference import parse

    home, here = find_home(), Path.cwd()
    access = Access(home, load_project_file(here), args.regcred)
    tag: str = args.tag
    if args.archive is None and not tag:
        tag = latest.find(home, here) or ""
        if not tag:
            hint = "`hotplate build --image` builds one; or name one: hotplate push TAG"
            raise SettingError("No image was built of the project in this folder.", hint=hint)
    name: str = args.to or tag
    if not name:
        raise SettingError("An archive is pushed under a name.", hint="Give it: --to registry.example.org/team/name:v1")
    target = parse(name)
    check_target(target, named=bool(args.to))
    access.check(target.registry)
    with using(home):
        if args.archive is not None:
            digest = _from_archive(args, home, target, access)
        else:
            digest = push_built(home, tag, target, access)
    if args.output == "json":
        console.out_json({"tag": str(target), "digest": digest})
    else:
        console.out(f"{target}@{digest}" if digest else str(target))
    return 0


def check_target(target: Reference, *, named: bool = False) -> None:
    """Refuse a name that has no registry: what people call `hello-world` is nobody's at Docker Hub."""
    if target.digest:
        raise SettingError(f"{target} ends in a digest; an image is pushed under a tag.")
    if not named and target.registry == "docker.io" and target.repository.startswith("library/"):
        raise SettingError(
            f"{target.repository.removeprefix('library/')}:{target.asked} has no registry.",
            key="registry",
            hint="Say where it goes in hotplate.yaml (registry: with host and path), or with --to "
            "registry.example.org/team/name:v1.",
        )


def push_built(home: Home, tag: str, target: Reference, access: Access) -> str:
    """Push an image that was built on this machine, by whichever builder. Gives its digest, where it is known."""
    from hotplate.images import built
    from hotplate.images.blobs import Blobs
    from hotplate.images.reference import parse
    from hotplate.images.registry_upload import upload_image

    found = built.find(home, parse(tag))
    if found is None:
        return _with_engine(tag, target, access)
    blobs = Blobs(home.images / "blobs")
    with access.open(target) as registry:
        mount = found.base_repository if found.base_registry == target.registry else ""
        return upload_image(registry, target, blobs.read(found.digest), blobs, mount=mount, progress=progress)


def _with_engine(tag: str, target: Reference, access: Access) -> str:
    from hotplate.engine.engine import find_engine
    from hotplate.images.engine_transfer import push
    from hotplate.images.grammar import check_image

    engine = find_engine()
    if not engine.has(check_image(tag)):
        hint = "`hotplate build --image` builds it."
        raise SettingError(f"There is no image {tag} on this machine, neither here nor with {engine.kind}.", hint=hint)
    push(engine, tag, target, access.login(target.registry, own_alone=True), progress)
    return ""


def _from_archive(args: argparse.Namespace, home: Home, target: Reference, access: Access) -> str:
    from hotplate.build.full_disk import disk_errors
    from hotplate.images.archive import read_archive
    from hotplate.images.blobs import Blobs
    from hotplate.images.planning import here
    from hotplate.images.registry_upload import upload_image

    blobs = Blobs(home.images / "blobs")
    with disk_errors(home):
        progress("push", f"Reading {args.archive}")
        part = read_archive(args.archive, args.platform or here(), blobs)
    with access.open(target) as registry:
        return upload_image(registry, target, blobs.read(part.digest), blobs, progress=progress)
