"""Images in a deploy: of a revision whose replicas will be containers, pushed if asked, or one that stands for it.

They are made before the deploy, so that errors are seen there.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from hotplate.cli import console
from hotplate.cli.build import progress
from hotplate.config.resolve import resolve
from hotplate.errors import SettingError

if TYPE_CHECKING:
    from hotplate.build.make import Built
    from hotplate.deployment.home import Home
    from hotplate.deployment.records import Revision
    from hotplate.dialects.opening import Opened
    from hotplate.images.reference import Reference


def add_image(parser: argparse.ArgumentParser) -> None:
    """The options about images and registries."""
    from hotplate.cli.registry_access import add_login

    group = parser.add_argument_group("Container images (replicas are containers then)")
    group.add_argument(
        "-i",
        "--image",
        metavar="TAG",
        help="Deploy this image, which `hotplate build --image` made, instead of building the project: one of a "
        "registry is pulled, and kept by its digest",
    )
    group.add_argument(
        "--push", action="store_true", help="Push the revision's image to the registry that the project file names"
    )
    add_login(group)


def check_image(args: argparse.Namespace, *, elsewhere: bool) -> None:
    """Refuse what does not go together, before anything is done."""
    if args.image and args.push:
        raise SettingError("--image is in its registry already.", key="push", hint="`hotplate push` sends images on.")
    flag = "--image" if args.image else "--push"
    if elsewhere and (args.image or args.push):
        raise SettingError(f"{flag} is for the engine of this machine.", key="url", hint="Run it where that one is.")
    if args.image and args.target == "local":
        raise SettingError("Replicas of an image are containers.", key="target", hint="Leave --target out.")


def make_image(
    args: argparse.Namespace, revision: Revision, name: str, home: Home, opened: Opened, settings: Mapping[str, Any]
) -> None:
    """Make it, and push it, as far as the target is known here. Where it is not, the server makes the image.

    Raises:
        ImageFailed, EngineRefused, EngineUnavailable, SettingError: it cannot be made or pushed.
    """
    target = settings.get("target") or resolve(environ=os.environ, file=opened.file).settings.target
    if target != "docker" and not args.push:
        return
    from hotplate.engine.engine import find_engine
    from hotplate.images.revision_image import ensure

    to = _registry_tag(revision, name, opened) if args.push else None
    engine = find_engine()
    tag = ensure(revision, home, engine, lambda text: progress("image", text), scripts=True)
    if to is not None:
        from hotplate.cli.registry_access import Access
        from hotplate.images.engine_transfer import push

        access = Access(home, opened.file, args.regcred)
        access.check(to.registry)
        push(engine, tag, to, access.login(to.registry, own_alone=True), progress)
        console.err(f"Pushed {to}")


def image_revision(args: argparse.Namespace, home: Home, opened: Opened) -> Built:
    """The revision that an image is, which is pulled if it is in a registry.

    Raises:
        EngineRefused, EngineUnavailable, SettingError: it cannot be had, or is none that Hotplate built.
    """
    from hotplate.build.make import Built
    from hotplate.cli.registry_access import Access
    from hotplate.engine.engine import find_engine
    from hotplate.images.image_revision import fetch, keep
    from hotplate.images.reference import parse

    access = Access(home, opened.file, args.regcred)
    access.check(parse(args.image).registry)
    engine = find_engine()
    image = fetch(engine, args.image, lambda registry: access.login(registry, own_alone=True), progress)
    revision = keep(home, engine, image)
    progress("revision", f"{revision.digest[:12]} is {image}")
    if revision.store_assets and not args.no_store_assets:
        progress("note", "store_assets() of an image is not run by its deploy: its volume is as it is.")
    return Built(revision, False, 0.0, ())


def _registry_tag(revision: Revision, name: str, opened: Opened) -> Reference:
    """What the image is called in the registry of the project file. Raises SettingError where it names none."""
    from hotplate.cli.build_image import tag_of
    from hotplate.images.reference import parse

    registry: Mapping[str, str] = opened.file.deploy.get("registry", {}) if opened.file is not None else {}
    if not registry.get("host"):
        raise SettingError(
            "The project file names no registry to push to.", key="registry", hint="Write `registry: {host: ghcr.io}`."
        )
    return parse(tag_of(name, revision.digest, registry))
