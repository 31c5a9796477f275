"""Which Python a revision gets: the one that runs Hotplate, or one that is present and asked for."""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

from hotplate.build import uv
from hotplate.errors import SettingError

OLDEST = (3, 11)
_ASK = (
    "import json,platform,sys,sysconfig;"
    "print(json.dumps([sys.executable,platform.python_implementation(),list(sys.version_info[:3]),sysconfig.get_platform()]))"
)


class Interpreter(NamedTuple):
    """A Python. `tag` tells what a package built for it needs: implementation, minor version and platform."""

    path: str
    version: str
    tag: str


def find(asked: str | None) -> Interpreter:
    """Find a Python: a version (`3.12`), a command or a path; None: the one that runs Hotplate.

    Raises:
        SettingError: there is none like it here (the text lists those that are), or it is too old.
    """
    if asked is None:
        return _interpreter(sys.executable, platform.python_implementation(), list(sys.version_info[:3]), _platform())
    try:
        path = _find(asked)
        said: Any = json.loads(
            subprocess.run(
                [path, "-I", "-c", _ASK], capture_output=True, check=True, timeout=60, stdin=subprocess.DEVNULL
            ).stdout
        )
    except (uv.Failed, OSError, subprocess.SubprocessError, ValueError):
        raise SettingError(
            f"There is no Python {asked} on this machine.", key="python", hint=f"Present are: {', '.join(present())}."
        ) from None
    found = _interpreter(*said)
    if tuple(said[2][:2]) < OLDEST:
        raise SettingError(
            f"Python {found.version} is too old: workers need {OLDEST[0]}.{OLDEST[1]} or newer.",
            key="python",
            hint=f"Present are: {', '.join(present())}.",
        )
    return found


def _find(asked: str) -> str:
    try:
        return uv.run("python", "find", "--no-project", "--no-python-downloads", "--system", asked).strip()
    except uv.Failed:
        # pyenv shows on PATH only the versions that are switched on; its others are Pythons all the same.
        found = sorted(_pyenv().glob(f"{asked}*/bin/python3")) if re.fullmatch(r"3(\.\d+){1,2}", asked) else []
        exact = [path for path in found if path.parts[-3] == asked or path.parts[-3].startswith(f"{asked}.")]
        if not exact:
            raise
        return str(exact[-1])


def _pyenv() -> Path:
    return Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"


def present() -> list[str]:
    """The Pythons on this machine that a worker can run on: version and path."""
    try:
        listed: list[dict[str, Any]] = json.loads(
            uv.run("python", "list", "--only-installed", "--output-format", "json")
        )
    except (uv.Failed, ValueError):
        listed = []
    paths: dict[str, str] = {}
    for one in listed:
        parts = one["version_parts"]
        if (parts["major"], parts["minor"]) >= OLDEST and one["implementation"] == "cpython":
            paths.setdefault(one["version"], one["path"])
    for path in _pyenv().glob("3.*/bin/python3"):
        if tuple(map(int, re.findall(r"\d+", path.parts[-3])[:2])) >= OLDEST:
            paths.setdefault(path.parts[-3], str(path))
    ours = ".".join(map(str, sys.version_info[:3]))
    paths.setdefault(ours, sys.executable)
    return [f"{version} ({path})" for version, path in paths.items()]


def works(python: Path) -> bool:
    """Whether an environment's interpreter is still there: its base may have been removed."""
    return os.access(python, os.X_OK)


def _interpreter(path: str, implementation: str, version: list[int], machine: str) -> Interpreter:
    tag = f"{implementation.lower()}-{version[0]}.{version[1]}-{machine}"
    return Interpreter(path, ".".join(map(str, version)), tag)


def _platform() -> str:
    import sysconfig

    return sysconfig.get_platform()
