"""Inputs as JSON: what a caller has in hand (media objects, their `model_dump()`, pydantic models, arrays, dates)
becomes the JSON that a route expects.

Bytes are text here: `Image.model_dump()` holds base64 as bytes, and so do the values for a `bytes` parameter. Bytes
that are not text have no one meaning in JSON, so they are refused with the place and the two ways to send them;
guessing would encode b"abc" one way and b"\\xff" another.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from enum import Enum
from typing import Any, cast
from uuid import UUID

from hotplate.client.errors import InvalidCall

BYTES = (bytes, bytearray, memoryview)


def encode(inputs: Any) -> bytes:
    """Encode inputs as JSON.

    Besides JSON's own types this takes anything with `model_dump()`, bytes that hold UTF-8 text, dataclasses, enums,
    dates, UUIDs, decimals, sets, and arrays with `tolist()`, at any depth.

    Raises InvalidCall, naming the place, for a value that JSON cannot carry (NaN and infinity too).
    """
    try:
        return json.dumps(inputs, default=_plain, allow_nan=False, separators=(",", ":")).encode()
    except (TypeError, ValueError, RecursionError) as error:
        place, problem = next(_problems(inputs, "inputs", 0), ("inputs", str(error)))
        raise InvalidCall(f"{place} {problem}") from error


def form_text(value: Any) -> str:
    """Write one input as a form field: text as it is, everything else as JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, BYTES):
        return _text(cast("bytes", value))
    return encode(value).decode()


def _plain(value: Any) -> Any:
    """Give the next simpler form of a value that JSON does not know; the encoder calls again for what is inside."""
    if isinstance(value, BYTES):
        return _text(cast("bytes", value))
    if callable(dump := getattr(value, "model_dump", None)):
        # Pydantic's own JSON form knows aliases and URL types; other classes only promise a model_dump().
        return dump(mode="json", by_alias=True) if hasattr(value, "__pydantic_serializer__") else dump()
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, UUID | Decimal):
        return str(value)
    if isinstance(value, set | frozenset):
        return list(cast("set[Any]", value))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if callable(tolist := getattr(value, "tolist", None)):
        return tolist()
    raise TypeError(f"is of type {type(value).__name__}, which JSON cannot carry")


def _text(value: bytes) -> str:
    try:
        return bytes(value).decode()
    except UnicodeDecodeError:
        raise TypeError(
            "holds bytes that are not text. Send them as a file, files={...}, or wrap them: Image.from_file(path)"
        ) from None


def _problems(value: Any, place: str, depth: int) -> Iterator[tuple[str, str]]:
    """Walk inputs that did not encode and say what is wrong and where. Runs only after a failure."""
    if depth > 100:
        yield place, "is nested too deep, or holds itself"
    elif isinstance(value, float):
        if not math.isfinite(value):
            yield place, f"is {value}, which JSON cannot carry"
    elif isinstance(value, Mapping):
        for key, item in cast("Mapping[Any, Any]", value).items():
            if not isinstance(key, str | int | float | bool | None):
                yield place, f"has a key of type {type(key).__name__}; JSON keys are text"
            yield from _problems(item, f"{place}[{key!r}]", depth + 1)
    elif isinstance(value, list | tuple):
        for index, item in enumerate(cast("list[Any]", value)):
            yield from _problems(item, f"{place}[{index}]", depth + 1)
    elif not isinstance(value, str | int | None):
        try:
            simpler = _plain(value)
        except (TypeError, ValueError) as error:
            yield place, str(error)
        else:
            yield from _problems(simpler, place, depth + 1)
