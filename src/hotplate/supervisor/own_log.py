"""`logs/up.log`, which the processes of a detached `hotplate up` write: kept to a size, with older files beside it.

They all hold the one file open, so it is copied and emptied in place; a line that is written meanwhile may be lost.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from hotplate.deployment.home import Home

NAME = "up.log"
FILE_BYTES = 8 * 1024 * 1024
FILES = 3
LOOK_S = 60.0


class OwnLog:
    """The log of a detached supervisor."""

    def __init__(self, home: Home, *, file_bytes: int = FILE_BYTES) -> None:
        self.path = home.logs / NAME
        self._file_bytes = file_bytes

    @property
    def in_use(self) -> bool:
        """Whether this process writes to it."""
        try:
            return os.path.samestat(os.fstat(2), os.stat(self.path))  # noqa: PTH116 - beside fstat
        except OSError:
            return False

    def keep_small(self) -> None:
        """Put it aside where it is too large. A full disk is no reason to end."""
        try:
            if self.path.stat().st_size < self._file_bytes:
                return
            for number in range(FILES, 1, -1):
                newer = self._older(number - 1)
                if newer.exists():
                    newer.replace(self._older(number))
            shutil.copyfile(self.path, self._older(1))
            self._older(1).chmod(0o600)
            os.truncate(self.path, 0)
        except OSError:
            pass

    def _older(self, number: int) -> Path:
        return self.path.with_name(f"{NAME}.{number}")
