"""The address of a Unix socket in a folder whose path may be longer than such an address can hold."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

MAX_BYTES = 103
"""What macOS takes (unix(4)); Linux takes 107 (unix(7)), both besides the zero at its end."""


@contextmanager
def unix_address(path: Path) -> Generator[str]:
    """Give what to bind or to connect for the socket at `path`, as long as the context lasts.

    A path that is too long is reached from its open folder, which only Linux has a short name for: elsewhere the
    system refuses it. Raises OSError where the folder cannot be opened.
    """
    if len(os.fsencode(path)) <= MAX_BYTES:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
