"""Unpacks an uploaded archive: `.tar`, `.tar.gz` or `.zip`, told by its first bytes.

Not by the standard library's own extraction, whose filters have been got around more than once (CVE-2025-4517 and its
like): only its decompressors are used, and its reader of a zip file's directory. What is no plain file and no folder
(a link, a device, a pipe) is refused, and so is the whole archive.
"""

from __future__ import annotations

import io
import shutil
from pathlib import Path
from typing import BinaryIO

from hotplate.build import tar, zipped
from hotplate.build.unpacking import Limits, Unpacking
from hotplate.errors import BadArchive


def extract(source: BinaryIO, to: Path, limits: Limits | None = None) -> int:
    """Unpack an archive into a new folder. Gives how many bytes it holds. After an error the folder is gone.

    Args:
        source: the archive, which can be sought in.
        to: the folder, which is made.
        limits: how many entries, bytes and how much growth to allow.

    Raises:
        BadArchive: it is none of the three, is damaged, or has a member that may not be there.
        LimitExceeded: it is over a limit.
        FileExistsError: the folder exists.
    """
    unpacking = Unpacking(to, limits or Limits())
    try:
        start = source.read(tar.BLOCK)
        source.seek(0, io.SEEK_SET)
        if start.startswith(b"PK"):
            zipped.unpack(source, unpacking, limits or Limits())
        elif start.startswith(tar.GZIP):
            tar.unpack(tar.Gunzip(source, unpacking), unpacking)
        elif start[tar.MAGIC] in tar.MAGICS:
            tar.unpack(source, unpacking)
        else:
            raise BadArchive("The upload is no .tar, .tar.gz or .zip archive.")
    except BaseException:
        shutil.rmtree(to)
        raise
    finally:
        unpacking.close()
    return unpacking.written_bytes
