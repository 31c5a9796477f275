"""What a project's own files say of its deployment, as the API's fields.

`hotplate.yaml`, `octoai.yaml`, `cortex.yaml` and `inferless.yaml` are taken as they stand; what only makes sense on its
own platform is passed over.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from hotplate.config.settings import SETTINGS
from hotplate.config.values import PARSERS
from hotplate.errors import SettingError

if TYPE_CHECKING:
    from pathlib import Path

    from hotplate.client.errors import InputRefused
    from hotplate.config.file_reader import ProjectFile

LIMITS = (
    *("slots", "queue_size", "timeout_s", "setup_timeout_s", "max_body_bytes", "max_upload_bytes"),
    *("job_timeout_s", "job_attempts", "job_crashes", "max_jobs", "webhook", "webhook_events"),
    *("ray_placement", "ray_runtime_env"),
)
"""Settings of a project file that an endpoint keeps of its own."""

_FIELDS = {
    "hardware": "instance_type",
    "min_replicas": "min_replicas",
    "max_replicas": "max_replicas",
    "scale_down_delay": "scale_to_zero",
    "concurrency": "concurrency_per_replica",
}

_FLAGS = {"instance_type": "--hardware", "container_secrets": "--secrets"}
"""The flags of fields that people know by another word."""


def from_files(root: Path, file: ProjectFile | None, api: str | None) -> dict[str, Any]:
    """What the files of a project say. The project file wins over the platform's own file beside it."""
    found: dict[str, Any] = {}
    if (root / "cortex.yaml").is_file():
        found |= from_cortex(root, api)
    if (root / "inferless.yaml").is_file():
        found |= from_inferless(root)
    if file is not None:
        found |= from_project_file(file)
    return found


def from_project_file(file: ProjectFile) -> dict[str, Any]:
    """`hotplate.yaml` and `octoai.yaml`."""
    found: dict[str, Any] = {_FIELDS[name]: value for name, value in file.deploy.items() if name in _FIELDS}
    if found.get("max_replicas") == 0:
        raise SettingError(
            "`max-replicas` is 0: no call could ever be answered.", source=file.path.name, hint="Pause the endpoint."
        )
    if "public" in file.deploy:
        found["visibility"] = "public" if file.deploy["public"] else "private"
    if file.deploy.get("secrets"):
        found["container_secrets"] = list(file.deploy["secrets"])
    for name in ("display_name", "description"):
        if getattr(file, name):
            found[name] = getattr(file, name)
    if "target" in file.settings:
        found["target"] = file.settings["target"].value
    limits: dict[str, Any] = {}
    for name, written in file.settings.items():
        if name == "env" and isinstance(written.value, Mapping):
            found["env_overrides"] = dict(written.value)
        elif name in LIMITS and isinstance(written.value, str):
            limits[name] = None if written.value == "auto" else PARSERS[SETTINGS[name].kind](written.value)
        elif name in LIMITS and isinstance(written.value, list | tuple):
            limits[name] = list(written.value)
    if limits:
        found["limits"] = limits
    return found


def as_written(refused: InputRefused, file: ProjectFile | None, flags: Mapping[str, Any]) -> InputRefused:
    """What control refused of the settings, in the words and at the place of who wrote them: a flag, or a line of the
    project file. The refusal itself where neither has it."""
    try:
        detail: dict[str, Any] = json.loads(refused.body)["errors"][0]
    except (ValueError, LookupError, TypeError):  # not of control's making
        return refused
    field = next((str(part) for part in detail.get("loc", ()) if part != "body"), "")
    if field in flags:
        return _retold(refused, f"{_FLAGS[field]}: {detail['msg']}") if field in _FLAGS else refused
    keys = {field: key for key, field in _FIELDS.items()} | {"container_secrets": "secrets"}
    key = keys.get(field, "")
    if file is None or key not in file.places:
        return refused
    written, line = file.places[key]
    return _retold(refused, f"{file.path.name}:{line}: `{written}`: {detail['msg']}")


def _retold(refused: InputRefused, text: str) -> InputRefused:
    from hotplate.client.errors import InputRefused

    return InputRefused(
        text, status=refused.status, body=refused.body, detail=text, url=refused.url, request_id=refused.request_id
    )


def from_cortex(root: Path, api: str | None) -> dict[str, Any]:
    """`cortex.yaml`: an API's `autoscaling` and `compute`, with Cortex's own policy and defaults."""
    from hotplate.dialects import predictor_yaml
    from hotplate.dialects.predictor_fields import seconds_of

    apis = predictor_yaml.read(root)
    found = next((each for each in apis if each.name == api), apis[0])
    scaling = {name: value for name, value in found.autoscaling.items() if value is not None}
    least = int(scaling.get("min_replicas", 1))
    settings: dict[str, Any] = {
        "min_replicas": least,
        "max_replicas": min(999, int(scaling.get("max_replicas", 100))),
        "initial_replicas": int(scaling.get("init_replicas", least)),
        "concurrency_per_replica": max(1, round(float(scaling.get("target_replica_concurrency", 0)) or 1)),
        "autoscaling": {"policy": "cortex"},
        "env_overrides": dict(found.env),
    }
    for name in ("window", "downscale_stabilization_period", "upscale_stabilization_period"):
        if name in scaling:
            settings["autoscaling"][f"{name}_s"] = seconds_of(scaling[name])
    for name in ("max_downscale_factor", "max_upscale_factor", "downscale_tolerance", "upscale_tolerance"):
        if name in scaling:
            settings["autoscaling"][name] = float(scaling[name])
    if hardware := _cortex_hardware(found.compute):
        settings["instance_type"] = hardware
    return settings


def from_inferless(root: Path) -> dict[str, Any]:
    """`inferless.yaml` 1.0.0, which still has the deployment in it."""
    from hotplate.dialects import input_schema_yaml

    given = input_schema_yaml.read(root)
    found: dict[str, Any] = dict(given.deploy)
    if given.timeout_s:
        found["limits"] = {"timeout_s": given.timeout_s}
    return found


def _cortex_hardware(compute: Mapping[str, Any]) -> str:
    """Kubernetes' quantities written out. Cortex asks for at least so much; here it is the most that a replica gets,
    so a request for less than a whole processor is no limit."""
    parts: list[str] = []
    cpus = _quantity(compute, "cpu")
    if cpus >= 1:
        parts.append(f"cpus={cpus:g}")
    if memory := _quantity(compute, "mem"):
        parts.append(f"memory={round(memory)}")
    if gpus := int(_quantity(compute, "gpu")):
        parts.append(f"gpus={gpus}")
    return ",".join(parts)


_UNITS = {
    "m": 0.001,
    "Ki": 1 << 10,
    "Mi": 1 << 20,
    "Gi": 1 << 30,
    "Ti": 1 << 40,
    "k": 10**3,
    "K": 10**3,
    "M": 10**6,
    "G": 10**9,
    "T": 10**12,
}
"""As Kubernetes counts: `M` is a million, `Mi` is 1024 times 1024."""


def _quantity(compute: Mapping[str, Any], name: str) -> float:
    text = str(compute.get(name) or "0")
    number = text.rstrip("".join(sorted({letter for unit in _UNITS for letter in unit})))
    try:
        return float(number) * _UNITS.get(text.removeprefix(number), 1 if number == text else float("nan"))
    except ValueError:
        raise SettingError(
            f"`compute: {name}` must be a quantity such as 200m, 2 or 4Gi, not {text[:60]!r}.", source="cortex.yaml"
        ) from None
