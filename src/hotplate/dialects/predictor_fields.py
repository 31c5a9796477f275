"""What `cortex.yaml` may say, field by field, as Cortex 0.32 checked it (pkg/types/spec/validations.go).

A field is served by Hotplate (`mapped`), kept for a deployment (`kept`), or refused with the next step (`refused`).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple, cast

KINDS = ("RealtimeAPI", "BatchAPI", "TrafficSplitter", "TaskAPI", "AsyncAPI")
TYPES = ("python", "tensorflow", "onnx")
SCHEMA = "api configuration schema can be found at https://docs.cortex.dev/v/0.32/"

Check = Callable[[Any], "str | None"]
"""Gives what is wrong with a value, or None."""


class Field(NamedTuple):
    """One field. `children` are those of a nested mapping; `items` says that it is a list of such mappings."""

    use: Literal["mapped", "kept", "refused"]
    check: Check | None = None
    children: Mapping[str, Field] | None = None
    items: bool = False
    required: bool = False
    realtime_only: bool = False
    hint: str = ""


def text(value: Any) -> str | None:
    """A string."""
    return None if isinstance(value, str) else f"{_shown(value)}: invalid type (expected string)"


def number(low: float, high: float = math.inf, *, whole: bool = True, strict: bool = False) -> Check:
    """A number within bounds; `strict` leaves the lower one out, and the upper one where `whole` is false."""

    def check(value: Any) -> str | None:
        kinds = (int,) if whole else (int, float)
        if isinstance(value, bool) or not isinstance(value, kinds):
            return f"{_shown(value)}: invalid type (expected {'integer' if whole else 'number'})"
        if value < low or (strict and value == low):
            return f"must be greater than {'' if strict else 'or equal to '}{low:g} (got {value})"
        if value > high:
            return f"must be less than or equal to {high:g} (got {value})"
        return None

    return check


def one_of(*choices: str) -> Check:
    """One of some words."""

    def check(value: Any) -> str | None:
        listed = ", ".join(f'"{choice}"' for choice in choices)
        return None if value in choices else f"invalid value (got {_shown(value)}, must be one of {listed})"

    return check


_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:ns|us|µs|ms|s|m|h))+")
_PART = re.compile(r"(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)")
_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


def seconds_of(value: str) -> float:
    """Give the seconds of a duration as Go writes it (`1h30m`). Raises ValueError."""
    if value == "0":
        return 0.0
    if not _DURATION.fullmatch(value):
        raise ValueError(value)
    return sum(float(amount) * _SECONDS[unit] for amount, unit in _PART.findall(value))


def duration(low_s: float = 0.0, step_s: float = 0.0) -> Check:
    """A duration of at least `low_s` seconds, a multiple of `step_s`."""

    def check(value: Any) -> str | None:
        try:
            seconds = seconds_of(value if isinstance(value, str) else "")
        except ValueError:
            return f"{_shown(value)}: invalid duration (write it as 90s, 5m or 1h30m)"
        if seconds < low_s:
            return f"must be greater than or equal to {low_s:g}s (got {value})"
        if step_s and seconds % step_s:
            return f"must be a multiple of {step_s:g}s (got {value})"
        return None

    return check


_NAME = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")


def name(value: Any) -> str | None:
    """A name that can be part of a host name (DNS-1035)."""
    if wrong := text(value):
        return wrong
    if not _NAME.fullmatch(value):
        return (
            f'"{value}" must contain only lower case letters, numbers, and dashes, start with a letter, and not end '
            "with a dash"
        )
    if len(value) > 42:
        return f'"{value}" must be no more than 42 characters'
    return 'must not start with "b-"' if value.startswith("b-") else None


def endpoint(value: Any) -> str | None:
    """A path on HTTP."""
    if wrong := text(value):
        return wrong
    if not re.fullmatch(r"[a-zA-Z0-9_\-./]*", value):
        return f'"{value}" must contain only letters, numbers, underscores, dashes, periods and forward slashes'
    if "//" in value:
        return f'"{value}" must not have two slashes in a row'
    return "must not be empty or /" if not value.strip("/") else None


def python_file(value: Any) -> str | None:
    """A path that ends in .py. Cortex also took pickles, which run what a stranger wrote."""
    return text(value) or (None if value.endswith(".py") else f'"{value}" must end with .py')


def string_map(value: Any) -> str | None:
    """A mapping of words to text."""
    if not isinstance(value, dict):
        return f"{_shown(value)}: invalid type (expected map)"
    wrong = next((key for key in cast("dict[Any, Any]", value) if not isinstance(key, str)), None)
    return None if wrong is None else f"{_shown(wrong)}: invalid type (expected string key)"


def environment(value: Any) -> str | None:
    """Environment variables."""
    if wrong := string_map(value):
        return wrong
    for key, each in cast("dict[str, Any]", value).items():
        if key.startswith("CORTEX_"):
            return f"{key}: environment variables starting with CORTEX_ are reserved"
        if not isinstance(each, str):
            return f"{key}: {_shown(each)}: invalid type (expected string; put it in quotes)"
    return None


def folder(value: Any) -> str | None:
    """A relative folder."""
    return text(value) or ("must be a folder below the project's" if value.strip("/") in ("", ".") else None)


def _shown(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)


_KEPT = Field("kept")
_MODEL = {
    "name": Field("mapped", text, required=True),
    "path": Field("mapped", text, required=True),
    "signature_key": Field("mapped", text),
}
_CACHE = Field("refused", hint="All models are loaded at the start; leave it out.", realtime_only=True)
MODELS = {
    "path": Field("mapped", text),
    "paths": Field("mapped", children=_MODEL, items=True),
    "dir": Field("mapped", text),
    "signature_key": Field("mapped", text),
    "cache_size": _CACHE,
    "disk_cache_size": _CACHE,
}
PREDICTOR = {
    "type": Field("mapped", one_of(*TYPES), required=True),
    "path": Field("mapped", python_file, required=True),
    "config": Field("mapped", string_map),
    "env": Field("mapped", environment),
    "python_path": Field("mapped", folder),
    "log_level": Field("mapped", one_of("debug", "info", "warning", "error")),
    "dependencies": Field(
        "mapped",
        children={"pip": Field("mapped", text), "conda": Field("mapped", text), "shell": Field("mapped", text)},
    ),
    "models": Field("mapped", children=MODELS),
    "multi_model_reloading": Field("mapped", children=MODELS, realtime_only=True),
    "server_side_batching": Field(
        "mapped",
        children={
            "max_batch_size": Field("mapped", number(2, 1024), required=True),
            "batch_interval": Field("mapped", duration(), required=True),
        },
        realtime_only=True,
    ),
    "processes_per_replica": Field("mapped", number(1, 100), realtime_only=True),
    "threads_per_process": Field("mapped", number(1), realtime_only=True),
    "protobuf_path": Field("refused", hint="gRPC is not served. Leave the key out and send JSON.", realtime_only=True),
    "image": _KEPT,
    "tensorflow_serving_image": _KEPT,
    "shm_size": _KEPT,
}
_SHARE = number(0, whole=False)
AUTOSCALING = {
    "min_replicas": Field("kept", number(0, strict=True)),
    "max_replicas": Field("kept", number(0, strict=True)),
    "init_replicas": Field("kept", number(0, strict=True)),
    "max_replica_concurrency": Field("kept", number(1, 30_000)),
    "target_replica_concurrency": Field("kept", number(0, whole=False, strict=True)),
    "window": Field("kept", duration(10, 10)),
    "downscale_stabilization_period": Field("kept", duration()),
    "upscale_stabilization_period": Field("kept", duration()),
    "max_downscale_factor": Field("kept", number(0, 1, whole=False)),
    "max_upscale_factor": Field("kept", number(1, whole=False, strict=True)),
    "downscale_tolerance": Field("kept", number(0, 1, whole=False)),
    "upscale_tolerance": Field("kept", _SHARE),
}
API = {
    "name": Field("mapped", name, required=True),
    "kind": Field("mapped", one_of(*KINDS), required=True),
    "predictor": Field("mapped", children=PREDICTOR, required=True),
    "compute": Field("kept", children=dict.fromkeys(("cpu", "mem", "gpu", "inf", "node_groups"), _KEPT)),
    "autoscaling": Field("kept", children=AUTOSCALING),
    "update_strategy": Field("kept", children=dict.fromkeys(("max_surge", "max_unavailable"), _KEPT)),
    "networking": Field("mapped", children={"endpoint": Field("mapped", endpoint)}),
}
