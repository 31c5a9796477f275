"""The usual request and answer of the Open Inference Protocol: scalars and flat lists in JSON, of the declared types.

Whatever is not that gives None, and the exact reader (`open_inference_request.py`) or writer has the word.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple, cast

import msgspec

from hotplate.contract.tensors import INTEGERS, Tensor
from hotplate.faces import json_limits

_KINDS: Final = {"BYTES": str, "BOOL": bool, "FP64": float, "FP32": float, **dict.fromkeys(INTEGERS, int)}
_DATATYPES: Final = {str: "BYTES", bool: "BOOL", int: "INT64", float: "FP64"}
_LOW, _HIGH = INTEGERS["INT64"]
_refusals = (msgspec.MsgspecError, UnicodeDecodeError, UnicodeEncodeError, RecursionError)
_encode = msgspec.json.Encoder().encode


class _Input(msgspec.Struct, gc=False):
    name: str
    datatype: str
    shape: list[int]
    data: list[Any]
    parameters: Any = None


class _Request(msgspec.Struct, gc=False):
    inputs: list[_Input]
    id: Any = None
    parameters: Any = None
    outputs: Any = None


_decode = msgspec.json.Decoder(_Request).decode


class _Wanted(NamedTuple):
    datatype: str
    kind: type
    scalar: bool
    length: int
    low: int
    high: int


class Reader:
    """Reads calls whose inputs are all of the types that it was made for."""

    __slots__ = ("_inputs",)

    def __init__(self, tensors: Mapping[str, Tensor]) -> None:
        self._inputs: dict[str, _Wanted] = {}
        for name, tensor in tensors.items():
            kind = _KINDS.get(tensor.datatype)
            if tensor.form == "tensor" and kind is not None and len(tensor.shape) == 1:
                low, high = INTEGERS.get(tensor.datatype, (0, 0))
                self._inputs[name] = _Wanted(tensor.datatype, kind, tensor.scalar, tensor.shape[0], low, high)

    def read(self, body: bytes) -> dict[str, Any] | None:
        """Give the values by name."""
        if len(body) > json_limits.MAX_VALUES:
            return None
        try:
            request = _decode(body)
        except _refusals:
            return None
        if request.id is not None or request.parameters is not None or request.outputs is not None:
            return None
        values: dict[str, Any] = {}
        inputs = self._inputs
        for entry in request.inputs:
            wanted = inputs.get(entry.name)
            if wanted is None or entry.parameters is not None:
                return None
            datatype, kind, scalar, length, low, high = wanted
            data = entry.data
            count = len(data)
            if entry.datatype != datatype or entry.shape != [count] or (length != count and length >= 0):
                return None
            for value in data:
                if type(value) is not kind:
                    return None
            if high and data and not low <= min(data) <= max(data) <= high:
                return None
            values[entry.name] = data[0] if scalar else data
        return values if len(values) == len(request.inputs) else None


class _Output(msgspec.Struct, gc=False):
    name: str
    datatype: str
    shape: list[int]
    data: list[Any]


class _Answer(msgspec.Struct, gc=False):
    model_name: str
    model_version: str
    outputs: list[_Output]


def write(value: Any, model: str) -> bytes | None:
    """Write a dict of scalars, or one scalar, as outputs of one element each."""
    members = cast("dict[Any, Any]", value) if isinstance(value, dict) else {"output": value}
    outputs: list[_Output] = []
    for name, member in members.items():
        kind = cast("Any", type(member))
        datatype = _DATATYPES.get(kind)
        if datatype is None or type(name) is not str or (datatype == "INT64" and not _LOW <= member <= _HIGH):
            return None
        outputs.append(_Output(name, datatype, [1], [member]))
    try:
        return _encode(_Answer(model, "1", outputs))
    except _refusals:
        return None
