"""Which type hints need no pydantic: where a strict msgspec decoder and an exact type check give the same value.

`decodable` is about what comes in, `checker` about what goes out. Both say no when in doubt.
"""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Any, Final, Literal, Union, cast, get_args, get_origin

Check = Callable[[Any], bool]

_SCALARS: Final = frozenset({str, int, float, bool, types.NoneType})
_MAX_NATIVE_DEPTH = 200


def decodable(hint: Any) -> bool:
    """Say whether msgspec, reading JSON strictly, accepts only what pydantic accepts, and gives the same value."""
    if hint is None or hint is Any or _is_one_of(hint, _SCALARS) or hint is list or hint is dict:
        return True
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Literal:
        return all(type(argument) in (str, int, types.NoneType) for argument in arguments)
    if origin is list and arguments:
        return decodable(arguments[0])
    if origin is dict and arguments:
        return arguments[0] is str and decodable(arguments[1])
    if origin is Union or origin is types.UnionType:
        return all(decodable(argument) for argument in arguments) and not _blurs(arguments)
    return False


def _blurs(arguments: tuple[Any, ...]) -> bool:
    """Say whether a union has members of which pydantic may choose another than msgspec.

    For `Literal[1] | bool` pydantic makes 1 of JSON's true, since the two are equal in Python, and for `float | Any`
    it makes 0.0 of 0.
    """
    if Any in arguments and len(arguments) > 1:
        return True
    numbers = any(type(one) is int for member in arguments if get_origin(member) is Literal for one in get_args(member))
    return numbers and any(not (get_origin(m) is Literal or m in (str, types.NoneType, None)) for m in arguments)


def holds_any(hint: Any) -> bool:
    """Say whether the hint lets JSON of any depth in."""
    return hint is Any or hint is list or hint is dict or any(holds_any(argument) for argument in _members(hint))


def checker(hint: Any) -> Check | None:
    """Make a test that is true only for values that pydantic would write as they are. None: there is no such test."""
    if hint is None:
        hint = types.NoneType
    if hint is Any:
        return native
    if _is_one_of(hint, _SCALARS):
        return _scalars(frozenset({hint}))
    if hint is list or hint is dict:
        return _typed(hint, native)
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Literal:
        return _literal(arguments)
    if (origin is list and arguments) or (origin is tuple and len(arguments) == 2 and arguments[1] is Ellipsis):
        return _sequence(origin, arguments[0])
    if origin is dict and arguments and arguments[0] is str:
        return _mapping(arguments[1])
    if origin is Union or origin is types.UnionType:
        return _union(arguments)
    return None


def native(value: Any, depth: int = _MAX_NATIVE_DEPTH) -> bool:
    """Say whether a value is str, int, float, bool, None, list, tuple or dict with str keys, through and through.

    Values of derived classes are not: a `str` Enum is written as its value, a named tuple as a list.
    """
    kind = cast("Any", type(value))
    if kind in _SCALARS:
        return True
    if kind is dict:
        if not {*map(type, value)} <= {str}:
            return False
        inner = value.values()
    elif kind is list or kind is tuple:
        inner = value
    else:
        return False
    kinds = {*map(type, inner)}
    if kinds <= _SCALARS:
        return True
    return depth > 0 and all(native(item, depth - 1) for item in inner)


def _members(hint: Any) -> tuple[Any, ...]:
    return () if get_origin(hint) is Literal else get_args(hint)


def _scalars(kinds: frozenset[Any]) -> Check:
    return lambda value: type(value) in kinds


def _typed(kind: Any, inner: Check) -> Check:
    return lambda value: type(value) is kind and inner(value)


def _literal(allowed: tuple[Any, ...]) -> Check | None:
    if not all(_is_one_of(type(value), _SCALARS) for value in allowed):
        return None
    pairs: frozenset[Any] = frozenset((type(value), value) for value in allowed)
    return lambda value: type(value) in _SCALARS and (type(value), value) in pairs


def _items(hint: Any) -> Check | None:
    """A test of many values at once."""
    check = checker(hint)
    if check is None:
        return None
    if hint is None or _is_one_of(hint, _SCALARS):
        scalars = {types.NoneType if hint is None else hint}
        return lambda values: {*map(type, values)} <= scalars
    return lambda values: all(map(check, values))


def _sequence(kind: Any, hint: Any) -> Check | None:
    items = _items(hint)
    return None if items is None else lambda value: type(value) is kind and items(value)


def _mapping(hint: Any) -> Check | None:
    items = _items(hint)
    if items is None:
        return None

    def check(value: Any) -> bool:
        return type(value) is dict and {*map(type, value)} <= {str} and items(value.values())  # pyright: ignore[reportUnknownArgumentType]

    return check


def _union(hints: tuple[Any, ...]) -> Check | None:
    if all(hint is None or _is_one_of(hint, _SCALARS) for hint in hints):
        return _scalars(frozenset(types.NoneType if hint is None else hint for hint in hints))
    checks = [checker(hint) for hint in hints]
    known = [check for check in checks if check is not None]
    return (lambda value: any(check(value) for check in known)) if len(known) == len(checks) else None


def _is_one_of(hint: Any, kinds: frozenset[Any]) -> bool:
    """`in`, for hints that may have no hash."""
    return any(hint is kind for kind in kinds)
