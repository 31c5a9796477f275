"""The items of a 422 answer: pydantic's own, made JSON as FastAPI makes them, and bounded in number and size."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from datetime import date, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, Final, cast

import msgspec

MAX_ITEMS: Final = 100
MAX_INPUT_SIZE: Final = 65_536
"""How many values and characters of what the caller sent are repeated as one `input`; four times that in all."""

_MAX_DEPTH = 80
_CUT = "… (too large to repeat)"

Item = dict[str, Any]

_encode = msgspec.json.Encoder().encode


def missing(*loc: str | int, given: Any = None) -> Item:
    """The item for a value that is required and not there."""
    return {"type": "missing", "loc": list(loc), "msg": "Field required", "input": given}


def not_an_object(given: Any) -> Item:
    """The item for a body that is no JSON object."""
    return {
        "type": "model_attributes_type",
        "loc": ["body"],
        "msg": "Input should be a valid dictionary or object to extract fields from",
        "input": given,
    }


def value_error(text: str, *loc: str | int, given: Any = None) -> Item:
    """The item that a ValueError of a validator gives."""
    msg = f"Value error, {text}"
    return {"type": "value_error", "loc": list(loc), "msg": msg, "input": given, "ctx": {"error": {}}}


def encode(items: Iterable[Item]) -> bytes:
    """Give the body `{"detail": [...]}`. Never raises; what is over a limit is cut and says so."""
    parts: list[bytes] = []
    left = 4 * MAX_INPUT_SIZE
    for number, item in enumerate(items):
        if number == MAX_ITEMS:
            break
        written: Item = {}
        for key, value in item.items():
            if key == "input":
                budget = _Budget(min(left, MAX_INPUT_SIZE))
                written[key] = _repeated(value, budget)
                left = max(0, left - budget.spent)
            else:
                written[key] = _plain(value, 0, _Budget(MAX_INPUT_SIZE))
        parts.append(_safe(written))
    return b'{"detail":[' + b",".join(parts) + b"]}"


class _TooLarge(Exception):
    pass


class _Budget:
    __slots__ = ("size", "spent")

    def __init__(self, size: int) -> None:
        self.size = size
        self.spent = 0

    def spend(self, size: int) -> None:
        self.spent += size
        if self.spent > self.size:
            raise _TooLarge


def _repeated(value: Any, budget: _Budget) -> Any:
    try:
        return _plain(value, 0, budget)
    except _TooLarge:
        budget.spent = min(budget.spent, budget.size)
        return value[:256] + _CUT if isinstance(value, str) else _CUT


def _safe(value: Any) -> bytes:
    try:
        return _encode(value)
    except (UnicodeEncodeError, TypeError, ValueError, OverflowError, msgspec.MsgspecError):
        return b"null"


def _plain(value: Any, depth: int, budget: _Budget) -> Any:
    """What `fastapi.encoders.jsonable_encoder` gives, for everything that pydantic puts into an item."""
    if value is None or type(value) is int or type(value) is bool:  # most of a large input
        budget.spend(1)
        return value
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, (str, bytes, bytearray)):
        budget.spend(len(value))
        return str(value) if isinstance(value, str) else value.decode("utf-8", "replace")
    budget.spend(1)
    if depth >= _MAX_DEPTH:
        return _CUT
    if isinstance(value, (Mapping, list, tuple, AbstractSet)):
        return _container(value, depth + 1, budget)  # pyright: ignore[reportUnknownArgumentType]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        members = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        return _container(members, depth + 1, budget)
    dump: Any = getattr(value, "model_dump", None)
    return _plain(dump(), depth + 1, budget) if callable(dump) else _scalar(value)


def _container(value: Mapping[Any, Any] | Iterable[Any], depth: int, budget: _Budget) -> Any:
    if isinstance(value, Mapping):
        members = cast("Mapping[Any, Any]", value)
        return {str(_plain(key, depth, budget)): _plain(item, depth, budget) for key, item in members.items()}
    return [_plain(item, depth, budget) for item in value]


def _scalar(value: Any) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, Decimal):
        exponent = value.as_tuple().exponent
        return int(value) if isinstance(exponent, int) and exponent >= 0 else _scalar(float(value))
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    return {} if isinstance(value, BaseException) else type(value).__name__
