"""`hotplate build --builder oci`: an image with no engine, kept here, and written to a file or pushed where asked."""

from __future__ import annotations

import argparse
import errno
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from hotplate.cli.build import progress
from hotplate.cli.registry_access import Access
from hotplate.errors import DiskFull, SettingError

if TYPE_CHECKING:
    from hotplate.config.file_reader import ProjectFile
    from hotplate.deployment.home import Home
    from hotplate.images.plan import ImagePlan


def build_oci(args: argparse.Namespace, plan: ImagePlan, tag: str, home: Home, file: ProjectFile | None) -> str:
    """Make the image of a plan, and give its digest."""
    from hotplate.images import built, oci
    from hotplate.images.archive import write_archive
    from hotplate.images.blobs import Blobs
    from hotplate.images.reference import parse

    if args.secret or args.build_network:
        raise SettingError(
            "The builder oci runs nothing in the image: --secret and --build-network have no use for it.",
            key="secret" if args.secret else "build_network",
            hint="uv's own settings on this machine count: ~/.netrc, uv.toml, UV_DEFAULT_INDEX.",
        )
    reference = parse(tag)
    progress("image", f"Building {tag} on {args.base_archive or plan.base} with oci")
    access = Access(home, file, args.regcred)
    with built.using(home):
        made = oci.build(plan, home, access.open, progress, archive=args.base_archive)
        image = built.BuiltImage(
            reference=str(reference),
            digest=made.digest,
            base_registry=made.base.registry,
            base_repository=made.base.repository,
        )
        built.note(home, image)
        if args.archive is not None:
            with writing(args.archive):
                write_archive(args.archive, reference, made.manifest, Blobs(home.images / "blobs"))
            progress("image", f"Wrote {args.archive}")
    return made.digest


@contextmanager
def writing(target: Path) -> Generator[None]:
    """Say of a file that cannot be written why not."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFull(f"There is no room for {target}. Nothing was written; name another place.") from None
        raise SettingError(
            f"{target} cannot be written: {error.strerror}.", key="archive", source="--archive"
        ) from None
