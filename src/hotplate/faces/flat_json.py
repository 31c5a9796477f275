"""Small JSON objects of scalars, read and written fast, for faces whose values have no msgspec type.

`load` gives what `json_limits.load` gives, or None where it is not sure; `dump` writes as `json.dumps` does.
"""

from __future__ import annotations

import json
import json.encoder
import re
from collections.abc import Callable
from typing import Any, Final, cast

import msgspec

MAX_BYTES: Final = 64 * 1024
_SCALARS: Final = frozenset((str, int, float, bool, type(None)))
_KEY_AND_BLANK = re.compile(rb'"[ \t\r\n]+:')
_decode = msgspec.json.Decoder().decode
_refusals = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


def load(body: bytes) -> dict[str, Any] | None:
    """Read an object without objects or lists in it, and prove that no key is in it twice."""
    if len(body) > MAX_BYTES:
        return None
    try:
        tree: Any = _decode(body)
    except _refusals:
        return None
    if not isinstance(tree, dict):
        return None
    members = cast("dict[str, Any]", tree)
    for value in members.values():
        if type(value) not in _SCALARS:
            return None
    count = len(members)
    if body.count(b":") == count or (body.count(b'":') == count and not _KEY_AND_BLANK.search(body)):
        return members
    return None


def _make_writer() -> Callable[[Any], bytes]:
    """Make json.dumps with its C encoder made once, and not for each answer."""
    make: Any = getattr(json.encoder, "c_make_encoder", None)
    if make is None:  # another Python than CPython
        return lambda value: json.dumps(value).encode()
    default = json.JSONEncoder().default
    escape = json.encoder.encode_basestring_ascii
    pieces = make(None, default, escape, None, ": ", ", ", False, False, True)

    def write(value: Any) -> bytes:
        return (escape(value) if type(value) is str else "".join(pieces(value, 0))).encode()

    return write


dump = _make_writer()
"""Write a value. Raises TypeError, ValueError or RecursionError for what JSON cannot hold."""
