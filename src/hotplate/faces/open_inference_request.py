"""Request bodies of the Open Inference Protocol into values: JSON tensors, binary tensors, and generate's scalars.

The texts of refusals are those of Triton's http_server.cc. Its status for a shape that does not fit its data is 500;
here everything that is the caller's is 400.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, cast

import msgspec

from hotplate.contract.tensors import ANYTHING, DATATYPES, FLOATS, INTEGERS, Tensor
from hotplate.errors import InvalidInput
from hotplate.faces import json_limits, open_inference_binary

Tree = dict[str, Any]


class Wanted(NamedTuple):
    """What the caller wants of the answer. `outputs` maps names to whether they are to be binary; empty: all."""

    id: str = ""
    binary: bool = False
    outputs: Mapping[str, bool] = {}


class AnyInputs(dict[str, Tensor]):
    """The inputs of a model that takes whatever is sent, by name."""

    def __contains__(self, name: object) -> bool:
        return True

    def __missing__(self, name: str) -> Tensor:
        return ANYTHING


def refused(text: str) -> InvalidInput:
    """Make the error for a request that does not fit."""
    return InvalidInput(text)


def missing_inputs(model: str, names: list[str], required: set[str], given: Iterable[str]) -> InvalidInput:
    """Make the error for inputs that were left out."""
    sent = list(given)
    lacking = [name for name in names if name in required and name not in sent]
    low, high = len(required), len(names)
    count = f"{high} inputs" if low == high else f"number of inputs between {low} and {high}"
    return refused(
        f"expected {count} but got {len(sent)} inputs for model '{model}'. Got input(s) {_listed(sent)}, but missing "
        f"required input(s) {_listed(lacking)}. Please provide all required input(s)."
    )


def _listed(names: Iterable[str]) -> str:
    return "[" + ",".join(f"'{name}'" for name in names) + "]"


# -- infer -----------------------------------------------------------------------------------------------------


def read_infer(
    body: bytes, header: str | None, tensors: Mapping[str, Tensor], model: str, batched: bool
) -> tuple[Tree, Wanted]:
    """Read `{"inputs": [...]}`, followed by binary data where `header` says how long the JSON is."""
    length = _length(header, len(body))
    tree = _load(body[:length])
    inputs = _member(tree, "inputs", list, "inputs")
    rest = memoryview(body)[length:]
    values: Tree = {}
    for each in inputs:
        if not isinstance(each, dict):
            raise refused("Unable to parse 'inputs': attempt to access JSON non-object as object")
        entry = cast("Tree", each)
        name = _member(entry, "name", str, "name")
        if name not in tensors:
            raise refused(f"unexpected inference input '{name}' for model '{model}'")
        if name in values:
            raise refused(f"input '{name}' is given twice for model '{model}'")
        size = _parameters(entry).get("binary_data_size")
        raw: memoryview | None = None
        if size is not None:
            if type(size) is not int or not 0 <= size <= len(rest):
                raise refused(f"unexpected size for input '{name}': there are {len(rest)} bytes of binary data left")
            raw, rest = rest[:size], rest[size:]
        values[name] = _Input(name, entry, tensors[name], model, batched).value(raw)
    if rest:
        raise refused(f"{len(rest)} bytes of binary data belong to no input")
    return values, _wanted(tree)


def _length(header: str | None, size: int) -> int:
    if header is None:
        return size
    if not header.isascii() or not header.isdigit() or len(header) > 18 or int(header) > size:
        raise refused(f"Inference-Header-Content-Length is {header[:32]!r}, and the body has {size} bytes")
    return int(header)


def _load(data: bytes) -> Tree:
    try:
        json_limits.bound_values(data)
        tree: Any = msgspec.json.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        tree = json_limits.load(data) if data else None
    json_limits.bound_depth(data)
    if not isinstance(tree, dict):
        raise refused("failed to parse the request JSON buffer: The document is not an object.")
    return cast("Tree", tree)


def _member(tree: Tree, key: str, kind: type, what: str) -> Any:
    if key not in tree:
        raise refused(f"Unable to parse '{what}': attempt to access non-existing object member '{key}'")
    if not isinstance(tree[key], kind):
        raise refused(f"Unable to parse '{what}': attempt to access JSON non-{kind.__name__} as {kind.__name__}")
    return tree[key]


def _parameters(tree: Tree) -> Tree:
    found = tree.get("parameters")
    return cast("Tree", found) if isinstance(found, dict) else {}


def _wanted(tree: Tree) -> Wanted:
    call_id = tree.get("id")
    binary = _parameters(tree).get("binary_data_output") is True
    outputs: dict[str, bool] = {}
    for each in _member(tree, "outputs", list, "outputs") if "outputs" in tree else ():
        if not isinstance(each, dict):
            raise refused("Unable to parse 'outputs': attempt to access JSON non-object as object")
        entry = cast("Tree", each)
        parameters = _parameters(entry)
        if "classification" in parameters or "shared_memory_region" in parameters:
            raise refused("Unable to parse 'outputs': classification and shared memory are not supported")
        outputs[_member(entry, "name", str, "name")] = bool(parameters.get("binary_data", binary))
    return Wanted(call_id if isinstance(call_id, str) else "", binary, outputs)


class _Input:
    """One entry of `inputs`, held to the tensor that its parameter stands for."""

    def __init__(self, name: str, entry: Tree, tensor: Tensor, model: str, batched: bool) -> None:
        if "shared_memory_region" in _parameters(entry):
            raise refused(f"shared memory is not supported, for input '{name}'")
        self.name, self.entry, self.tensor, self.model = name, entry, tensor, model
        self.datatype: str = _member(entry, "datatype", str, "datatype")
        if self.datatype not in DATATYPES:
            raise refused(f"Unable to parse 'datatype': there is no datatype {self.datatype[:16]!r}")
        self.shape = self._shape(batched)
        self._check_datatype()

    def _shape(self, batched: bool) -> list[int]:
        shape = _member(self.entry, "shape", list, "shape")
        if not all(type(n) is int and n >= 0 for n in shape) or len(shape) > 16:
            raise refused("Unable to parse 'shape': it must be a list of numbers that are not negative")
        wanted = self.tensor.shape
        if self.tensor.form == "any":
            return shape[1:] if batched and shape[:1] == [1] and len(shape) > 1 else shape
        if len(shape) == len(wanted) + 1 and shape[0] == 1:
            shape = shape[1:]  # a dimension for the request, as callers of batched models send it
        fits = len(shape) == len(wanted) and all(n in (have, -1) for have, n in zip(shape, wanted, strict=True))
        if not fits:
            expected = "[" + ",".join(map(str, ([-1] if batched else []) + list(wanted))) + "]"
            raise refused(
                f"unexpected shape for input '{self.name}' for model '{self.model}'. Expected {expected}, "
                f"got [{','.join(map(str, _member(self.entry, 'shape', list, 'shape')))}]"
            )
        return shape

    def _check_datatype(self) -> None:
        """Any width of the right kind is taken; integers do for floats."""
        wanted, given = self.tensor.datatype, self.datatype
        if self.tensor.form == "any" or wanted == given:
            return
        number = given in INTEGERS or given in FLOATS
        if (wanted in INTEGERS and given in INTEGERS) or (wanted in FLOATS and number):
            return
        raise refused(
            f"inference input '{self.name}' data-type is '{given}', but model '{self.model}' expects '{wanted}'"
        )

    def value(self, raw: memoryview | None) -> Any:
        count = 1
        for n in self.shape:
            count *= n
        if raw is not None:
            values = open_inference_binary.read(raw, self.datatype, count, self.shape, self.name)
            return self._finish(values, nested=len(self.shape) > 1)
        if "data" not in self.entry:
            raise refused("Unable to parse 'data': attempt to access non-existing object member 'data'")
        values = _flatten(self.entry["data"])
        if len(values) != count:
            if self.datatype == "BYTES":
                raise refused(
                    f"expected {count} string elements for inference input '{self.name}' for model '{self.model}', "
                    f"got {len(values)}"
                )
            raise refused("Unable to parse 'data': Shape does not match true shape of 'data' field")
        check_elements(values, self.datatype, self.name)
        return self._finish(values, nested=False)

    def _finish(self, values: Any, *, nested: bool) -> Any:
        check_range(values, self.tensor, self.name)
        if self.tensor.datatype in FLOATS and not nested:
            values = floats(values, self.name)
        if self.tensor.form == "json":
            return load_text(values[0], self.name)
        scalar = self.tensor.scalar and (self.tensor.form != "any" or self.shape == [1])
        if scalar:
            return values[0]
        return values if nested else _nest(values, self.shape)


def _flatten(data: Any) -> list[Any]:
    """Bring nested data into row-major order."""
    values: list[Any] = cast("list[Any]", data) if isinstance(data, list) else [data]
    while any(type(value) is list for value in values):
        values = [inner for value in values for inner in (cast("list[Any]", value) if type(value) is list else [value])]
    return values


def _nest(values: list[Any], shape: list[int]) -> list[Any]:
    for length in reversed(shape[1:]):
        values = [values[at : at + length] for at in range(0, len(values), length)] if length else []
    return values


def check_elements(values: list[Any], datatype: str, name: str) -> None:
    """Hold JSON values to a datatype: strings, booleans, integers, or numbers."""
    kinds: tuple[type, ...] = (int, float) if datatype in FLOATS else (int,)
    kinds = {"BYTES": (str,), "BOOL": (bool,)}.get(datatype, kinds)
    for value in values:
        if type(value) not in kinds:
            shown = type(value).__name__
            raise refused(f"Unable to parse 'data': element of type {shown} for input '{name}' of datatype {datatype}")
    if datatype in INTEGERS:
        _check_bounds(values, datatype, name)


def floats(values: Any, name: str) -> Any:
    """Make floats of the integers that stand among them."""
    if not any(type(value) is int for value in values):
        return values
    try:
        return [float(value) for value in values]
    except OverflowError:
        raise refused(f"input '{name}' has a number out of the range of FP64") from None


def check_range(values: Any, tensor: Tensor, name: str) -> None:
    """Hold integers to the declared width. Arrays of numpy's were read with a width that says enough."""
    if tensor.datatype in INTEGERS and isinstance(values, list) and type(values[0] if values else None) is int:  # pyright: ignore[reportUnknownArgumentType]
        _check_bounds(cast("list[int]", values), tensor.datatype, name)


