"""Reads a project file: checks every key and value, and says file and line of a mistake.

Settings are kept as text with their line, for `resolve.py` to weigh against flags and the environment.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hotplate.config import cluster_keys, route_texts
from hotplate.config.project_keys import FILE_SETTINGS, KEYS, OCTOAI, OTHER_WORDS, Key, known_keys
from hotplate.config.suggest import did_you_mean
from hotplate.config.values import PARSERS
from hotplate.config.yaml_text import Node, read_yaml
from hotplate.errors import SettingError


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A setting's value as the file has it: text, items or a mapping, and the line."""

    value: str | tuple[str, ...] | Mapping[str, str]
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectFile:
    """What a project file says. `settings` is by setting name; `deploy` holds what `deploy` will need.

    `places` says of each key of `project` and `deploy` how the file writes it, and in which line.
    `routes` are its route specs with their places (`route_texts.py`), or nothing.
    """

    path: Path
    name: str = ""
    display_name: str = ""
    description: str = ""
    dialect: str | None = None
    service_module: str | None = None
    service_class: str | None = None
    api: str | None = None
    python: str | None = None
    functions: tuple[str, ...] = ()
    routes: str = ""
    faces: tuple[str, ...] = ()
    openai: Mapping[str, str] = field(default_factory=dict[str, str])
    settings: Mapping[str, Written] = field(default_factory=dict[str, Written])
    deploy: Mapping[str, Any] = field(default_factory=dict[str, Any])
    places: Mapping[str, tuple[str, int]] = field(default_factory=dict[str, tuple[str, int]])


def read_project_file(path: Path) -> ProjectFile:
    """Read the file. Raises SettingError with file and line for what it may not say."""
    reader = _Reader(path)
    document = read_yaml(path)
    if path.name == "octoai.yaml":
        reader.octoai(document)
    else:
        reader.hotplate(document)
    return reader.result()


