"""Which annotations are media.

By the shape of the class: those of `hotplate.media`, and those of the real `octoai.types` where that is installed.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Union, get_args, get_origin

from hotplate.contract.types import Kind

_KINDS: Final[dict[str, Kind]] = {"Image": "image", "Audio": "audio", "Video": "video", "File": "file"}


def media_class(annotation: Any) -> type[Any] | None:
    """Give the media class of a parameter: of `Image`, of `Image | None` and of annotated ones; None for all others."""
    if get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    members = get_args(annotation) if is_union(annotation) else (annotation,)
    found = [member for member in members if member is not type(None)]
    if len(found) != 1 or not isinstance(found[0], type):
        return None
    return found[0] if callable(getattr(found[0], "from_base64", None)) or is_upload(found[0]) else None


def is_union(annotation: Any) -> bool:
    """Say whether an annotation is a union, in either spelling."""
    origin = get_origin(annotation)
    return origin is Union or getattr(origin, "__name__", "") == "UnionType"


def kind_of(cls: type[Any]) -> Kind:
    """Give the kind of a media class by its name or that of the nearest class it derives from."""
    for base in cls.__mro__:
        if base.__name__ in _KINDS:
            return _KINDS[base.__name__]
    return "file"


def is_upload(cls: type[Any]) -> bool:
    """Say whether a class is `fastapi.UploadFile` or derives from it, as the `File` of the real octoai.types does."""
    return any(base.__name__ == "UploadFile" and base.__module__.startswith("starlette") for base in cls.__mro__)
