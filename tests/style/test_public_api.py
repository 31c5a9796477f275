"""The public names of `hotplate` and their signatures, held in public_api.txt.

After a change that is meant: HOTPLATE_UPDATE=1 python -m pytest tests/style/test_public_api.py
"""

from __future__ import annotations

import importlib
import inspect
import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

import hotplate

HELD = Path(__file__).with_name("public_api.txt")
OWN_DUNDERS = {"__init__", "__call__", "__enter__", "__exit__", "__aenter__", "__aexit__"}


def signature(thing: Any) -> str:
    try:
        return str(inspect.signature(thing)).replace("'", "")
    except (TypeError, ValueError):
        return "(…)"


def describe(name: str, thing: Any) -> list[str]:
    if not inspect.isclass(thing):
        return [f"{name}{signature(thing)}"]
    lines = [f"class {name}{signature(thing)}"]
    for base in reversed(thing.__mro__):
        if not base.__module__.startswith("hotplate"):
            continue
        for member, raw in sorted(vars(base).items()):
            if member.startswith("_") and member not in OWN_DUNDERS - {"__init__"}:
                continue
            kind = type(raw).__name__ if isinstance(raw, staticmethod | classmethod | property) else ""
            function = getattr(thing, member, raw)
            text = f"{name}.{member}{signature(function) if callable(function) else ''}"
            lines.append(f"{kind} {text}".strip())
    return sorted(set(lines), key=lambda line: (not line.startswith("class"), line))


def exists(name: str) -> bool:
    return find_spec(hotplate._HOME[name]) is not None


def now() -> str:
    there = [name for name in hotplate.__all__ if exists(name)]
    return "".join(f"{line}\n" for name in there for line in describe(name, getattr(hotplate, name)))


@pytest.mark.skipif(not all(map(exists, hotplate.__all__)), reason="this checkout lacks some of the modules")
def test_names_and_signatures_are_the_held_ones():
    if os.environ.get("HOTPLATE_UPDATE"):
        HELD.write_text(now(), "utf-8")
    assert now() == HELD.read_text("utf-8"), "the public API changed; see the top of this file"


def test_the_names_are_sorted_and_each_has_a_home():
    assert hotplate.__all__ == sorted(hotplate.__all__)
    assert set(hotplate.__all__) == set(hotplate._HOME)


def test_every_home_that_exists_has_the_name():
    for name in filter(exists, hotplate.__all__):
        assert getattr(hotplate, name) is getattr(importlib.import_module(hotplate._HOME[name]), name)
        assert inspect.getdoc(getattr(hotplate, name)), f"{name} needs a docstring"
