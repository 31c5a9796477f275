"""The fast way from JSON bytes to values: a strict msgspec decoder, made once from the hints.

A decoder gives None for whatever it is not sure of, and never an error: pydantic then has the word. It also gives None
rather than a value that the exact reader (`json_limits.load`) would have refused.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, cast

import msgspec

from hotplate.dialects.base import MISSING, Parameter, ValueReader, reader_of
from hotplate.faces import hints, json_limits
from hotplate.faces.base import Buffer
from hotplate.faces.media_classes import media_class

Decode = Callable[[Buffer], "tuple[Any, ...] | None"]


class _Absent:
    __slots__ = ()


ABSENT: Final = _Absent()
"""Stands in a decoded record for a field that the body does not have."""

_IMMUTABLE = (str, int, float, bool, bytes, type(None))
_KEY_AND_BLANK = re.compile(rb'"[ \t\r\n]+:')
REFUSALS = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_encode = msgspec.json.Encoder().encode
astuple = msgspec.structs.astuple


def make(parameters: Sequence[Parameter]) -> Decode | None:
    """Make the decoder of a call's parameters; None where a hint needs pydantic from the start."""
    media = [media_class(parameter.annotation) for parameter in parameters]
    readers = {i: found for i, parameter in enumerate(parameters) if (found := reader_of(parameter.annotation))}
    types: list[Any] = []
    for number, (parameter, cls) in enumerate(zip(parameters, media, strict=True)):
        annotation = Any if number in readers else parameter.annotation
        if cls is None and not hints.decodable(annotation):
            return None
        if parameter.default is ... or type(parameter.default).__name__ == "FieldInfo":  # pydantic's ways to say more
            return None
        types.append(annotation)
    deep = any(hints.holds_any(hint) for hint, cls in zip(types, media, strict=True) if cls is None)
    if any(media):
        if readers:
            return None
        from hotplate.faces import media_decoding

        return media_decoding.make(parameters, media, deep)
    try:
        reader = record_reader(parameters, types)
    except (TypeError, ValueError, RecursionError):  # a union or a literal that msgspec cannot tell apart
        return None
    decode = _plain(reader, Defaults(parameters), deep)
    return _with_readers(decode, readers) if readers else decode


def _with_readers(decode: Decode, readers: Mapping[int, ValueReader]) -> Decode:
    """Have values read by their hints. What does not fit may be a default, or an error that pydantic tells."""

    def decode_and_read(body: Buffer) -> tuple[Any, ...] | None:
        values = decode(body)
        if values is None:
            return None
        found = list(values)
        try:
            for number, reader in readers.items():
                found[number] = reader.read(found[number])
        except ValueError:
            return None
        return tuple(found)

    return decode_and_read


def record_reader(parameters: Sequence[Parameter], types: list[Any]) -> Callable[[Buffer], Any]:
    names = [f"f{number}" for number in range(len(parameters))]
    fields = [
        (name, kind) if parameter.default is MISSING else (name, kind, msgspec.field(default=ABSENT))
        for name, kind, parameter in zip(names, types, parameters, strict=True)
    ]
    rename = {name: parameter.name for name, parameter in zip(names, parameters, strict=True)}
    record = msgspec.defstruct("Body", fields, rename=rename, gc=False, kw_only=True)
    return msgspec.json.Decoder(record).decode


def _plain(read: Callable[[Buffer], Any], fill: Defaults, deep: bool) -> Decode:
    arity = fill.arity
    sure = not fill.any and not deep

    def decode(body: Buffer) -> tuple[Any, ...] | None:
        if type(body) is not bytes:
            body = bytes(body)
        try:
            if len(body) > json_limits.MAX_VALUES:
                json_limits.bound_values(body)
            values = astuple(read(body))
        except REFUSALS:
            return None
        # every parameter is there, and there is no colon for any other key: no key can be there twice
        if sure and body.count(b":") == arity:
            return values
        return settle(values, body, fill, deep)

    return decode


def settle(values: tuple[Any, ...], body: bytes, fill: Defaults, deep: bool, extra: int = 0) -> tuple[Any, ...]:
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


class Defaults:
    """Fills in what a body left out. Mutable defaults are copied for every call, as pydantic does."""

    __slots__ = ("_makers", "_values", "any", "arity")

    def __init__(self, parameters: Sequence[Parameter]) -> None:
        self._values = [parameter.default for parameter in parameters]
        self._makers = [(index, make) for index, value in enumerate(self._values) if (make := _maker(value))]
        self.arity = len(self._values)
        self.any = any(value is not MISSING for value in self._values)

    def __call__(self, values: tuple[Any, ...]) -> tuple[Any, ...]:
        filled = [default if value is ABSENT else value for value, default in zip(values, self._values, strict=True)]
        for index, make in self._makers:
            if values[index] is ABSENT:
                filled[index] = make()
        return tuple(filled)


def _maker(default: Any) -> Callable[[], Any] | None:
    """What makes a new value of a default; None for one that need not be copied."""
    if default is MISSING or isinstance(default, _IMMUTABLE):
        return None
    kind = cast("Callable[[], Any]", type(default))
    if kind in (list, dict, set) and not default:
        return kind
    return lambda: _copy(default)


def _copy(default: Any) -> Any:
    try:
        return copy.deepcopy(default)
    except (TypeError, ValueError, RuntimeError):  # a lock, a file: pydantic hands those over as they are, too
        return default
