"""Contract to JSON bytes and back, as it travels from worker to server and lies in a revision.

What is decoded equals what was encoded. A field of the wrong type, or one that this version does not know, is an
error, so that two versions never agree by losing something.
"""

from __future__ import annotations

from functools import cache
from typing import Any, cast

import msgspec

from hotplate.contract import Contract
from hotplate.errors import WireError

_encoder = msgspec.json.Encoder()


def encode_contract(contract: Contract) -> bytes:
    """Write a contract as JSON. Its schemas and defaults must be JSON values, as every dialect's are.

    Raises:
        WireError: they hold what JSON cannot, such as a set.
    """
    try:
        return _encoder.encode(contract)
    except (msgspec.MsgspecError, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise WireError(f"the contract cannot be written as JSON: {error}") from error


def decode_contract(body: bytes | bytearray | memoryview) -> Contract:
    """Read a contract.

    Raises:
        WireError: it is not JSON, lacks a field, has one of the wrong type or one that is not known.
    """
    try:
        contract = _decoder().decode(body)
        written: Any = msgspec.json.decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise WireError(f"the contract cannot be read: {error}") from error
    if extra := _unknown(written, msgspec.to_builtins(contract), "contract"):
        raise WireError(f"the contract has a field that this version does not know: {extra}")
    return contract


@cache
def _decoder() -> msgspec.json.Decoder[Contract]:
    return msgspec.json.Decoder(Contract)  # made when first needed: a worker only encodes


def _unknown(written: Any, known: Any, where: str) -> str | None:
    """Name the first member of `written` that is not in `known`."""
    pairs: list[tuple[str, Any, Any]] = []
    if isinstance(written, dict) and isinstance(known, dict):
        members = cast("dict[str, Any]", written)
        if extra := next((key for key in members if key not in known), None):
            return f"{where}.{extra}"
        pairs = [(f"{where}.{key}", value, known[key]) for key, value in members.items()]
    elif isinstance(written, list):
        elements = zip(cast("list[Any]", written), known, strict=True)
        pairs = [(f"{where}[{i}]", value, other) for i, (value, other) in enumerate(elements)]
    return next((found for place, value, other in pairs if (found := _unknown(value, other, place))), None)
