"""`hotplate build --image` and `-g`: from built revisions to images, or to a Dockerfile for people."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hotplate.cli import console
from hotplate.cli.build import progress
from hotplate.config.resolve import resolve
from hotplate.errors import EngineUnavailable, SettingError

if TYPE_CHECKING:
    from hotplate.build.make import Built
    from hotplate.deployment.home import Home
    from hotplate.dialects.opening import Opened
    from hotplate.engine.engine import Engine
    from hotplate.images.plan import ImagePlan

FILE = "Dockerfile"


def make_images(
    args: argparse.Namespace, opened: Opened, home: Home, built: Sequence[Built], results: Sequence[dict[str, Any]]
) -> int:
    """Make an image of each revision, and print their tags as OctoAI's command did: `{"tag": …}`."""
    from hotplate.images import latest
    from hotplate.images.planning import ImageOptions, plan_of

    if args.image and len(built) > 1:
        raise SettingError(f"This project has {len(built)} APIs.", key="image", hint="Pick one with --api, or no tag.")
    options = ImageOptions(
        base=args.base_image,
        platform=args.platform,
        scripts=args.scripts in ("run", "image"),
        setup=args.setup,
        postgres=args.postgres,
        certificates=_file(args.certificates, "certificates") if args.certificates else None,
    )
    secrets = _secrets(args.secret)
    plans = [plan_of(each.revision, home, options) for each in built]
    if args.generate_dockerfile:
        return _generate(plans, opened.project.root, tuple(secrets))
    registry: Mapping[str, str] = opened.file.deploy.get("registry", {}) if opened.file is not None else {}
    if args.archive and len(plans) > 1:
        raise SettingError(f"This project has {len(built)} APIs.", key="archive", hint="Pick one with --api.")
    found: list[dict[str, str]] = []
    for plan, facts in zip(plans, results, strict=True):
        tag = args.image or tag_of(facts["name"], facts["revision"], registry)
        _check_target(args, tag)  # before what takes time
        identity = _build(args, plan, tag, secrets, home, opened)
        latest.note(home, opened.project.root, tag)
        if args.push:
            _push(args, home, tag, opened)
        found.append({"tag": tag, "id": identity, "revision": facts["revision"]})
    if args.output == "json":
        console.out_json({"images": found})
        return 0
    import json

    for each in found:
        console.out(json.dumps({"tag": each["tag"]}))
    return 0


def tag_of(name: str, digest: str, registry: Mapping[str, str]) -> str:
    """What an image is called: in its registry, if the project file names one; with the digest for a tag."""
    from hotplate.images.grammar import check_image

    path = registry.get("path") or name
    host = f"{registry['host']}/" if registry.get("host") else ""
    return check_image(f"{host}{path}:{registry.get('tag') or digest[:12]}")


def _check_target(args: argparse.Namespace, tag: str) -> None:
    if args.push:
        from hotplate.cli.push import check_target
        from hotplate.images.reference import parse

        check_target(parse(tag))


def _push(args: argparse.Namespace, home: Home, tag: str, opened: Opened) -> None:
    from hotplate.cli.push import push_built
    from hotplate.cli.registry_access import Access
    from hotplate.images.reference import parse

    access = Access(home, opened.file, args.regcred)
    target = parse(tag)
    access.check(target.registry)
    push_built(home, tag, target, access)


def _engine(args: argparse.Namespace) -> Engine | None:
    """The engine that builds; None: the builder oci does, which was asked for or is what there is."""
    from hotplate.engine.engine import find_engine

    if args.builder == "oci" or (args.builder == "auto" and (args.archive or args.base_archive)):
        return None
    if args.archive or args.base_archive:
        flag = "--archive" if args.archive else "--base-archive"
        raise SettingError(f"{flag} is for the builder oci.", key="builder", hint="Leave --builder out, or name it.")
    try:
        return find_engine("" if args.builder == "auto" else args.builder)
    except EngineUnavailable as error:
        if args.builder != "auto":
            raise
        progress("note", f"{error.message} The builder oci needs none.")
        return None


def _build(
    args: argparse.Namespace, plan: ImagePlan, tag: str, secrets: Mapping[str, Path], home: Home, opened: Opened
) -> str:
    from uv import find_uv_bin

    from hotplate.images.docker_build import How, build
    from hotplate.images.grammar import check_image

    engine = _engine(args)
    if engine is None:
        from hotplate.cli.build_oci import build_oci

        return build_oci(args, plan, tag, home, opened.file)
    progress("image", f"Building {check_image(tag)} on {plan.base} with {engine.builder}")
    network = args.build_network or resolve(environ=os.environ).settings.build_network
    how = How(secrets=secrets, network=network, upgrade=args.upgrade)
    return build(engine, plan, tag, Path(find_uv_bin()), how, lambda text: progress("image", text))


def _generate(plans: Sequence[ImagePlan], folder: Path, secrets: Sequence[str]) -> int:
    from hotplate.images.dockerfile import dockerfile

    if len(plans) > 1:
        raise SettingError(f"This project has {len(plans)} APIs.", key="api", hint="Pick one with --api.")
    path = folder / FILE
    path.write_text(dockerfile(plans[0], secrets=secrets), "utf-8")
    console.out(f"Wrote {path}. `hotplate build --image` uses it from now on; without it, one is made each time.")
    return 0


def _secrets(given: Sequence[str]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for text in given:
        name, equals, path = text.partition("=")
        if not equals or not name.replace(".", "").replace("-", "").replace("_", "").isalnum() or "," in path:
            raise SettingError(f"{text!r} is no NAME=FILE.", key="secret", source="--secret")
        found[name] = _file(path, "secret")
    return found


def _file(text: str, key: str) -> Path:
    path = Path(text).expanduser().absolute()
    if not path.is_file():
        raise SettingError(f"There is no file {text}.", key=key, source=f"--{key}")
    return path
