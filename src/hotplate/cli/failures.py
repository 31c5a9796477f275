"""Tells people of an expected error: what, where in their project, and what to do. Never a traceback of ours."""

from __future__ import annotations

from hotplate.cli import console
from hotplate.errors import HotplateError, ProjectError, SettingError


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
