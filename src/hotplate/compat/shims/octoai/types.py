"""`octoai.types`: the public names of octoai-sdk 0.10.1, given by `hotplate.media` when they are first named."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hotplate.media import Audio, File, Image, Media, MediaUrl, Video

__all__ = ["Audio", "File", "Image", "Media", "MediaUrl", "Video"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(import_module("hotplate.media"), name)
    raise AttributeError(f"module 'octoai.types' has no attribute {name!r}")
