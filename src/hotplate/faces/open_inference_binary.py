"""The binary tensor data extension: elements in row-major order, little endian; BYTES with a length before each.

Plain Python reads and writes scalars and vectors. Tensors of more dimensions are numpy's, where it is installed; then
a value is a list of arrays over the first dimension, as Triton's Python models were given.
"""

from __future__ import annotations

import struct
import sys
from array import array
from typing import Any, Final

from hotplate.errors import InvalidInput

BYTES_OF: Final = {
    "BOOL": 1,
    **{f"{sign}INT{bits}": bits // 8 for sign in ("", "U") for bits in (8, 16, 32, 64)},
    "FP16": 2,
    "BF16": 2,
    "FP32": 4,
    "FP64": 8,
}
_CODES: Final = {
    "INT8": "b",
    "INT16": "h",
    "INT32": "i",
    "INT64": "q",
    "UINT8": "B",
    "UINT16": "H",
    "UINT32": "I",
    "UINT64": "Q",
    "BOOL": "?",
    "FP16": "e",
    "FP32": "f",
    "FP64": "d",
}
_NUMPY: Final = {"BOOL": "bool", "FP16": "<f2", "FP32": "<f4", "FP64": "<f8"} | {
    f"{sign}INT{bits}": f"<{'u' if sign else 'i'}{bits // 8}" for sign in ("", "U") for bits in (8, 16, 32, 64)
}


def read(raw: memoryview, datatype: str, count: int, shape: list[int], name: str) -> list[Any]:
    """Give the elements as a flat list; of a tensor of several dimensions, a list over the first one.

    Raises:
        InvalidInput: the data has not the size that the shape tells.
    """
    if datatype == "BYTES":
        return _nested(_strings(raw, count, name), shape)
    size = BYTES_OF[datatype]
    if len(raw) != count * size:
        raise InvalidInput(f"unexpected total byte size {len(raw)} for input '{name}', expecting {count * size}")
    if len(shape) > 1 and datatype != "BF16" and (numpy := arrays()) is not None:
        return list(numpy.frombuffer(bytes(raw), dtype=_NUMPY[datatype]).reshape(shape))
    if datatype == "BF16":
        halves = struct.unpack(f"<{count}H", raw)
        values: list[Any] = list(struct.unpack(f"<{count}f", struct.pack(f"<{count}I", *(h << 16 for h in halves))))
    else:
        values = list(struct.unpack(f"<{count}{_CODES[datatype]}", raw))
    return _nested(values, shape)


def _nested(values: list[Any], shape: list[int]) -> list[Any]:
    for length in reversed(shape[1:]):
        values = [values[at : at + length] for at in range(0, len(values), length)] if length else []
    return values


def _strings(raw: memoryview, count: int, name: str) -> list[Any]:
    """Elements that are UTF-8 are text; others stay bytes."""
    found: list[Any] = []
    at = 0
    while at < len(raw):
        if at + 4 > len(raw) or at + 4 + (length := int.from_bytes(raw[at : at + 4], "little")) > len(raw):
            raise InvalidInput(f"unexpected end of the string data for input '{name}'")
        element = bytes(raw[at + 4 : at + 4 + length])
        at += 4 + length
        try:
            found.append(element.decode())
        except UnicodeDecodeError:
            found.append(element)
    if len(found) != count:
        raise InvalidInput(f"expected {count} string elements for inference input '{name}', got {len(found)}")
    return found


def write(values: Any, datatype: str) -> bytes:
    """Write a flat list of elements, or an array of numpy's, as binary data."""
    if datatype == "BYTES":
        parts = [value if isinstance(value, bytes) else str(value).encode() for value in values]
        return b"".join(len(part).to_bytes(4, "little") + part for part in parts)
    tobytes = getattr(values, "tobytes", None)
    if tobytes is not None and datatype != "BF16":
        kind: Any = values.dtype.newbyteorder("<")
        return values.astype(kind).tobytes() if sys.byteorder == "big" else tobytes()
    flat = list(values)
    if datatype == "BF16":
        words = struct.unpack(f"<{len(flat)}I", array("f", flat).tobytes())
        return struct.pack(f"<{len(flat)}H", *(_round_bfloat16(word) for word in words))
    return struct.pack(f"<{len(flat)}{_CODES[datatype]}", *flat)


def _round_bfloat16(word: int) -> int:
    """The upper half of a float, rounded to the nearest, ties to even; a NaN stays one."""
    if word & 0x7FFFFFFF > 0x7F800000:
        return word >> 16 | 0x40
    return (word + 0x7FFF + (word >> 16 & 1) >> 16) & 0xFFFF


def arrays() -> Any:
    """Give numpy, or None where it is not installed."""
    try:
        import numpy
    except ImportError:
        return None
    return numpy
