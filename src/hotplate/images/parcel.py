"""`python -m hotplate.images.parcel DIGEST FILE`: a revision as one archive, for a node that does not see our files.

It holds what a builder of images is sent but the Dockerfile: the project's files, the locks of both environments,
Hotplate itself. Where it cannot be made, the process ends with status 1 and says why on standard output.
"""

from __future__ import annotations

import argparse
import gzip
import os
import sys
from pathlib import Path
from typing import IO, cast

from hotplate.build import store
from hotplate.deployment.home import find_home
from hotplate.errors import HotplateError
from hotplate.images import context
from hotplate.images.planning import plan_of


def main(words: list[str] | None = None) -> int:
    """Write it, as a whole."""
    parser = argparse.ArgumentParser(prog="python -m hotplate.images.parcel", description=__doc__)
    parser.add_argument("digest")
    parser.add_argument("file", type=Path)
    args = parser.parse_args(words)
    try:
        write(args.file, args.digest)
    except HotplateError as error:
        sys.stdout.write(error.message + "\n")
        return 1
    return 0


def write(path: Path, digest: str) -> None:
    """Write the archive of a revision.

    Raises:
        PackagesRefused, IndexUnreachable: what the server needs cannot be had.
    """
    home = find_home()
    plan = plan_of(store.read(home, digest), home)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with (
            beside.open("wb") as file,
            gzip.GzipFile(fileobj=file, mode="wb", compresslevel=3, mtime=0, filename="") as it,
        ):
            context.write(cast("IO[bytes]", it), plan, "", None, own=False)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


if __name__ == "__main__":
    sys.exit(main())
