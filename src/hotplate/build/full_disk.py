"""A full disk, said in words, wherever in a build it shows."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Generator
from contextlib import contextmanager

from hotplate.deployment.home import Home
from hotplate.errors import DiskFull, SettingError

_FULL = {errno.ENOSPC, errno.EDQUOT}
_CLOSED = {errno.EACCES, errno.EROFS, errno.EPERM}


@contextmanager
def disk_errors(home: Home) -> Generator[None]:
    """Turn the system's word for a full or closed disk into ours.

    Raises:
        DiskFull: there is no room.
        SettingError: HOTPLATE_HOME cannot be written to.
    """
    try:
        yield
    except DiskFull:
        raise _full(home) from None
    except OSError as error:
        if error.errno in _FULL:
            raise _full(home) from None
        if error.errno in _CLOSED:
            place = error.filename or home.root
            raise SettingError(
                f"{place} cannot be written to: {error.strerror}.",
                key="HOTPLATE_HOME",
                hint="Name a folder of yours with HOTPLATE_HOME.",
            ) from None
        raise


def _full(home: Home) -> DiskFull:
    free = shutil.disk_usage(home.root).free if home.root.is_dir() else 0
    return DiskFull(
        f"The disk of {home.root} is full ({free >> 20} MiB are free). Nothing was changed. Make room (`hotplate "
        "prune` removes what no endpoint uses), or name another folder with HOTPLATE_HOME; packages are also kept in "
        "uv's own cache (`uv cache prune`)."
    )
