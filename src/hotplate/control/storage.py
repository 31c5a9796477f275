"""A disk that is full or closed, in our words: the answer says what to do, and nothing half done is left."""

from __future__ import annotations

import errno
import sqlite3

from hotplate.errors import DiskFull, HotplateError, Unavailable

FULL = {errno.ENOSPC, errno.EDQUOT}
CLOSED = {errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO}
CLOSED_DATABASE = {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN}


def told(error: Exception) -> HotplateError | None:
    """What an exception of the system or of SQLite means for whoever asked; None: it is something else."""
    if isinstance(error, OSError) and error.errno in FULL:
        return DiskFull()
    if isinstance(error, OSError) and error.errno in CLOSED:
        return _closed(error.strerror)
    if isinstance(error, sqlite3.OperationalError):
        code = error.sqlite_errorcode & 0xFF
        if code == sqlite3.SQLITE_FULL:
            return DiskFull()
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return Unavailable("The database is busy. Try again.")
        if code in CLOSED_DATABASE:
            return _closed(str(error))
    return None


def _closed(why: str | None) -> Unavailable:
    return Unavailable(
        f"A file of this installation cannot be read or written: {why}. Look at the disk of HOTPLATE_HOME and at "
        "who owns what is in it, and try again. Calls are answered as before."
    )
