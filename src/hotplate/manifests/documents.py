"""Writes objects as YAML: the same objects are the same text, and every YAML reader reads the same values from it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import yaml

_PLAIN = re.compile(r"[A-Za-z_/][A-Za-z0-9_./-]*")
_WORDS = frozenset(("true", "false", "yes", "no", "on", "off", "y", "n", "null", "nan"))
"""Words that some reader takes for something else than text (YAML 1.1, and Go's readers)."""


def to_yaml(objects: Sequence[Any]) -> str:
    """One document for each object."""
    return "---\n".join(
        yaml.dump(each, Dumper=_Dumper, sort_keys=False, default_flow_style=False, width=4096, allow_unicode=True)
        for each in objects
    )


def file_name(number: int, found: Any) -> str:
    """A file for each object; the numbers are the order in which they are applied."""
    return f"{number:02}-{found['kind'].lower()}-{found['metadata']['name']}.yaml"


class _Dumper(yaml.SafeDumper):
    """Writes text in quotes unless it can be nothing else than text."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        return super().increase_indent(flow, False)


def _text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    plain = _PLAIN.fullmatch(text) and text.lower() not in _WORDS
    style = None if plain else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style)  # pyright: ignore[reportUnknownMemberType]


_Dumper.add_representer(str, _text)
