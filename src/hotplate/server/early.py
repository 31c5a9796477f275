"""The first worker, started before the command line is even parsed.

A Python process takes as long to start as everything that the command does before it knows what to serve, so both
go on at the same time: the worker imports its own code and waits for its first frame. If nothing comes of the
command, the worker dies with this process.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

from hotplate.server.memory import Memory
from hotplate.server.process import Process, spawn

START_TIME = ("PYTHON", "LD_", "DYLD_", "MALLOC_", "GLIBC_")
"""Variables that are read when a process starts. A worker that needs them is not started early."""

_early: tuple[Memory, list[Process]] | None = None


def start_early() -> None:
    """Start a worker that will be told later what to load. Failing is no harm: it is then started as usual."""
    global _early
    memory = Memory()
    try:
        _early = memory, [spawn(sys.executable, memory.fd, os.environ)]
    except OSError:
        _early = memory, []


def take_early(environment: Mapping[str, str]) -> tuple[Memory, list[Process]]:
    """Give the memory, and the worker that was started with it, if it fits the environment that workers need."""
    global _early
    taken, _early = _early, None
    if taken is None:
        return Memory(), []
    memory, processes = taken
    if any(name.startswith(START_TIME) for name in environment):
        for process in processes:
            process.kill()
            os.waitpid(process.pid, 0)
            process.discard()
        return memory, []
    return memory, processes
