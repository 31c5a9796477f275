"""The fast way from JSON bytes to values: a strict msgspec decoder, made once from the hints.

A decoder gives None for whatever it is not sure of, and never an error: pydantic then has the word. It also gives None
rather than a value that the exact reader (`json_limits.load`) would have refused.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Sequence
from typing import Any, Final, cast

import msgspec

from hotplate.dialects.base import MISSING, Parameter
from hotplate.faces import hints, json_limits
from hotplate.faces.media_input import CUT_MIN_BYTES, Buffer, Cutter, from_text, media_class

Decode = Callable[[Buffer], "tuple[Any, ...] | None"]


class _Absent:
    __slots__ = ()


ABSENT: Final = _Absent()
"""Stands in a decoded record for a field that the body does not have."""

_IMMUTABLE = (str, int, float, bool, bytes, type(None))
_KEY_AND_BLANK = re.compile(rb'"[ \t\r\n]+:')
_refusals = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_encode = msgspec.json.Encoder().encode
_astuple = msgspec.structs.astuple


class _MediaObject(msgspec.Struct, gc=False):
    data: str


def make(parameters: Sequence[Parameter]) -> Decode | None:
    """Make the decoder of a call's parameters; None where a hint needs pydantic from the start."""
    media = [media_class(parameter.annotation) for parameter in parameters]
    types: list[Any] = []
    for parameter, cls in zip(parameters, media, strict=True):
        if cls is None and not hints.decodable(parameter.annotation):
            return None
        if type(parameter.default).__name__ == "FieldInfo":
            return None
        types.append(parameter.annotation if cls is None else _MediaObject | str | None)
    try:
        reader = _reader(parameters, types)
    except (TypeError, ValueError, RecursionError):  # a union or a literal that msgspec cannot tell apart
        return None
    fill = _Defaults(parameters)
    deep = any(hints.holds_any(parameter.annotation) for parameter in parameters)
    if any(media):
        return _with_media(reader, fill, media, [parameter.name for parameter in parameters], deep)
    return _without_media(reader, fill, deep)


def _reader(parameters: Sequence[Parameter], types: list[Any]) -> Callable[[Buffer], Any]:
    names = [f"f{number}" for number in range(len(parameters))]
    fields = [
        (name, kind) if parameter.default is MISSING else (name, kind, msgspec.field(default=ABSENT))
        for name, kind, parameter in zip(names, types, parameters, strict=True)
    ]
    rename = {name: parameter.name for name, parameter in zip(names, parameters, strict=True)}
    record = msgspec.defstruct("Body", fields, rename=rename, gc=False, kw_only=True)
    return msgspec.json.Decoder(record).decode


def _without_media(read: Callable[[Buffer], Any], fill: _Defaults, deep: bool) -> Decode:
    arity = fill.arity
    sure = not fill.any and not deep

    def decode(body: Buffer) -> tuple[Any, ...] | None:
        if type(body) is not bytes:
            body = bytes(body)
        try:
            if len(body) > json_limits.MAX_VALUES:
                json_limits.bound_values(body)
            values = _astuple(read(body))
        except _refusals:
            return None
        # every parameter is there, and there is no colon for any other key: no key can be there twice
        if sure and body.count(b":") == arity:
            return values
        return _settle(values, body, fill, deep)

    return decode


def _settle(values: tuple[Any, ...], body: bytes, fill: _Defaults, deep: bool, extra: int = 0) -> tuple[Any, ...]:
    """Prove the body free of what msgspec passes over, or have the exact reader look; then fill in the defaults.

    msgspec keeps the last of two equal keys, and skips unknown fields without looking at their text. Both need
    more colons than the values account for. `extra` counts keys that are in the body and not in `values`.
    """
    if deep:
        json_limits.bound_depth(body)
    given = [value for value in values if value is not ABSENT]
    members = len(given) + extra
    if body.count(b":") != members and not _all_accounted_for(given, body, members):
        json_limits.load(body)
    return values if len(given) == len(values) else fill(values)


def _all_accounted_for(given: list[Any], body: bytes, members: int) -> bool:
    """Say whether the values hold as many keys as the text can have: then no key was dropped.

    A key ends in `":` unless blanks stand between; a string may hold `":` as well, but then it still does when it is
    written again, unless it was written with an escape of another kind.
    """
    if _KEY_AND_BLANK.search(body):
        return False
    bound = body.count(b'":')
    if bound == members:
        return True
    return b"\\u" not in body and bound == members + _encode(given).count(b'":')


class _Defaults:
    """Fills in what a body left out. Mutable defaults are copied for every call, as pydantic does."""

    __slots__ = ("_makers", "any", "arity")

    def __init__(self, parameters: Sequence[Parameter]) -> None:
        self._makers = tuple(_maker(parameter.default) for parameter in parameters)
        self.arity = len(self._makers)
        self.any = any(parameter.default is not MISSING for parameter in parameters)

    def __call__(self, values: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple([make() if value is ABSENT else value for value, make in zip(values, self._makers, strict=True)])


def _maker(default: Any) -> Callable[[], Any]:
    if isinstance(default, _IMMUTABLE):
        return lambda: default
    kind = cast("Callable[[], Any]", type(default))
    if kind in (list, dict, set) and not default:
        return kind
    return lambda: copy.deepcopy(default)


def _with_media(
    read: Callable[[Buffer], Any],
    fill: _Defaults,
    media: list[type[Any] | None],
    names: list[str],
    deep: bool,
) -> Decode:
    places = [(place, cls) for place, cls in enumerate(media) if cls is not None]
    cutter = Cutter([names[place] for place, _ in places])

    def decode(body: Buffer) -> tuple[Any, ...] | None:
        cut: dict[str, bytes] = {}
        if len(body) >= CUT_MIN_BYTES:
            found = cutter.cut(body)
            if found is None:
                return None
            body, cut = found
        elif type(body) is not bytes:
            body = bytes(body)
        try:
            json_limits.bound_values(body)
            values = list(_astuple(read(body)))
            made, inner = _make_media(values, places, cut)
        except (*_refusals, ValueError, TypeError):
            return None
        if cut:  # a long string of base64 that is no media
            return None
        settled = _settle(tuple(values), body, fill, deep, inner)
        if not made:
            return settled
        return tuple([made.get(place, value) for place, value in enumerate(settled)])

    return decode


def _make_media(
    values: list[Any], places: list[tuple[int, type[Any]]], cut: dict[str, bytes]
) -> tuple[dict[int, Any], int]:
    """Make the media values by place, and count the keys inside of them. In `values`, None takes their place."""
    made: dict[int, Any] = {}
    inner = 0
    for place, cls in places:
        value = values[place]
        if value is ABSENT:
            continue
        if value is None:
            raise ValueError  # whether null is allowed is for pydantic to say
        if type(value) is _MediaObject:
            inner += 1
            value = value.data
        made[place] = from_text(cls, value, cut)
        values[place] = None
    return made, inner