def _check_bounds(values: list[int], datatype: str, name: str) -> None:
    low, high = INTEGERS[datatype]
    if values and (min(values) < low or max(values) > high):
        raise refused(f"input '{name}' has a value out of the range of {datatype}, {low} to {high}")


def load_text(text: Any, name: str) -> Any:
    """Read the JSON text that stands for a value which is no tensor."""
    data = text if isinstance(text, bytes) else str(text).encode()
    try:
        return json_limits.load(data)
    except InvalidInput as error:
        raise refused(f"input '{name}' takes JSON text, and this is none: {error.message}") from None


# -- generate --------------------------------------------------------------------------------------------------

_OWN = frozenset(("id", "parameters"))


def read_generate(body: bytes, tensors: Mapping[str, Tensor]) -> tuple[Tree, Wanted]:
    """Read bare values named like the inputs, at the top or inside `parameters`. Names of no input are passed over."""
    tree = _load(body)
    anything = isinstance(tensors, AnyInputs)
    call_id = tree.get("id") if anything or "id" not in tensors else None
    nested = tree.get("parameters")
    if isinstance(nested, dict) and (anything or "parameters" not in tensors):
        tree = {**tree, **cast("Tree", nested)}
    if anything:
        return {name: value for name, value in tree.items() if name not in _OWN}, Wanted(
            call_id if isinstance(call_id, str) else ""
        )
    values = {name: _bare(tree[name], tensors[name], name) for name in tensors if tree.get(name) is not None}
    return values, Wanted(call_id if isinstance(call_id, str) else "")


def _bare(value: Any, tensor: Tensor, name: str) -> Any:
    if tensor.form == "any":
        return value
    if tensor.form == "json":
        return load_text(value, name) if isinstance(value, str) else value
    values = _flatten(value)
    if tensor.scalar and len(values) != 1:
        raise refused(f"unexpected shape for input '{name}': it takes one value")
    if not tensor.scalar:
        _check_dims(value, tensor, name)
    check_elements(values, tensor.datatype, name)
    if tensor.datatype in FLOATS:
        values = floats(values, name)
        if len(tensor.shape) == 1:
            return values[0] if tensor.scalar else values
    return values[0] if tensor.scalar else value if isinstance(value, list) else values  # pyright: ignore[reportUnknownVariableType]


def _check_dims(value: Any, tensor: Tensor, name: str) -> None:
    level: list[Any] = [value if isinstance(value, list) else [value]]
    for wanted in tensor.shape:
        lengths = {len(cast("list[Any]", each)) if isinstance(each, list) else -1 for each in level}
        if -1 in lengths or len(lengths) > 1 or (wanted >= 0 and lengths - {wanted}):
            raise refused(f"unexpected shape for input '{name}'. Expected {list(tensor.shape)}")
        level = [inner for each in level for inner in each]
