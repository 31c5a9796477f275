"""What `invoke` shows of an answer: text as it is, other values as JSON, media as a size or a saved file."""

from __future__ import annotations

import argparse
import base64
import binascii
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

from hotplate.cli import console
from hotplate.errors import HotplateError, InvalidInput

_SHOWN = 200
"""Longest base64 text that is shown in full."""


class CallFailed(HotplateError):
    """The endpoint gave no good answer."""

    code = "call_failed"


def show(data: bytes, kind: str, args: argparse.Namespace, where: str) -> int:
    """Print an answer, and write its media where that was asked for. Gives the exit code."""
    if kind != "application/json" and not kind.endswith("+json"):
        return _show_bytes(data, kind, args)
    try:
        value = json.loads(data)
    except ValueError:
        raise CallFailed(f"{where} calls its answer JSON, but it is not.") from None
    if args.save:
        path, size = save_media(unwrap(value), args.save)
        console.err(f"Saved {path} ({size:,} bytes).")
    if args.output == "json":
        console.out_json(value)
    else:
        console.out(readable(unwrap(value)))
    return 0


def _show_bytes(data: bytes, kind: str, args: argparse.Namespace) -> int:
    if args.save:
        path, size = write_file(args.save.rpartition("=")[2], data)
        console.err(f"Saved {path} ({size:,} bytes).")
    elif kind.startswith("text/"):
        console.out(data.decode(errors="replace"))
    elif console.is_interactive():
        raise CallFailed(f"The answer is {kind or 'of no stated type'}: write it to a file with --save FILE.")
    else:
        console.out_bytes(data)
    return 0


class Pieces:
    """Prints a stream as it comes. Pieces of text belong to one text; other values stand on a line each."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._inside_text = False

    def show(self, data: str) -> None:
        """Print one piece, given as JSON."""
        if self._as_json:
            console.out(data)
            return
        try:
            value = unwrap(json.loads(data))
        except ValueError:
            value = data
        self._inside_text = isinstance(value, str)
        console.out(readable(value), end="" if self._inside_text else "\n")

    def end(self) -> None:
        """End the last line."""
        if self._inside_text:
            console.out()


def detail(text: str) -> str:
    """What an error body says, for people: every wrong field on a line of its own."""
    try:
        value: Any = json.loads(text)
    except ValueError:
        return text.strip()[:500] or "no more was said"
    told: Any = cast("Mapping[str, Any]", value).get("detail", value) if isinstance(value, Mapping) else value
    if not isinstance(told, list):
        return told if isinstance(told, str) else json.dumps(told)
    lines: list[str] = []
    for item in cast("list[Any]", told):
        if isinstance(item, Mapping) and "msg" in item:
            fields = cast("Mapping[str, Any]", item)
            place = ".".join(str(part) for part in fields.get("loc", ()))
            lines.append(f"{place}: {fields['msg']}" if place else str(fields["msg"]))
        else:
            lines.append(json.dumps(item))
    return lines[0] if len(lines) == 1 else "".join(f"\n  {line}" for line in lines)


def unwrap(value: Any) -> Any:
    """The function's own result, out of `{"output": …, "analytics": …}` or DEEPaaS's `{"status", "predictions"}`."""
    if isinstance(value, Mapping) and "output" in value:
        return cast("Mapping[str, Any]", value)["output"]
    if isinstance(value, Mapping) and set(cast("Mapping[str, Any]", value)) == {"status", "predictions"}:
        return cast("Mapping[str, Any]", value)["predictions"]
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
