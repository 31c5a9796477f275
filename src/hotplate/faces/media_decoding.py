"""The fast way from JSON with media in it to values: the payload is cut out and decoded, the rest is a small body."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args

import msgspec

from hotplate.dialects.base import Parameter
from hotplate.errors import InvalidInput
from hotplate.faces import json_limits
from hotplate.faces.base import Buffer
from hotplate.faces.decoding import ABSENT, REFUSALS, Decode, Defaults, astuple, record_reader, settle
from hotplate.faces.media_classes import is_union
from hotplate.faces.media_input import CUT_MIN_BYTES, Cutter, from_text


class _MediaObject(msgspec.Struct, gc=False):
    data: str


class _Place(msgspec.Struct, frozen=True):
    index: int
    cls: Any
    optional: bool


def make(parameters: Sequence[Parameter], media: Sequence[type[Any] | None], deep: bool) -> Decode | None:
    """Make the decoder of a call with media parameters. `media` has the class of each parameter that is one."""
    places = [
        _Place(index, cls, is_union(parameter.annotation) and type(None) in get_args(parameter.annotation))
        for index, (parameter, cls) in enumerate(zip(parameters, media, strict=True))
        if cls is not None
    ]
    types = [
        parameter.annotation if cls is None else _MediaObject | str | None
        for parameter, cls in zip(parameters, media, strict=True)
    ]
    try:
        read = record_reader(parameters, types)
    except (TypeError, ValueError, RecursionError):  # a union or a literal that msgspec cannot tell apart
        return None
    cutter = Cutter([parameters[place.index].name for place in places])
    fill = Defaults(parameters)

    def decode(body: Buffer) -> tuple[Any, ...] | None:
        cut: dict[str, bytes] = {}
        if len(body) >= CUT_MIN_BYTES:
            found = cutter.cut(body)
            if found is None:
                return None
            body, cut = found
        elif type(body) is not bytes:
            body = bytes(body)
        json_limits.bound_values(body)
        try:
            values = list(astuple(read(body)))
            made, inner = _make_media(values, places, cut)
        except (*REFUSALS, InvalidInput, ValueError, TypeError):
            return None
        if cut:  # a long string of base64 that is no media
            return None
        settled = settle(tuple(values), body, fill, deep, inner)
        return tuple([made.get(index, value) for index, value in enumerate(settled)])

    return decode


def _make_media(values: list[Any], places: Sequence[_Place], cut: dict[str, bytes]) -> tuple[dict[int, Any], int]:
    """Make the media values by index, and count the keys inside of them. In `values`, None takes their place."""
    made: dict[int, Any] = {}
    inner = 0
    for place in places:
        value = values[place.index]
        if value is ABSENT or (value is None and place.optional):
            continue
        if type(value) is _MediaObject:
            inner += 1
            value = value.data
        if value is None:
            raise ValueError  # null where media must be: for pydantic to say
        made[place.index] = from_text(place.cls, value, cut)
        values[place.index] = None
    return made, inner
