"""Stands in for octoai-sdk 0.10.1 where that is not installed: `service`, `types`, `client` and `errors`.

Nothing is imported until it is named: `from octoai.service import Service` loads neither pydantic nor an HTTP client.
"""

from importlib import import_module
from typing import Any

__version__ = "0.10.1"
_MODULES = ("client", "errors", "service", "types")


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"octoai.{name}")
    raise AttributeError(f"module 'octoai' has no attribute {name!r}")
