"""The environment for a command that Hotplate runs for its user, such as `python3 test_request.py`."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

from hotplate.compat import SHIMS


def command_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Give a copy of the environment in which `from octoai.client import OctoAI` works.

    Where no environment is active, Hotplate may be in one of its own (`uv tool install hotplate`), and the `python3`
    on PATH may know nothing of it; then that name means the Python that runs Hotplate. An active environment
    (venv, conda) is the user's word and stays first.

    The shims are added at the end of PYTHONPATH. That is before site-packages, but a shim gives way to a real
    installed package wherever it stands.
    """
    changed = dict(environ)
    if not (environ.get("VIRTUAL_ENV") or environ.get("CONDA_PREFIX")):
        ours = os.path.dirname(sys.executable)  # noqa: PTH120 - not resolved: a venv's python is a link
        changed["PATH"] = os.pathsep.join(filter(None, [ours, environ.get("PATH", os.defpath)]))
    entries = [entry for entry in environ.get("PYTHONPATH", "").split(os.pathsep) if entry and entry != SHIMS]
    changed["PYTHONPATH"] = os.pathsep.join([*entries, SHIMS])
    return changed
