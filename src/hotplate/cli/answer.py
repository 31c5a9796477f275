"""What `invoke` shows of an answer: text as it is, other values as JSON, media as a size or a saved file."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

from hotplate.errors import InvalidInput

_SHOWN = 200
"""Longest base64 text that is shown in full."""


def unwrap(value: Any) -> Any:
    """The function's own result, out of `{"output": …, "analytics": …}`."""
    if isinstance(value, Mapping) and "output" in value:
        return cast("Mapping[str, Any]", value)["output"]
    return cast("Any", value)


def readable(value: Any) -> str:
    """The value for people. Media is replaced by its size."""
    if isinstance(value, str):
        return value
    return json.dumps(_shortened(value), indent=2, ensure_ascii=False)


def _shortened(value: Any) -> Any:
    if isinstance(value, dict):
        fields = cast("dict[str, Any]", value)
        data = fields.get("data")
        if isinstance(data, str) and len(data) > _SHOWN:
            note = f"({len(data) * 3 // 4:,} bytes; --save FILE writes them)"
            return {**{name: _shortened(item) for name, item in fields.items()}, "data": note}
        return {name: _shortened(item) for name, item in fields.items()}
    if isinstance(value, list):
        return [_shortened(item) for item in cast("list[Any]", value)]
    return value


def save_media(value: Any, wanted: str) -> tuple[Path, int]:
    """Write the media of an answer to a file. `wanted` is `FILE`, or `PATH.IN.ANSWER=FILE` where there are several.

    Gives the file and its size in bytes. Raises InvalidInput when there is no such media.
    """
    found = dict(_media(value, ""))
    place, equals, name = wanted.partition("=")
    if not equals:
        place, name = "", wanted
    if not found:
        raise InvalidInput("The answer holds no media to save.")
    if not equals and len(found) > 1:
        raise InvalidInput(f"The answer holds several media: {', '.join(found)}. Save one with --save PLACE=FILE.")
    chosen = found.get(place) if equals else next(iter(found.values()))
    if chosen is None:
        raise InvalidInput(f"The answer has no media at `{place}`, but at: {', '.join(map(repr, found))}.")
    return write_file(name, chosen)


def write_file(name: str, data: bytes) -> tuple[Path, int]:
    """Write the bytes to a file. Raises InvalidInput where that cannot be done."""
    try:
        Path(name).write_bytes(data)
    except OSError as error:
        raise InvalidInput(f"Cannot write {name}: {error.strerror}.") from None
    return Path(name), len(data)


def _media(value: Any, place: str) -> Iterator[tuple[str, bytes]]:
    """(place, bytes) of every `{"data": base64}` in the answer."""
    if isinstance(value, dict):
        fields = cast("dict[str, Any]", value)
        data = fields.get("data")
        if isinstance(data, str):
            try:
                yield place, base64.b64decode(data, validate=True)
            except binascii.Error:
                return
            return
        for name, item in fields.items():
            yield from _media(item, f"{place}.{name}".strip("."))
    elif isinstance(value, list):
        for index, item in enumerate(cast("list[Any]", value)):
            yield from _media(item, f"{place}.{index}".strip("."))
