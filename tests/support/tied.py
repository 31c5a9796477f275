"""Processes that go with the test run, however it ends: a run that is killed runs no `finally`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

SETPRIV = shutil.which("setpriv")  # util-linux; the kernel then kills the process when the thread that started it ends


def tied(command: Sequence[str | Path]) -> list[str]:
    """A command, as one whose process is killed when this thread ends before it. Its process id stays the same."""
    prefix = [SETPRIV, "--pdeathsig", "KILL", "--"] if SETPRIV is not None else []
    return [*prefix, *map(str, command)]


@contextmanager
def undone(command: Sequence[str | Path], env: Mapping[str, str]) -> Iterator[None]:
    """Run `command` if the test run ends inside of this, as for what was started to outlive whoever started it."""
    watcher = subprocess.Popen(
        [sys.executable, "-S", "-c", WATCH, *map(str, command)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, **env},
        start_new_session=True,  # Ctrl-C is not for it
    )
    try:
        yield
    finally:
        watcher.communicate(b"done")


WATCH = "import os, sys\nif not sys.stdin.read():\n    os.execvp(sys.argv[1], sys.argv[1:])"
