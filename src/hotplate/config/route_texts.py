"""Route specs as they were written, on the command line (`--route JSON`) or under `routes:` of hotplate.yaml.

They travel as one text, the option `routes` of a project, to the dialect that reads them (`dialects/routes_specs.py`).
Here nothing is checked but what has no place to name later. Each spec keeps the place of everything in it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hotplate.config.yaml_text import Node

OPTION = "routes"
"""The name of the option that holds them."""


def of_flags(texts: Sequence[str]) -> str:
    """Take what `--route` was given, once or several times."""
    several = len(texts) > 1
    return json.dumps(
        [{"place": f"--route {number}" if several else "--route", "text": text} for number, text in enumerate(texts, 1)]
    )


def of_node(file: str, node: Node) -> str:
    """Take a list of the project file. Scalars stay text; `lines` has the line of every key, by its dotted path."""
    items = node.value if isinstance(node.value, list) else [node]
    return json.dumps(
        [{"place": file, "value": _plain(item), "lines": dict(_lines(item, ""))} for item in items], ensure_ascii=False
    )


def _plain(node: Node) -> Any:
    if isinstance(node.value, list):
        return [_plain(item) for item in node.value]
    if isinstance(node.value, dict):
        return {name: _plain(item) for name, item in node.value.items()}
    return node.value


def _lines(node: Node, path: str) -> Iterator[tuple[str, int]]:
    yield path, node.key_line if path else node.line
    if isinstance(node.value, dict):
        for name, item in node.value.items():
            yield from _lines(item, f"{path}.{name}" if path else name)
    elif isinstance(node.value, list):
        for number, item in enumerate(node.value):
            yield from _lines(item, f"{path}.{number}" if path else str(number))
