"""Results into tensors: the members of a dict are outputs of their own, any other value is the output `output`.

The datatype follows the value: text and media BYTES, bool BOOL, int INT64, float FP64, an array of numpy's its own
width. What is no tensor (a dict, None, a list of unlike things) goes out as its JSON text, in one element of BYTES.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, cast

import msgspec

from hotplate.contract.tensors import INTEGERS
from hotplate.errors import InvalidInput, InvalidOutput
from hotplate.faces import open_inference_binary
from hotplate.faces.base import Answer
from hotplate.faces.open_inference_request import Wanted

_to_json = msgspec.json.Encoder().encode
_refusals = (msgspec.MsgspecError, UnicodeEncodeError, TypeError, ValueError, OverflowError, RecursionError)
_SCALARS: Mapping[type, str] = {str: "BYTES", bytes: "BYTES", bool: "BOOL", int: "INT64", float: "FP64"}
_DTYPES: Mapping[str, str] = {
    **{name.lower(): name for name in INTEGERS},
    "bool": "BOOL",
    "float16": "FP16",
    "float32": "FP32",
    "float64": "FP64",
    "bfloat16": "BF16",
}


class Written(NamedTuple):
    """One output. `data` is a flat list or an array of numpy's; `media` are the bytes behind base64 text."""

    name: str
    datatype: str
    shape: list[int]
    data: Any
    media: bytes | None = None


def outputs(value: Any) -> list[Written]:
    """Make the outputs of a result. Raises InvalidOutput, and the value itself if it is an exception."""
    if isinstance(value, BaseException):
        raise value
    members = _members(value)
    if members is None:
        return [_output("output", value)]
    return [_output(name, member) for name, member in members.items()]


def _members(value: Any) -> dict[str, Any] | None:
    """The members of a dict with names, of a model of pydantic's, of a dataclass; None for anything else."""
    if isinstance(value, dict):
        found = cast("dict[Any, Any]", value)
        return found if all(isinstance(name, str) for name in found) else None
    kind = cast("Any", type(value))
    if hasattr(kind, "from_base64"):
        return None  # media, whatever it is made of
    names: Any = getattr(kind, "model_fields", None) or getattr(kind, "__dataclass_fields__", None)
    if isinstance(names, dict):
        return {name: getattr(value, name) for name in cast("dict[str, Any]", names)}
    return None


def _output(name: str, value: Any) -> Written:
    kind = cast("Any", type(value))
    if kind is bytes:
        return Written(name, "BYTES", [1], [_text(value)], value)
    datatype = _SCALARS.get(kind)
    if datatype is not None and not (datatype == "INT64" and not -(1 << 63) <= value < 1 << 63):
        return Written(name, datatype, [1], [_text(value) if datatype == "BYTES" else value])
    if hasattr(value, "dtype") and hasattr(value, "shape"):
        return _array(name, value)
    if kind is list:
        if not value:
            return Written(name, "FP64", [0], [])  # as an array of numpy's with nothing in it
        if (found := _list(name, value)) is not None:
            return found
    to_bytes: Callable[[], bytes] | None = getattr(value, "to_bytes", None)
    if to_bytes is not None and hasattr(kind, "from_base64"):
        import pybase64

        raw = to_bytes()
        return Written(name, "BYTES", [1], [pybase64.b64encode(raw).decode()], raw)
    return Written(name, "BYTES", [1], [_json_text(value)])


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            import pybase64

            return pybase64.b64encode(value).decode()
    return value


def _list(name: str, value: list[Any]) -> Written | None:
    """A list of like scalars, or lists of the same lengths in lists; None for anything else."""
    if any(hasattr(each, "dtype") for each in value) and (numpy := sys.modules.get("numpy")) is not None:
        try:
            return _array(name, numpy.array(value))
        except ValueError:
            return None
    shape: list[int] = []
    level = value
    while True:
        shape.append(len(level) if not shape else len(level) // _count(shape))
        if not all(type(each) is list for each in level):
            break
        lengths = {len(each) for each in level}
        if len(lengths) != 1 or lengths == {0}:
            return None
        level = [inner for each in level for inner in each]
    kinds: set[Any] = {type(each) for each in level}
    if kinds == {int, float}:
        return Written(name, "FP64", shape, [float(each) for each in level])
    datatype = _SCALARS.get(kinds.pop()) if len(kinds) == 1 else None
    if datatype is None or (datatype == "INT64" and not all(-(1 << 63) <= each < 1 << 63 for each in level)):
        return None
    return Written(name, datatype, shape, [_text(each) for each in level] if datatype == "BYTES" else level)


def _count(shape: list[int]) -> int:
    count = 1
    for length in shape:
        count *= length
    return count


def _array(name: str, value: Any) -> Written:
    """An array or a scalar of numpy's, or a tensor of torch's on any device."""
    if hasattr(value, "detach"):
        value = value.detach().cpu()
        value = value.float().numpy() if str(value.dtype) == "torch.bfloat16" else value.numpy()
    kind = str(value.dtype)
    shape = [int(n) for n in value.shape] or [1]
    datatype = _DTYPES.get(kind)
    flat = value.reshape(-1)
    if datatype is None:
        if value.dtype.kind not in "USO":
            raise InvalidOutput(f"output {name} is an array of {kind}, which no datatype stands for")
        return Written(
            name, "BYTES", shape, [_text(each) if isinstance(each, bytes) else str(each) for each in flat.tolist()]
        )
    return Written(name, datatype, shape, flat)


def _json_text(value: Any) -> str:
    try:
        return _to_json(value).decode()
    except _refusals as error:
        try:
            import pydantic_core

            return pydantic_core.to_json(value).decode()
        except (ImportError, ValueError):
            raise InvalidOutput from error


def answer(written: list[Written], wanted: Wanted, model: str, *, batched: bool) -> bytes | Answer:
    """Write the response of `infer`, in Triton's order, with those outputs that are wanted."""
    if wanted.outputs:
        known = {each.name for each in written}
        for name in wanted.outputs:
            if name not in known:
                raise InvalidInput(f"unexpected inference output '{name}' for model '{model}'")
        written = [each for each in written if each.name in wanted.outputs]
    parts: list[bytes] = []
    tensors: list[dict[str, Any]] = []
    for each in written:
        tensor: dict[str, Any] = {
            "name": each.name,
            "datatype": each.datatype,
            "shape": [1, *each.shape] if batched else each.shape,
        }
        if wanted.outputs.get(each.name, wanted.binary):
            raw = open_inference_binary.write([each.media] if each.media is not None else each.data, each.datatype)
            tensor["parameters"] = {"binary_data_size": len(raw)}
            parts.append(raw)
        else:
            tensor["data"] = each.data.tolist() if hasattr(each.data, "tolist") else each.data
        tensors.append(tensor)
    head = {"id": wanted.id} if wanted.id else {}
    body = _json({**head, "model_name": model, "model_version": "1", "outputs": tensors})
    if not parts:
        return body
    length = (("inference-header-content-length", str(len(body))),)
    return Answer(body=b"".join((body, *parts)), content_type="application/octet-stream", headers=length)


def _json(tree: dict[str, Any]) -> bytes:
    try:
        return _to_json(tree)
    except _refusals as error:
        raise InvalidOutput from error


def flat(written: list[Written]) -> dict[str, Any]:
    """The outputs by name, as generate has them: one element is a scalar, more are an array."""
    found: dict[str, Any] = {}
    for each in written:
        data: list[Any] = each.data.tolist() if hasattr(each.data, "tolist") else each.data
        found[each.name] = data[0] if len(data) == 1 else data
    return found
