"""Imports the packages that only media needs, on first use."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from hotplate.errors import MissingExtra

_SYSTEM_HINT = {"soundfile": " If it is installed, its library is missing: sudo apt-get install libsndfile1"}


def extra(module: str) -> ModuleType:
    """Import `module`. Raises MissingExtra, which names the command that installs it."""
    try:
        return import_module(module)
    except (ImportError, OSError) as error:
        package = "pillow" if module.startswith("PIL") else module
        hint = 'pip install "hotplate[media]"'
        raise MissingExtra(
            f"This needs the package {package}, which cannot be imported. Install it with: {hint}."
            + _SYSTEM_HINT.get(module, ""),
            hint=hint,
        ) from error
