"""inferless.yaml (1.0.0 and 2.0.0) and the runtime's yaml: the name, the limits, and what has to be installed.

Machines, regions, replicas and secrets are the platform's and not the model's: they are passed over.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from hotplate.errors import ProjectError, SettingError

if TYPE_CHECKING:
    from hotplate.config.yaml_text import Node

RUNTIMES = ("inferless-runtime-config.yaml", "inferless-runtime.yaml", "runtime.yaml")


class Settings(NamedTuple):
    """What both files say of the model."""

    name: str = ""
    timeout_s: float | None = None
    slots: int | None = None
    input_file: str = ""
    output_file: str = ""
    warnings: tuple[str, ...] = ()
    deploy: Mapping[str, Any] = {}
    """What version 1.0.0 says of the deployment, under the names of control's API."""


class Runtime(NamedTuple):
    """What the runtime's yaml wants installed, with the line of each Python package."""

    file: str
    python_packages: tuple[tuple[str, int], ...] = ()
    system_packages: tuple[str, ...] = ()
    run: tuple[str, ...] = ()


def read_runtime(root: Path) -> Runtime | None:
    """Read the runtime's yaml; None where there is none. Raises ProjectError for text that is not YAML."""
    for name in RUNTIMES:
        if (root / name).is_file():
            build = _member(_load(root / name), "build")
            listed = _member(build, "python_packages")
            nodes = listed.value if listed is not None and isinstance(listed.value, list) else []
            packages = tuple((node.value.strip(), node.line) for node in nodes if isinstance(node.value, str))
            run = _items(_member(build, "run")) or _items(_member(build, "run_commands"))
            return Runtime(name, packages, tuple(_items(_member(build, "system_packages"))), tuple(run))
    return None


def read(root: Path) -> Settings:
    """Read what is there. Raises ProjectError for text that is not YAML."""
    settings = Settings()
    if (root / "inferless.yaml").is_file():
        settings = _project(_load(root / "inferless.yaml"))
    for name in RUNTIMES:
        if (root / name).is_file():
            return settings._replace(warnings=_missing(_load(root / name), name))
    return settings


def _load(path: Path) -> Node:
    from hotplate.config.yaml_text import read_yaml  # the parser is worth its time only where there is a file

    try:
        return read_yaml(path)
    except SettingError as error:
        line = (error.source or "").rpartition(":")[2]
        text = f"{path.name}: {error.message}"
        number = int(line) if line.isdigit() else None
        raise ProjectError(text, file=path.name, line=number, hint=error.hint or "mend that line") from error


def _project(node: Node) -> Settings:
    configuration, optional = _member(node, "configuration"), _member(node, "optional")
    return Settings(
        name=_text(node, "name"),
        timeout_s=_number(configuration, "inference_time"),
        slots=int(_number(configuration, "container_concurrency") or 0) or None,
        input_file=_file_name(optional, "input_file_name"),
        output_file=_file_name(optional, "output_file_name"),
        deploy=_deploy(node, configuration),
    )


def _deploy(node: Node, configuration: Node | None) -> dict[str, Any]:
    """Replicas, delay and variables. GPUs are whole ones here, of whatever kind the machine has."""
    numbers = {"min_replicas": "min_replica", "max_replicas": "max_replica", "scale_to_zero": "scale_down_delay"}
    found: dict[str, Any] = {}
    for ours, theirs in numbers.items():
        value = _number(configuration, theirs)
        if value is not None:
            found[ours] = value if ours == "scale_to_zero" else int(value)
    slots = _number(configuration, "container_concurrency")
    if slots:
        found["concurrency_per_replica"] = int(slots)
    if _text(configuration, "gpu_type"):
        found["instance_type"] = "gpu"
    env = _member(node, "env")
    if env is not None and isinstance(env.value, dict):
        found["env_overrides"] = {name: each.value for name, each in env.value.items() if isinstance(each.value, str)}
    return found


def _file_name(node: Node | None, key: str) -> str:
    """A name in the project's own folder; any other path is passed over."""
    name = _text(node, key)
    return name if name == Path(name).name else ""


def _missing(node: Node, file: str) -> tuple[str, ...]:
    """Say which of the runtime's packages are not installed here."""
    import re
    from importlib.metadata import PackageNotFoundError, version

    wanted = _items(_member(_member(node, "build"), "python_packages"))
    missing: list[str] = []
    for requirement in wanted:
        name = re.split(r"[\s\[<>=!~;@]", requirement.strip(), maxsplit=1)[0]
        try:
            if name and not name.startswith(("-", "git+", "http")):
                version(name)
        except PackageNotFoundError:
            missing.append(requirement)
    return (f"{file} names packages that are not installed: {', '.join(missing)}",) if missing else ()


def _member(node: Node | None, key: str) -> Node | None:
    return node.value.get(key) if node is not None and isinstance(node.value, dict) else None


def _text(node: Node | None, key: str) -> str:
    found = _member(node, key)
    return found.value if found is not None and isinstance(found.value, str) else ""


def _number(node: Node | None, key: str) -> float | None:
    try:
        return float(_text(node, key)) or None
    except ValueError:
        return None


def _items(node: Node | None) -> list[str]:
    if node is None or not isinstance(node.value, list):
        return []
    return [item.value for item in node.value if isinstance(item.value, str)]
