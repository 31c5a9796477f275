"""The image of a revision for the target `docker`: made once on each engine, found by the revision's digest."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from hotplate.config.resolve import resolve
from hotplate.deployment.home import Home
from hotplate.deployment.records import Revision
from hotplate.engine.engine import Engine
from hotplate.engine.names import revision_tag
from hotplate.images import kept_images
from hotplate.images.docker_build import How, build
from hotplate.images.image_revision import have
from hotplate.images.planning import ImageOptions, plan_of
from hotplate.images.registry_auth import NOBODY


def ensure(revision: Revision, home: Home, engine: Engine, progress: Callable[[str], None], *, scripts: bool) -> str:
    """Give the tag of a revision's image, which is built unless it is there.

    Raises:
        ImageFailed, EngineRefused, EngineUnavailable, SettingError: it cannot be built.
    """
    from uv import find_uv_bin

    tag = revision_tag(revision.digest)
    if not engine.has(tag) and revision.image:
        have(engine, revision, lambda _registry: NOBODY, lambda _step, text: progress(text))
    elif not engine.has(tag):
        progress(f"Building the image of {revision.digest[:12]} with {engine.builder}")
        plan = plan_of(revision, home, ImageOptions(scripts=scripts))
        how = How(network=resolve(environ=os.environ).settings.build_network)
        build(engine, plan, tag, Path(find_uv_bin()), how, progress)
    kept_images.note(home, revision.digest)
    return tag
