"""What JSON from a caller may be, beyond the grammar: bounded depth and count, no NaN, no lone surrogate, no key twice.

`load` is the exact reader: slow, and right in every case. The fast path in `decoding.py` does not call it when it can
prove by cheaper means that `load` would find nothing.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, Final, NoReturn

from hotplate.errors import InvalidInput, LimitExceeded, MalformedBody

MAX_DEPTH: Final = 64
MAX_VALUES: Final = 1_000_000
"""Bounds what a body of 10 MB can grow to in memory: `[],[],[],…` costs 20 times its size."""

_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_ONE_BRACKET = bytes.maketrans(b"{}", b"[]")
_MAYBE_INFINITE = re.compile(r"[eE]\+?\d{3}|(?<!\d)\d{309}")
_MAYBE_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|.)", re.DOTALL)


class _Refused(ValueError):
    """JSON that the grammar allows and we do not."""


def load(body: bytes) -> Any:
    """Read a whole body, as `json.loads` does (UTF-8, UTF-16 and UTF-32, with or without a byte order mark).

    Raises InvalidInput with one item of type `json_invalid`; its texts and positions for bad grammar are those of
    FastAPI. Raises MalformedBody for bytes that are not text.
    """
    encoding = json.detect_encoding(body)
    try:
        text = body.decode(encoding, "surrogatepass")
    except UnicodeDecodeError:
        raise MalformedBody from None
    data = body if encoding == "utf-8" else text.encode("utf-8", "surrogatepass")
    bound_values(data)
    decoder = json.JSONDecoder(
        object_pairs_hook=_unique,
        parse_constant=_constant,
        parse_float=_finite if _MAYBE_INFINITE.search(text) else None,
    )
    try:
        tree = decoder.decode(text)
    except json.JSONDecodeError as error:
        raise _invalid(error.msg, error.pos) from None
    except RecursionError:
        raise _too_deep() from None
    except _Refused as refusal:
        raise _invalid(str(refusal)) from None
    except ValueError:  # sys.set_int_max_str_digits: reading more digits than that takes quadratic time
        raise _invalid("Number with too many digits") from None
    bound_depth(data)
    _refuse_surrogates(text)
    return tree


def bound_values(body: bytes) -> None:
    """Raise LimitExceeded for a body of more than MAX_VALUES values. Free for a body of fewer bytes than that."""
    if len(body) > MAX_VALUES and _openings(body) > MAX_VALUES:
        bare = _STRING.sub(b"", body)
        if _openings(bare) > MAX_VALUES:
            raise _limit(f"More than {MAX_VALUES} values")


def bound_depth(body: bytes) -> None:
    """Raise LimitExceeded for nesting deeper than MAX_DEPTH. The body must be valid JSON in an extension of ASCII.

    Each round removes the innermost brackets of the whole text at once: no recursion, and no Python per character.
    """
    if body.count(b"[") + body.count(b"{") <= MAX_DEPTH:
        return
    bare = _STRING.sub(b"", body).translate(_ONE_BRACKET, _NOT_BRACKETS)
    for _ in range(MAX_DEPTH):
        if not bare:
            return
        bare = bare.replace(b"[]", b"")
    if bare:
        raise _too_deep()


def _openings(body: bytes) -> int:
    return body.count(b",") + body.count(b"[") + body.count(b"{")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise _Refused(f"Key {key[:64]!a} occurs twice in one object")
            seen.add(key)
    return members


def _constant(name: str) -> NoReturn:
    raise _Refused(f"{name} is not JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise _Refused("Number out of range")
    return number


def _refuse_surrogates(text: str) -> None:
    """A string with half a surrogate pair cannot be encoded again: not into an answer, a file or a log."""
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise _invalid("Lone surrogate", error.start) from None
    if _MAYBE_SURROGATE.search(text) is None:
        return
    high_at = -1
    for match in _ESCAPE.finditer(text):
        code = int(match[1], 16) if match[1] else 0
        if high_at >= 0:
            if not (0xDC00 <= code <= 0xDFFF and match.start() == high_at + 6):
                raise _invalid("Lone surrogate", high_at)
            high_at = -1
        elif 0xD800 <= code <= 0xDBFF:
            high_at = match.start()
        elif 0xDC00 <= code <= 0xDFFF:
            raise _invalid("Lone surrogate", match.start())
    if high_at >= 0:
        raise _invalid("Lone surrogate", high_at)


def _item(text: str, position: int | None) -> dict[str, Any]:
    loc = ["body"] if position is None else ["body", position]
    return {"type": "json_invalid", "loc": loc, "msg": "JSON decode error", "input": {}, "ctx": {"error": text}}


def _invalid(text: str, position: int | None = None) -> InvalidInput:
    return InvalidInput(f"The body is not valid JSON: {text}.", details=[_item(text, position)])


def _limit(text: str) -> LimitExceeded:
    return LimitExceeded(f"The body is over a limit: {text}.", details=[_item(text, None)])


def _too_deep() -> LimitExceeded:
    return _limit(f"Nested deeper than {MAX_DEPTH} levels")
