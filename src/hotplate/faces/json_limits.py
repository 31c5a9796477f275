"""What JSON from a caller may be, beyond the grammar: bounded depth and count, no NaN, no lone surrogate, no key twice.

`load` is the exact reader: slow, and right in every case. The fast path in `decoding.py` does not call it when it can
prove by cheaper means that `load` would find nothing.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, Final, NoReturn

import msgspec

from hotplate.errors import InvalidInput, LimitExceeded, MalformedBody

MAX_DEPTH: Final = 64
MAX_VALUES: Final = 1_000_000
"""Bounds what a body of 10 MB can grow to in memory: `[],[],[],…` costs 20 times its size."""

# Whole bodies are looked at with bytes.translate, replace, count and find only: a regular expression takes fifty times
# as long for each character, and a second for 10 MB.
_ONE_BRACKET = bytes.maketrans(b"{}", b"[]")
_NOT_STRUCTURE = bytes(set(range(256)) - set(b'[]{},"'))
_NOT_OPENING = bytes(set(range(256)) - set(b",[{"))
_ONE_DIGIT = bytes.maketrans(b"123456789E", b"000000000e")
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|.)", re.DOTALL)


_encode = msgspec.json.Encoder().encode


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
        parse_float=_finite if _may_overflow(data) else None,
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
    if "\\ud" in text or "\\uD" in text or not text.isascii():
        _refuse_surrogates(text, tree)
    return tree


def bound_values(body: bytes) -> None:
    """Raise LimitExceeded for a body of more than MAX_VALUES values. Free for a body of fewer bytes than that."""
    if len(body) > MAX_VALUES and _openings(body) > MAX_VALUES and _openings(_structure(body)) > MAX_VALUES:
        raise _limit(f"More than {MAX_VALUES} values")


def bound_depth(body: bytes) -> None:
    """Raise LimitExceeded for nesting deeper than MAX_DEPTH. The body must be valid JSON in an extension of ASCII.

    Each round removes the innermost brackets of the whole text at once: no recursion, and no Python per character.
    """
    if body.count(b"[") + body.count(b"{") <= MAX_DEPTH:
        return
    bare = _structure(body).translate(_ONE_BRACKET, b",")
    for _ in range(MAX_DEPTH):
        if not bare:
            return
        bare = bare.replace(b"[]", b"")
    if bare:
        raise _too_deep()


def _structure(body: bytes) -> bytes:
    """Give the brackets and commas that stand outside of strings.

    Without escapes, every second piece between quotes is outside; two quotes side by side may go, since they change
    nothing for what is left of them and right of them.
    """
    plain = body.replace(b"\\\\", b"").replace(b'\\"', b"")
    return b"".join(plain.translate(None, _NOT_STRUCTURE).replace(b'""', b"").split(b'"')[::2])


def _may_overflow(body: bytes) -> bool:
    """Say whether some number may be past the range of a double: an exponent of three digits, or 309 digits."""
    digits = body.translate(_ONE_DIGIT, b"+")
    return b"e000" in digits or b"0" * 309 in digits


def _openings(body: bytes) -> int:
    return len(body.translate(None, _NOT_OPENING))


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


def _refuse_surrogates(text: str, tree: Any) -> None:
    """A string with half a surrogate pair cannot be encoded again: not into an answer, a file or a log."""
    try:
        text.encode()
        _encode(tree)
    except UnicodeEncodeError as error:
        raise _invalid("Lone surrogate", _surrogate_at(text, error)) from None


def _surrogate_at(text: str, error: UnicodeEncodeError) -> int:
    if error.object == text:
        return error.start
    high_at = -1
    for match in _ESCAPE.finditer(text):
        code = int(match[1], 16) if match[1] else 0
        if high_at >= 0:
            if not (0xDC00 <= code <= 0xDFFF and match.start() == high_at + 6):
                return high_at
            high_at = -1
        elif 0xD800 <= code <= 0xDBFF:
            high_at = match.start()
        elif 0xDC00 <= code <= 0xDFFF:
            return match.start()
    return high_at


def _item(text: str, position: int | None) -> dict[str, Any]:
    loc = ["body"] if position is None else ["body", position]
    return {"type": "json_invalid", "loc": loc, "msg": "JSON decode error", "input": {}, "ctx": {"error": text}}


def _invalid(text: str, position: int | None = None) -> InvalidInput:
    return InvalidInput(f"The body is not valid JSON: {text}.", details=[_item(text, position)])


def _limit(text: str) -> LimitExceeded:
    return LimitExceeded(f"The body is over a limit: {text}.", details=[_item(text, None)])


def _too_deep() -> LimitExceeded:
    return _limit(f"Nested deeper than {MAX_DEPTH} levels")
