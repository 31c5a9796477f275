"""The environment of a command that Hotplate runs."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from hotplate.compat import SHIMS
from hotplate.compat.commands import command_environment

OURS = os.path.dirname(sys.executable)


def test_without_an_active_environment_python_is_the_one_that_runs_hotplate() -> None:
    given = {"PATH": "/usr/bin", "HOME": "/h"}
    assert command_environment(given) == {"PATH": f"{OURS}:/usr/bin", "HOME": "/h", "PYTHONPATH": SHIMS}
    assert given == {"PATH": "/usr/bin", "HOME": "/h"}


def test_an_active_environment_stays_first() -> None:
    for name in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        assert command_environment({"PATH": "/venv/bin:/usr/bin", name: "/venv"})["PATH"] == "/venv/bin:/usr/bin"


def test_the_shims_come_last_and_once() -> None:
    once = command_environment({"PYTHONPATH": f"/a::{SHIMS}:/b"})
    assert once["PYTHONPATH"] == f"/a:/b:{SHIMS}"
    assert command_environment(once) == once | {"PATH": f"{OURS}:{once['PATH']}"}
    assert (Path(SHIMS) / "octoai" / "client.py").is_file()
