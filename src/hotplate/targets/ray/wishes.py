"""What an endpoint wants, in Ray's words: options of an actor, and where it may be placed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, cast

from hotplate.deployment.records import Hardware
from hotplate.errors import TargetRefused

Wishes = Mapping[str, object]
"""Settings `ray_…`, as the endpoint has them."""


def options_of(hardware: Hardware, wishes: Wishes) -> dict[str, Any]:
    """The options of an actor that holds one replica.

    Raises:
        TargetRefused: `ray_runtime_env` is no JSON object.
    """
    found: dict[str, Any] = {"num_cpus": 1 if hardware.cpus is None else hardware.cpus}
    if hardware.gpus:
        found["num_gpus"] = hardware.gpus
    if hardware.memory_bytes:
        found["memory"] = hardware.memory_bytes
    if hardware.accelerator:
        found["accelerator_type"] = hardware.accelerator
    if hardware.resources:
        found["resources"] = dict(hardware.resources)
    if environment := runtime_env(wishes):
        found["runtime_env"] = environment
    return found


def runtime_env(wishes: Wishes) -> dict[str, Any]:
    """Ray's `runtime_env`, as it was written.

    Raises:
        TargetRefused: it is no JSON object.
    """
    text = str(wishes.get("ray_runtime_env") or "")
    if not text:
        return {}
    try:
        found = json.loads(text)
    except ValueError as error:
        raise TargetRefused(f"ray_runtime_env is no JSON: {error}. Such as: " + '{"env_vars": {"A": "1"}}') from None
    if not isinstance(found, dict):
        raise TargetRefused("ray_runtime_env must be a JSON object, such as " + '{"env_vars": {"A": "1"}}')
    return cast("dict[str, Any]", found)


def strategy_of(wishes: Wishes) -> str:
    """`spread`, `pack`, or `node:NODE`.

    Raises:
        TargetRefused: it is something else.
    """
    found = str(wishes.get("ray_placement") or "spread")
    if found not in ("spread", "pack") and not (found.startswith("node:") and found != "node:"):
        raise TargetRefused(f"ray_placement must be spread, pack or node:NODE, not {found[:60]!r}.")
    return found
