"""`python -m job_faults POINT N -- ARGS`: runs the `hotplate` command with one fault put into its job code.

A point is `Class.method:before` or `:after`; the N-th time it is passed, the process is killed as by kill -9. `NORMAL`
as a point weakens the database's flushes, `FULL` as a point makes it full.
"""

from __future__ import annotations

import functools
import os
import signal
import sys
from importlib import import_module
from typing import Any

HOME = {
    "SqliteStore": "hotplate.jobs.sqlite",
    "Runner": "hotplate.jobs.runner",
    "_Counter": "hotplate.jobs.desk",
    "Blobs": "hotplate.jobs.blobs",
    "Jobs": "hotplate.jobs.service",
}

POINTS = [
    f"{name}:{when}"
    for name in (
        "SqliteStore.begin",
        "SqliteStore.submit",
        "SqliteStore.lease",
        "SqliteStore.renew",
        "SqliteStore.progress",
        "SqliteStore.finish",
        "SqliteStore.set_back",
        "SqliteStore.cancel",
        "SqliteStore.overdue",
        "SqliteStore.held",
        "SqliteStore.commit",
        "_Counter._settle",
        "Blobs.put",
        "Blobs.get",
        "Jobs.submit",
        "Runner.wake",
        "Runner._took",
        "Runner._start",
        "Runner._submit",
        "Runner.ended",
        "Runner._write",
    )
    for when in ("before", "after")
]
"""Each is passed again and again by `crash_run.LOAD`."""

SELDOM = ("SqliteStore.renew", "SqliteStore.set_back", "SqliteStore.cancel", "Blobs.get")
"""Passed so much more seldom that a run does not wait for the twentieth time."""


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def install(point: str, nth: int) -> None:
    if point == "NORMAL":
        import_module("hotplate.jobs.sqlite").SYNCHRONOUS = "NORMAL"
        return
    name, when = point.split(":")
    owner, method = name.split(".")
    cls: Any = getattr(import_module(HOME[owner]), owner)
    real = getattr(cls, method)
    passed = 0

    @functools.wraps(real)
    def faulty(*args: Any, **more: Any) -> Any:
        nonlocal passed
        passed += 1
        if passed == nth and when == "before":
            die()
        result = real(*args, **more)
        if passed == nth and when == "after":
            die()
        return result

    setattr(cls, method, faulty)


if __name__ == "__main__":
    install(sys.argv[1], int(sys.argv[2]))
    from hotplate.cli import main

    sys.exit(main(sys.argv[4:]))
