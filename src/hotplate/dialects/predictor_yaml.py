"""Reads `cortex.yaml`: a list of APIs, each checked field by field, with the words that Cortex had for a mistake."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, cast

import msgspec

from hotplate.config.yaml_text import Node, read_yaml
from hotplate.dialects.predictor_fields import API, SCHEMA, Field, seconds_of
from hotplate.errors import ProjectError, SettingError

FILE = "cortex.yaml"


class Model(NamedTuple):
    """A model that the project names. `name` is empty where it names only one."""

    name: str
    path: str
    signature_key: str | None = None


class Api(msgspec.Struct, frozen=True, kw_only=True):
    """One API of the file. `key` is `predictor`, or `handler` as the file calls it since Cortex 0.34."""

    name: str
    kind: str
    key: str
    type: str
    path: str
    line: int
    endpoint: str
    config: Mapping[str, Any] = msgspec.field(default_factory=dict[str, Any])
    env: Mapping[str, str] = msgspec.field(default_factory=dict[str, str])
    python_path: str | None = None
    log_level: str = "info"
    pip: str = "requirements.txt"
    conda: str = "conda-packages.txt"
    shell: str = "dependencies.sh"
    models: tuple[Model, ...] | None = None
    models_dir: str | None = None
    signature_key: str | None = None
    batch_size: int | None = None
    batch_interval_s: float = 0.0
    processes: int = 1
    threads: int = 1
    autoscaling: Mapping[str, Any] = msgspec.field(default_factory=dict[str, Any])
    compute: Mapping[str, Any] = msgspec.field(default_factory=dict[str, Any])


def read(root: Path) -> list[Api]:
    """Read every API of a project's file. Those of a kind that has no predictor are left out.

    Raises:
        ProjectError: a field is missing, unknown or wrong; `file` and `line` say where.
    """
    import yaml

    try:
        document = read_yaml(root / FILE)  # bounds size, depth and repetition, and keeps lines
    except SettingError as error:
        file, _, line = str(error.source).partition(":")
        raise ProjectError(error.message, file=file, line=int(line or 1), hint=error.hint) from None
    try:
        written: Any = yaml.safe_load((root / FILE).read_text("utf-8-sig"))
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a date that the calendar does not have
        raise ProjectError(f"error: {FILE}: {error}", file=FILE, line=1) from None
    if not isinstance(document.value, list) or not document.value:
        raise _wrong(document.line, "must be a list of APIs, each starting with `- name:`")
    entries = zip(cast("list[Any]", written), document.value, strict=True)
    apis = [api for number, (entry, node) in enumerate(entries) if (api := _api(entry, node, number, root))]
    for name in {api.name for api in apis}:
        same = [api for api in apis if api.name == name]
        if len(same) > 1:
            raise _wrong(same[1].line, f"name {name} must be unique across apis (also on line {same[0].line})")
    if not apis:
        raise _wrong(1, "none of its APIs has a predictor: batch jobs, tasks and traffic splitters are not served")
    return apis


def _api(entry: Any, node: Node, number: int, root: Path) -> Api | None:
    if not isinstance(entry, dict):
        raise _wrong(node.line, f"api at index {number}: must be `key: value` lines")
    given = cast("dict[str, Any]", entry)
    name, kind = given.get("name"), given.get("kind")
    where = (f"{name or f'api at index {number}'} ({kind})" if kind else str(name or f"api at index {number}"),)
    if kind in ("BatchAPI", "TaskAPI", "TrafficSplitter"):
        return None
    if "handler" in given and "predictor" not in given:
        key = "handler"
        table = {"handler" if field == "predictor" else field: value for field, value in API.items()}
    else:
        key, table = "predictor", API
    _check(given, node, table, where, kind)
    section = cast("dict[str, Any]", given[key])
    lines = cast("dict[str, Node]", cast("dict[str, Node]", node.value)[key].value)
    models, models_dir = _models(section, lines, (*where, key))
    for field in ("path", "python_path"):
        value = section.get(field)
        if value is not None and not _inside(root, str(value), folder=field == "python_path"):
            raise _wrong(lines[field].line, f"{value}: does not exist in {root}", (*where, key, field))
    dependencies, batching = _section(section, "dependencies"), _section(section, "server_side_batching")
    endpoint = _section(given, "networking").get("endpoint") or f"/{name}"
    return Api(
        name=str(name),
        kind=str(kind),
        key=key,
        type=section["type"],
        path=section["path"],
        line=node.line,
        endpoint="/" + str(endpoint).strip("/"),
        config=section.get("config") or {},
        env=section.get("env") or {},
        python_path=section.get("python_path"),
        log_level=section.get("log_level") or "info",
        models=models,
        models_dir=models_dir,
        signature_key=_section(section, "models").get("signature_key"),
        batch_size=batching.get("max_batch_size"),
        batch_interval_s=seconds_of(batching["batch_interval"]) if batching else 0.0,
        processes=section.get("processes_per_replica") or 1,
        threads=section.get("threads_per_process") or 1,
        autoscaling=_section(given, "autoscaling"),
        compute=_section(given, "compute"),
        **{name: value for name, value in dependencies.items() if value is not None},
    )


def _section(given: Mapping[str, Any], key: str) -> dict[str, Any]:
    return given.get(key) or {}


def _check(given: Any, node: Node, table: Mapping[str, Field], where: tuple[str, ...], kind: Any) -> None:
    if not isinstance(given, dict) or not isinstance(node.value, dict):
        raise _wrong(node.line, f'"{given}": invalid type (expected map)', where)
    members = cast("dict[str, Any]", given)
    for key, value in members.items():
        line = node.value[str(key)].key_line
        field = table.get(key)
        if field is None:
            raise _wrong(line, f'key "{key}" is not supported', where, _near(str(key), table))
        if value is None:
            continue
        if field.realtime_only and kind == "AsyncAPI" and value not in (1, None):
            raise _wrong(line, f"{key} key is not supported for AsyncAPI kind", where)
        if field.use == "refused":
            raise _wrong(line, f"{key} is not served by Hotplate", where, field.hint)
        if field.check and (problem := field.check(value)):
            raise _wrong(line, problem, (*where, str(key)))
        for part, inner in _parts(value, node.value[key], field):
            _check(part, inner, field.children or {}, (*where, str(key)), kind)
    for key, field in table.items():
        if field.required and members.get(key) is None:
            raise _wrong(node.line, "must be defined", (*where, key))


def _parts(value: Any, node: Node, field: Field) -> Iterator[tuple[Any, Node]]:
    if field.children is None:
        return
    if not field.items:
        yield value, node
    elif isinstance(value, list) and isinstance(node.value, list):
        yield from zip(cast("list[Any]", value), node.value, strict=True)
    else:
        yield None, node


def _models(
    section: Mapping[str, Any], lines: Mapping[str, Node], where: tuple[str, ...]
) -> tuple[tuple[Model, ...] | None, str | None]:
    python = section["type"] == "python"
    key = "multi_model_reloading" if python else "models"
    if python and section.get("models") is not None:
        text = 'models: only "tensorflow" and "onnx" predictors take models'
        raise _wrong(lines["models"].key_line, text, where, "Write multi_model_reloading for a python predictor.")
    if not python and section.get("multi_model_reloading") is not None:
        text = 'multi_model_reloading: only "python" predictors take it'
        raise _wrong(lines["multi_model_reloading"].key_line, text, where, "Write models.")
    found: dict[str, Any] | None = section.get(key)
    if found is None:
        if python:
            return None, None
        raise _wrong(lines["type"].line, f'must be defined for "{section["type"]}" predictors', (*where, "models"))
    ways = [way for way in ("path", "paths", "dir") if found.get(way) is not None]
    if len(ways) != 1:
        text = f'exactly one of "path", "paths" and "dir" must be given (got {", ".join(ways) or "none"})'
        raise _wrong(lines[key].line, text, (*where, key))
    if ways == ["dir"]:
        return None, str(found["dir"])
    if ways == ["path"]:
        return (Model("", found["path"], found.get("signature_key")),), None
    return tuple(Model(each["name"], each["path"], each.get("signature_key")) for each in found["paths"]), None


def _inside(root: Path, value: str, *, folder: bool) -> bool:
    path = (root / value).resolve()
    return path.is_relative_to(root.resolve()) and (path.is_dir() if folder else path.is_file())


def _near(key: str, table: Mapping[str, Field]) -> str:
    from difflib import get_close_matches

    near = get_close_matches(key, table, n=1)
    return f"Did you mean {near[0]}?" if near else f"Known are: {', '.join(table)}."


def _wrong(line: int, text: str, where: tuple[str, ...] = (), hint: str = "") -> ProjectError:
    said = ": ".join(("error", FILE, *where, text))
    return ProjectError(said, file=FILE, line=line, hint=f"{hint}\n\n{SCHEMA}" if hint else f"\n{SCHEMA}")
