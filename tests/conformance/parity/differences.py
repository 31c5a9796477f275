"""The argued exceptions of the parity suite: what a dialect cannot say, or says differently, and why.

`docs/dialects.md` has the same table; a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.conformance.parity.cases import REFUSED

ANSWERS: Mapping[tuple[str, str], tuple[Any, str]] = {
    ("input_schema", "null for a number"): ({"times": 2}, "null stands for an input that was not sent"),
    ("input_schema", "an integer of more than 64 bits"): (REFUSED, "its inputs have a width"),
    ("entry_point", "a float for an integer"): ({"times": 2}, "marshmallow cuts it off, unless the field is strict"),
    ("entry_point", "true for an integer"): (REFUSED, "marshmallow takes no boolean for a number"),
    ("routes", "null in a list"): ({"numbers": [1, None]}, "the type `list` says nothing of its items"),
    ("routes", "a list in a list"): ({"numbers": [[1, 2]]}, "the type `list` says nothing of its items"),
    ("predictor", "an input that nobody knows"): ({}, "nothing is declared, so every name is taken"),
    ("predictor", "a number in quotes"): (REFUSED, "the author checks, and this one does not convert"),
    ("predictor", "a whole float for an integer"): (REFUSED, "the author checks, and this one does not convert"),
    ("predictor", "true for an integer"): (REFUSED, "the author checks, and this one does not convert"),
    ("predictor", "1 for a boolean"): (REFUSED, "the author checks, and this one does not convert"),
}
"""(dialect, case) to what comes back instead. Where `ONLY_PLAIN` has it, `open_inference` does not differ."""

ONLY_PLAIN = frozenset(
    (
        ("input_schema", "null for a number"),
        ("entry_point", "a float for an integer"),
        ("routes", "null in a list"),
    )
)
"""Differences that `open_inference` does not have: a tensor's datatype has said no before the dialect is asked."""

TENSORS: Mapping[tuple[str, str], tuple[Any, str]] = {
    ("predictor", "a list of one"): (REFUSED, "without a declared shape, one element is a scalar"),
}

NOT_WRITTEN: Mapping[tuple[str, str], str] = {
    ("routes", "stream"): "what a generator yields is collected into a list, as on proxiML",
    ("predictor", "stream"): "Cortex had no streams",
    ("entry_point", "stream"): "DEEPaaS had no streams",
    ("entry_point", "async"): "DEEPaaS calls plain functions",
    ("entry_point", "batch"): "DEEPaaS had no batches",
}
"""(dialect, model) that cannot be written."""

FILES: Mapping[str, tuple[frozenset[str], str]] = {
    "service": (frozenset(("json", "form", "raw", "tensor")), ""),
    "function": (frozenset(("json", "form", "raw", "tensor")), ""),
    "input_schema": (frozenset(("json",)), "a datatype of its own for files does not exist: base64 text"),
    "routes": (frozenset(("json",)), "a type of its own for files does not exist: base64 text"),
    "predictor": (frozenset(("raw", "tensor")), "the body is the payload"),
    "entry_point": (frozenset(("json", "form", "raw", "tensor")), ""),
}
"""How a file reaches the model: base64 in JSON, a part of a form, the body itself, a tensor; and why not else."""
