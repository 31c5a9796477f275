"""Tells people of an expected error: what, where in their project, and what to do. Never a traceback of ours."""

from __future__ import annotations

import errno
import os

from hotplate.cli import console
from hotplate.errors import HotplateError, ProjectError, SettingError

REFUSED = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT}
"""What a file says that is no mistake of ours: it is another user's, or the disk takes nothing."""


def report_system(error: OSError) -> bool:
    """Tell of a file that the system refuses. False: it is another error, perhaps one of ours."""
    from hotplate.deployment.home import VARIABLE, find_home

    if error.errno not in REFUSED or not isinstance(error.filename, str):
        return False
    home = str(find_home().root)
    inside = error.filename == home or error.filename.startswith(home + os.sep)
    hint = f"Be the user who owns {home}, or name a folder of your own with {VARIABLE}." if inside else None
    console.problem(
        f"{error.filename}: {error.strerror}.", hint=hint if error.errno in (errno.EACCES, errno.EPERM) else None
    )
    return True


def report(error: HotplateError) -> int:
    """Write the error to stderr and give the exit code: 2 for a wrong setting, otherwise 1."""
    if isinstance(error, SettingError):
        console.problem(error.message, where=error.source, hint=error.hint)
        return 2
    if isinstance(error, ProjectError):
        if error.trace:
            console.err(console.harmless(error.trace.rstrip("\n")))
        where = f"{error.file}:{error.line}" if error.file and error.line else error.file
        console.problem(error.message, where=where, hint=error.hint)
        return 1
    # What control refuses is said in its own words: whoever typed a command does not need to see the request.
    url, detail = getattr(error, "url", None), getattr(error, "detail", None)
    console.problem(detail if isinstance(detail, str) and "/api/v1/" in str(url) else error.message)
    return 1
