"""From what `jobs.create` is given to the options of `hotplate run`, with proxiML's words for what is wrong."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from proximl.exceptions import ApiError, SpecificationError


def run_options(payload: Mapping[str, Any]) -> list[str]:
    """Give the options for an endpoint.

    Raises:
        ApiError: proxiML would have refused it, and in these words.
        SpecificationError: it needs what is not on this machine; `attribute` and the text say what.
    """
    kind = payload.get("type")
    if kind != "endpoint":
        raise SpecificationError("type", f"Only jobs of type 'endpoint' run on this machine, not {kind!r}.")
    if payload.get("worker_commands") or payload.get("workers"):
        _invalid("Endpoints do not use worker commands")
    data: Mapping[str, Any] = payload.get("data") or {}
    if data.get("output_type"):
        _invalid("output_type invalid for Notebook and Endpoint jobs")
    for name in ("datasets", "volumes", "input_uri"):
        if data.get(name):
            raise SpecificationError(
                "data", f"There are no {name} on this machine; put the files into the model's folder."
            )
    disk: Any = payload.get("resources", {}).get("disk_size", 10)
    if isinstance(disk, int) and not 10 <= disk <= 2000:
        _invalid("Disk Size must be between 10 and 2000")
    names = [f"--env={name}" for name in variables(payload)]  # the values stand in the environment, not in a listing
    return [*_source(payload.get("model") or {}), *_routes(payload), *names, _name(payload)]


def _invalid(text: str) -> NoReturn:
    raise ApiError(400, {"errorMessage": f"Invalid Request - {text}"})


def _source(model: Mapping[str, Any]) -> list[str]:
    """Where the code is; without a word of it, in the working folder."""
    if model.get("checkpoints"):
        raise SpecificationError(
            "model", "There are no checkpoints on this machine; put the files into the model's folder."
        )
    kind = model.get("source_type") or ("git" if model.get("git_uri") else "local")
    uri = model.get("source_uri") or model.get("git_uri") or "."
    if kind == "git":
        return [f"--git-uri={uri}"]
    if kind == "local":
        folder = Path(str(uri)).expanduser().resolve()
        if not folder.is_dir():
            raise SpecificationError("model", f"There is no folder {folder}.")
        return [f"--model-dir={folder}"]
    text = f"Models of the kind {kind!r} are not on this machine; give source_type='local' or 'git'."
    raise SpecificationError("model", text)


def _routes(payload: Mapping[str, Any]) -> list[str]:
    endpoint: Mapping[str, Any] = payload.get("endpoint") or {}
    for name in ("start_command", "reservation_id"):
        if endpoint.get(name):
            raise SpecificationError("endpoint", f"{name} has no meaning on this machine: give routes.")
    routes: Any = endpoint.get("routes")
    if not isinstance(routes, list) or not routes:
        raise SpecificationError("endpoint", "An endpoint needs routes: endpoint=dict(routes=[dict(path=...)]).")
    try:
        texts = [json.dumps(route) for route in routes]  # pyright: ignore[reportUnknownVariableType]
    except (TypeError, ValueError) as error:
        raise SpecificationError("endpoint", f"A route is not made of plain values: {error}") from None
    return [f"--route={text}" for text in texts]


def variables(payload: Mapping[str, Any]) -> dict[str, str]:
    """Give the environment variables that are set for the code. Raises SpecificationError for what are none."""
    environment: Mapping[str, Any] = payload.get("environment") or {}
    listed: list[Any] = environment.get("env") or []
    try:
        found = {str(each["key"]): str(each["value"]) for each in listed}
    except (TypeError, KeyError):
        text = "environment['env'] must be a list of dict(key=..., value=...)."
        raise SpecificationError("environment", text) from None
    for name, value in found.items():
        if not name or "=" in name or "\0" in name + value:
            raise SpecificationError("environment", f"{name!r} cannot name an environment variable.")
    return found


def _name(payload: Mapping[str, Any]) -> str:
    name = payload.get("name")
    if not isinstance(name, str) or not name.strip():
        raise SpecificationError("name", "An endpoint needs a name.")
    return re.sub(r"[^\w .-]", " ", name).strip(" -") or "endpoint"
