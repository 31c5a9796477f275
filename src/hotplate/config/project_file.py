"""Finds a project's file, `hotplate.yaml` or `octoai.yaml`. Where there is none, nothing is imported to read it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from hotplate.errors import SettingError

if TYPE_CHECKING:
    from hotplate.config.file_reader import ProjectFile

NAMES = ("hotplate.yaml", "octoai.yaml")
"""Project files, the stronger first. Only one is read."""

_NEAR_MISSES = {
    "hotplate.yml": "hotplate.yaml",
    ".hotplate.yaml": "hotplate.yaml",
    "octoai.yml": "octoai.yaml",
    ".octoai.yaml": "octoai.yaml",
    "octai.yaml": "octoai.yaml",
}


def find_project_file(root: Path) -> Path | None:
    """The project file of a folder, or None. Raises SettingError for a name that only looks like one."""
    for name in NAMES:
        if (root / name).is_file():
            return root / name
    for name, right in _NEAR_MISSES.items():
        if (root / name).is_file():
            raise SettingError(
                f"The file is not read under this name, only as {right}.", source=name, hint="Rename it."
            )
    return None


def load_project_file(root: Path) -> ProjectFile | None:
    """Read the project file of a folder. None where there is none; then YAML is not even imported."""
    path = find_project_file(root)
    if path is None:
        return None
    from hotplate.config.file_reader import read_project_file

    return read_project_file(path)