class _Reader:
    """Walks one document and gathers what it says."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.project: dict[str, Any] = {}
        self.deploy: dict[str, Any] = {}
        self.places: dict[str, tuple[str, Node]] = {}
        self.settings: dict[str, Written] = {}

    def result(self) -> ProjectFile:
        least, most = self.deploy.get("min_replicas"), self.deploy.get("max_replicas")
        if least is not None and most and least > most:  # no replica at all has an error of its own where it matters
            written, node = self.places["min_replicas"]
            problem = f"is {least}, and `{self.places['max_replicas'][0]}` is {most}: the least is above the most"
            raise self.wrong(f"`{written}`", problem, node, "Lower the one or raise the other.")
        places = {name: (written, node.line) for name, (written, node) in self.places.items()}
        return ProjectFile(path=self.path, settings=self.settings, deploy=self.deploy, places=places, **self.project)

    def hotplate(self, document: Node) -> None:
        known = known_keys()
        for name, written, node in self.keys(document):
            if name not in known:
                raise self.unknown(written, node, list(known), OTHER_WORDS)
            self.take(name, written, node)

    def octoai(self, document: Node) -> None:
        outer = {name: node for name, _, node in self.keys(document)}
        for name, written, node in self.keys(document):
            if name == "version_info":  # written by octoai init; says nothing about the project
                continue
            if name == "service_module":  # some files have it beside endpoint_config instead of in it
                self.take(name, written, node)
            elif name != "endpoint_config":
                hint = "Put it under `endpoint_config`." if name in OCTOAI else None
                raise self.unknown(written, node, ["endpoint_config", "version_info"], {}, hint)
        if "endpoint_config" not in outer:
            raise SettingError("`endpoint_config` is missing.", source=self.path.name)
        for name, written, node in self.keys(outer["endpoint_config"]):
            if name not in OCTOAI:
                raise self.unknown(written, node, [key.replace("_", "-") for key in OCTOAI], {})
            self.take(OCTOAI[name], written, node)

    def keys(self, node: Node) -> list[tuple[str, str, Node]]:
        """(name, name as written, node) of every key of a mapping."""
        if not isinstance(node.value, dict):
            raise self.wrong("The file" if node.line == 1 else "This", "must be `key: value` lines", node)
        seen: dict[str, str] = {}
        found: list[tuple[str, str, Node]] = []
        for written, value in node.value.items():
            name = written.replace("-", "_")
            if name in seen:
                raise self.wrong(f"`{written}`", f"is `{seen[name]}` a second time", value, "Remove one of them.")
            seen[name] = written
            found.append((name, written, value))
        return found

    def take(self, name: str, written: str, node: Node) -> None:
        if node.value is None:
            return
        if name in FILE_SETTINGS:
            setting = FILE_SETTINGS[name]
            if setting.kind == "mapping":
                value = self.mapping(written, node)
            elif setting.kind == "list":
                value = self.items(written, node)
            else:
                value = self.text(written, node)
            self.settings[setting.name] = Written(value=value, line=node.line)
            return
        key = KEYS[name]
        (self.project if key.part == "project" else self.deploy)[name] = self.value(key, written, node)
        self.places[name] = written, node

    def value(self, key: Key, written: str, node: Node) -> Any:
        if key.name == route_texts.OPTION:
            if not isinstance(node.value, list):
                raise self.wrong(
                    f"`{written}`", "must be a list of routes, each with a path, a file and a function", node
                )
            return route_texts.of_node(self.path.name, node)
        if key.name == "kubernetes":
            return self.cluster(written, node)
        if key.kind == "list":
            return self.items(written, node)
        if key.kind == "mapping":
            found = self.mapping(written, node)
            for name in found:
                if name not in key.shape:
                    raise self.unknown(
                        name, node.value[name] if isinstance(node.value, dict) else node, list(key.shape)
                    )
            return found
        text = self.text(written, node)
        try:
            value = PARSERS[key.kind](text)
        except ValueError as error:
            raise self.wrong(f"`{written}`", str(error), node) from None
        if key.low is not None and key.high is not None and not key.low <= value <= key.high:
            raise self.wrong(f"`{written}`", f"must be {key.low:g} to {key.high:g}, not {value:g}", node)
        return value

    def cluster(self, written: str, node: Node) -> dict[str, cluster_keys.Value]:
        if not isinstance(node.value, dict):
            raise self.wrong(f"`{written}`", "must be `KEY: value` lines", node)
        found: dict[str, cluster_keys.Value] = {}
        for name, item in node.value.items():
            key = cluster_keys.known(name, source=f"{self.path.name}:{item.key_line}")
            if item.value is None:
                continue
            if key.kind == "mapping":
                found[key.name] = self.mapping(name, item)
            elif key.kind == "list":
                found[key.name] = self.items(name, item)
            else:
                found[key.name] = cluster_keys.checked(
                    key, self.text(name, item), source=f"{self.path.name}:{item.line}"
                )
        return found

    def text(self, written: str, node: Node) -> str:
        if not isinstance(node.value, str):
            raise self.wrong(f"`{written}`", "must be a single value", node)
        return node.value

    def items(self, written: str, node: Node) -> tuple[str, ...]:
        if isinstance(node.value, str):
            return PARSERS["list"](node.value)
        if not isinstance(node.value, list):
            raise self.wrong(f"`{written}`", "must be a list", node)
        return tuple(self.text(written, item) for item in node.value)

    def mapping(self, written: str, node: Node) -> Mapping[str, str]:
        if not isinstance(node.value, dict):
            raise self.wrong(f"`{written}`", "must be `KEY: value` lines", node)
        return {name: "" if item.value is None else self.text(name, item) for name, item in node.value.items()}

    def unknown(
        self,
        written: str,
        node: Node,
        known: list[str],
        other: Mapping[str, str] | None = None,
        hint: str | None = None,
    ) -> SettingError:
        word = (other or {}).get(written.replace("-", "_"))
        hint = hint or (f"Here it is called `{word}`." if word else did_you_mean(written, known))
        hint = hint or "Known keys: " + ", ".join(sorted(known)) + "."
        return SettingError(
            f"Unknown key `{written}`.", key=written, source=f"{self.path.name}:{node.key_line}", hint=hint
        )

    def wrong(self, what: str, problem: str, node: Node, hint: str | None = None) -> SettingError:
        return SettingError(f"{what} {problem}.", source=f"{self.path.name}:{node.line}", hint=hint)
