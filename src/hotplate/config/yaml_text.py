"""Reads a project file into plain nodes that know their line. Nothing in the file can run, grow or repeat.

Scalars stay text: `1.10`, `on` and `0123` mean what the key that they belong to says, and not what YAML 1.1 guesses.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import yaml

from hotplate.errors import SettingError

MAX_BYTES = 256 * 1024
MAX_DEPTH = 16
MAX_NODES = 10_000

_PLAIN_TAGS = frozenset(f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "timestamp", "value"))
_NULL_TAG = "tag:yaml.org,2002:null"

MEND = "Mend the line or the one before it: a bracket or a quote may be open, or a colon lack its blank."


@dataclass(frozen=True, slots=True)
class Node:
    """A value of the file: text, None, a list of nodes or a mapping of names to nodes. Lines count from 1."""

    value: str | list[Node] | dict[str, Node] | None
    line: int
    key_line: int


def read_yaml(path: Path) -> Node:
    """The file's one document; an empty file is an empty mapping. Raises SettingError with file and line."""
    shown = path.name
    data = path.read_bytes()
    if len(data) > MAX_BYTES:
        raise SettingError(f"The file is larger than {MAX_BYTES // 1024} KiB.", source=shown)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise SettingError("The file is not UTF-8 text.", source=f"{shown}:{line}") from None
    try:
        loader = _Loader(text, shown)
    except yaml.reader.ReaderError as error:
        line = text[: error.position].count("\n") + 1
        where = f"{shown}:{line}"
        raise SettingError("The file holds a control character.", source=where, hint="Take it out.") from None
    try:
        root = loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{shown}:{mark.line + 1}" if mark else shown
        text = f"This is not YAML: {error.problem or error.context}."
        raise SettingError(text, source=where, hint=MEND) from None
    finally:
        loader.dispose()  # pyright: ignore[reportUnknownMemberType]
    if root is None:
        return Node({}, 1, 1)
    return loader.simplify(root, root.start_mark.line + 1)


class _Loader(yaml.SafeLoader):
    """Composes nodes and never constructs a value from them."""

    def __init__(self, text: str, shown: str) -> None:
        super().__init__(text)
        self.shown = shown
        self.depth = 0
        self.count = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        event = cast("Any", self.peek_event())  # pyright: ignore[reportUnknownMemberType]
        line: int = event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise self.problem("Anchors and aliases (& and *) are not supported", line, "Write the value out again.")
        self.depth += 1
        self.count += 1
        if self.depth > MAX_DEPTH or self.count > MAX_NODES:
            raise self.problem("The file is nested too deeply or holds too many values", line)
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def simplify(self, node: yaml.Node, key_line: int) -> Node:
        line = node.start_mark.line + 1
        if isinstance(node, yaml.SequenceNode):
            return Node([self.simplify(item, item.start_mark.line + 1) for item in node.value], line, key_line)
        if isinstance(node, yaml.MappingNode):
            return Node(self._mapping(node), line, key_line)
        if node.tag == _NULL_TAG:
            return Node(None, line, key_line)
        if node.tag not in _PLAIN_TAGS:
            raise self.problem(f"The tag {node.tag} is not supported", line)
        return Node(str(node.value), line, key_line)

    def _mapping(self, node: yaml.MappingNode) -> dict[str, Node]:
        found: dict[str, Node] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode) or key.value == "<<":
                raise self.problem("A key must be a plain word", line)
            name = str(key.value)
            if name in found:
                first = found[name].key_line
                raise self.problem(f"`{name}` is written twice, first on line {first}", line, "Remove one of them.")
            found[name] = self.simplify(value, line)
        return found

    def problem(self, text: str, line: int, hint: str | None = None) -> SettingError:
        return SettingError(f"{text}.", source=f"{self.shown}:{line}", hint=hint)
