"""Stands in for octoai-sdk 0.10.1 where that is not installed: `client`, `errors`, `service` and `types`.

Nothing is imported until it is named: `from octoai.service import Service` loads no HTTP client.
"""

from __future__ import annotations

from _hotplate_shims import real_package_takes_over

if not real_package_takes_over(__name__):
    from importlib import import_module
    from typing import Any

    __version__ = "0.10.1"  # of the interface, for code that looks
    __all__ = ["client", "errors", "service", "types"]  # pyright: ignore[reportUnsupportedDunderAll]

    def __getattr__(name: str) -> Any:
        if name in __all__:
            return import_module(f"octoai.{name}")
        raise AttributeError(f"module 'octoai' has no attribute {name!r}")
