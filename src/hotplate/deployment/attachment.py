"""Makes Hotplate importable in a revision's environment, without anything else of the server's.

The environment gets a link to the very package that runs here, so worker and server always are of one version; what
the package imports in a worker was resolved and installed together with the project's own packages (`build/`). The
server calls this too before it starts a worker, since Hotplate may have been moved or updated since the build.
"""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent
SHIMS = "zz_hotplate_compat.pth"
"""One path line, relative to site-packages: import shims of other systems, last on sys.path, also in what the project
itself starts."""

RECORD = "environment.json"
"""What an environment says of itself, written when it is whole."""


def is_made_for_a_revision() -> bool:
    """Whether this process runs in such an environment, where what the project asked for was installed."""
    return Path(sys.prefix, RECORD).is_file()


def attach(environment: Path) -> None:
    """Link Hotplate into an environment, unless it is there. Safe to call at any time, also by several at once.

    Raises:
        FileNotFoundError: this is no environment.
    """
    packages = site_packages(environment)
    link = packages / "hotplate"
    if not (link.is_symlink() and link.readlink() == PACKAGE):
        beside = packages / f".hotplate.{os.getpid()}"
        beside.unlink(missing_ok=True)
        beside.symlink_to(PACKAGE)
        beside.replace(link)
    if not (packages / SHIMS).exists():
        beside = packages / f".{SHIMS}.{os.getpid()}"
        beside.write_text("hotplate/compat/shims\n", "utf-8")
        beside.replace(packages / SHIMS)


def site_packages(environment: Path) -> Path:
    """The folder of an environment that holds its packages."""
    found = next(environment.glob("lib/python3.*/site-packages"), None)
    if found is None:
        raise FileNotFoundError(errno.ENOENT, f"{environment} is no Python environment")
    return found
