"""Pillow's images in signatures: the same as `hotplate.Image` for callers, decoded before the function has them.

What the function gives goes out as PNG, or as JPEG where it is as it was opened from one.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, cast

from hotplate.dialects.rewriting import rewrite

if TYPE_CHECKING:
    from hotplate.dialects.signature import Signature
    from hotplate.media import Image

Function = Callable[..., Any]
_MODES = frozenset(("1", "L", "LA", "I", "I;16", "P", "RGB", "RGBA"))
"""How pixels may be in a PNG."""


def with_pictures(signature: Signature) -> Signature:
    """Let a function take and give Pillow's images. `adapted` makes it do so."""
    return rewrite(signature, _replaced)


def adapted(function: Function, signature: Signature) -> Function:
    """Give a function, whose signature is from `with_pictures`, what it takes, and the caller what it gives."""
    if not _has_pictures(signature):
        return function
    if signature.batching:
        return _async_batch(function) if signature.asynchronous else _batch(function)
    if signature.generator:
        return _async_stream(function) if signature.asynchronous else _stream(function)
    return _async(function) if signature.asynchronous else _plain(function)


@functools.cache
def _picture() -> type[Image]:
    """The class that stands for Pillow's, so that its values can be told from those that the author asked for."""
    from hotplate.media import Image

    return type("Image", (Image,), {"__module__": "hotplate.media.image", "__doc__": Image.__doc__})


def _replaced(annotation: Any) -> Any:
    return _picture() if annotation is sys.modules["PIL.Image"].Image else annotation


def _has_pictures(signature: Signature) -> bool:
    if not _picture.cache_info().currsize:  # none has been replaced, and to make the class takes time
        return False
    found: list[Any] = []
    rewrite(signature, lambda annotation: found.append(annotation) or annotation)
    return any(annotation is _picture() for annotation in found)


def _taken(value: Any) -> Any:
    kind = cast("Any", type(value))
    if kind is _picture():
        return value.to_pil()
    if kind in (list, tuple):
        return cast("Any", kind(map(_taken, value)))
    return {key: _taken(inner) for key, inner in value.items()} if kind is dict else value


def _given(value: Any) -> Any:
    kind = cast("Any", type(value))
    if isinstance(value, sys.modules["PIL.Image"].Image):
        if value.format == "JPEG":
            return _picture().from_pil(value)
        return _picture().from_pil(value if value.mode in _MODES else _as_rgb(value), format="PNG")
    if kind in (list, tuple):
        return cast("Any", kind(map(_given, value)))
    return {key: _given(inner) for key, inner in value.items()} if kind is dict else value


def _as_rgb(image: Any) -> Any:
    return image.convert("L" if image.mode == "F" else "RGB")


def _plain(function: Function) -> Function:
    def call(*values: Any, **named: Any) -> Any:
        return _given(function(*_taken(values), **_taken(named)))

    return call


def _async(function: Function) -> Function:
    async def call(*values: Any, **named: Any) -> Any:
        found = function(*_taken(values), **_taken(named))
        return _given(await found if hasattr(found, "__await__") else found)

    return call


def _stream(function: Function) -> Function:
    def call(*values: Any, **named: Any) -> Iterator[Any]:
        for piece in function(*_taken(values), **_taken(named)):
            yield _given(piece)

    return call


def _async_stream(function: Function) -> Function:
    async def call(*values: Any, **named: Any) -> AsyncIterator[Any]:
        pieces = function(*_taken(values), **_taken(named))
        if hasattr(pieces, "__await__"):
            pieces = await pieces
        try:
            async for piece in pieces:
                yield _given(piece)
        finally:
            if (close := getattr(pieces, "aclose", None)) is not None:
                await close()

    return call


def _batch(function: Function) -> Function:
    def call(*lists: Any, **named: Any) -> list[Any]:
        items = _Items((*lists, *named.values()))
        if not items.good:
            return items.failed
        good = items.lists()
        found = function(*good[: len(lists)], **dict(zip(named, good[len(lists) :], strict=True)))
        return items.joined(found)

    return call


def _async_batch(function: Function) -> Function:
    async def call(*lists: Any, **named: Any) -> list[Any]:
        items = _Items((*lists, *named.values()))
        if not items.good:
            return items.failed
        good = items.lists()
        found = function(*good[: len(lists)], **dict(zip(named, good[len(lists) :], strict=True)))
        return items.joined(await found if hasattr(found, "__await__") else found)

    return call


class _Items:
    """The items of a batch. One whose picture cannot be read fails alone, and the function does not see it."""

    def __init__(self, lists: Sequence[Sequence[Any]]) -> None:
        self.good: list[tuple[Any, ...]] = []
        self.failed: list[Any] = []
        """A place for each item, with what was wrong with it."""
        for item in zip(*lists, strict=True):
            try:
                self.good.append(cast("tuple[Any, ...]", _taken(item)))
                self.failed.append(None)
            except Exception as error:  # noqa: BLE001 - it is told to whoever sent the item
                self.failed.append(error)

    def lists(self) -> list[list[Any]]:
        """One list for each parameter, of the items that can be read."""
        return [list(values) for values in zip(*self.good, strict=True)]

    def joined(self, found: Any) -> Any:
        """What came of each item. What is no list of the right length is passed on, to be told to the author."""
        if not isinstance(found, list | tuple):
            return found
        results = cast("Sequence[Any]", found)
        if len(results) != len(self.good):
            return [*map(_given, results), *filter(None, self.failed)]
        rest = iter(map(_given, results))
        return [next(rest) if error is None else error for error in self.failed]
