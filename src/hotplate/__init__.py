"""Hotplate turns Python model code that already exists into a production HTTP endpoint.

Everything here is loaded on first use: `import hotplate` starts nothing and imports nothing heavy.
"""

# `typing` and `importlib` cost more than all the rest of this module: type checkers know the name TYPE_CHECKING.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from hotplate.authoring import Cancelled, Service, batch, cancelled, output_path, path, progress, volume_path
    from hotplate.client import AsyncClient, Client
    from hotplate.media import Audio, File, Image, Video

__version__ = "0.1.0"

_HOME = {
    "AsyncClient": "hotplate.client",
    "Audio": "hotplate.media",
    "Cancelled": "hotplate.authoring",
    "Client": "hotplate.client",
    "File": "hotplate.media",
    "Image": "hotplate.media",
    "Service": "hotplate.authoring",
    "Video": "hotplate.media",
    "batch": "hotplate.authoring",
    "cancelled": "hotplate.authoring",
    "output_path": "hotplate.authoring",
    "path": "hotplate.authoring",
    "progress": "hotplate.authoring",
    "volume_path": "hotplate.authoring",
}

__all__ = [
    "AsyncClient",
    "Audio",
    "Cancelled",
    "Client",
    "File",
    "Image",
    "Service",
    "Video",
    "batch",
    "cancelled",
    "output_path",
    "path",
    "progress",
    "volume_path",
]


def __getattr__(name: str) -> "Any":
    if name in _HOME:
        from importlib import import_module

        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'hotplate' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
