"""Judges manifests by the schemas of the three newest versions of Kubernetes, and by those of KEDA and Knative.

A field that a schema does not know is an error, as with the API server's strict validation. Also a program, run by the
interpreter of `peers.kubernetes_python`: it reads a request as JSON and writes what is wrong, or what Helm made.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

VERSIONS = ("1.35", "1.36", "1.37")


def judge(objects: Sequence[dict[str, Any]]) -> list[str]:
    """Everything that is wrong with them."""
    return _ask({"objects": list(objects)})


def render(chart: Path, values: dict[str, Any]) -> dict[str, str]:
    """What Helm makes of a chart, by its template. Raises AssertionError with Helm's words where it refuses."""
    found = _ask({"chart": str(chart), "values": values})
    assert "error" not in found, found["error"]
    return found


def lint(chart: Path) -> list[str]:
    """What Helm's own linter finds wrong."""
    return _ask({"lint": str(chart)})


def _ask(request: dict[str, Any]) -> Any:
    from tests.peers import kubernetes_python

    done = subprocess.run(
        [kubernetes_python(), __file__],
        input=json.dumps(request),
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def _judge_all(objects: list[dict[str, Any]]) -> list[str]:
    found: list[str] = []
    for each in objects:
        group = each["apiVersion"].partition("/")[0]
        judges = {"keda.sh": _keda, "serving.knative.dev": _knative}
        found += judges.get(group, _kubernetes)(each)
    return found


def _kubernetes(each: dict[str, Any]) -> list[str]:
    import kubernetes_validate

    found: list[str] = []
    for version in VERSIONS:
        try:
            kubernetes_validate.validate(each, version, strict=True)
        except kubernetes_validate.ValidationError as error:
            found.append(f"{each['kind']} in {version}: {error.message}")
    return found


def _keda(each: dict[str, Any]) -> list[str]:
    from cloudcoil.models.keda import v1alpha1

    return _by_model(each, getattr(v1alpha1, each["kind"]))


def _knative(each: dict[str, Any]) -> list[str]:
    from cloudcoil.models.knative_serving.serving import v1

    return _by_model(each, getattr(v1, each["kind"]))


def _by_model(each: dict[str, Any], model: Any) -> list[str]:
    import pydantic

    found = _unknown(each, model, each["kind"])
    try:
        model.model_validate(_with_units(each))
    except pydantic.ValidationError as error:
        found.append(f"{each['kind']}: {error}")
    return found


def _with_units(value: Any, name: str = "") -> Any:
    """Quantities of digits alone with a unit: this validation stumbles over them as they are."""
    if isinstance(value, dict):
        return {
            key: _with_units(inner, key if name not in ("limits", "requests") else name) for key, inner in value.items()
        }
    if isinstance(value, list):
        return [_with_units(one) for one in value]
    return f"{value}k" if name in ("limits", "requests") and isinstance(value, str) and value.isdigit() else value


def _unknown(value: Any, kind: Any, place: str) -> list[str]:
    """Fields that a model does not have, however deep: its own validation passes over them."""
    import typing

    import pydantic

    if isinstance(value, dict):
        model = next(
            (one for one in _parts(kind) if isinstance(one, type) and issubclass(one, pydantic.BaseModel)), None
        )
        if model is None or issubclass(model, pydantic.RootModel):
            return []
        known = {field.alias or name: field.annotation for name, field in model.model_fields.items()}
        found = [f"{place}: `{name}` is not known" for name in value if name not in known]
        for name, inner in value.items():
            found += _unknown(inner, known.get(name), f"{place}.{name}")
        return found
    if isinstance(value, list):
        items = [one for part in _parts(kind) if typing.get_origin(part) is list for one in typing.get_args(part)]
        return [
            wrong
            for number, one in enumerate(value)
            for wrong in _unknown(one, items[0] if items else None, f"{place}[{number}]")
        ]
    return []


def _parts(kind: Any) -> list[Any]:
    import typing

    if typing.get_origin(kind) in (typing.Union, typing.Annotated):
        return [part for one in typing.get_args(kind) for part in _parts(one)]
    return [kind]


def _main() -> Any:
    request = json.load(sys.stdin)
    if "objects" in request:
        return _judge_all(request["objects"])
    import helm_python

    if "lint" in request:
        found = helm_python.lint(request["lint"])
        return [each["error"] for each in found["messages"] if each["severity"] > 1]
    try:
        with helm_python.Chart.load(request["chart"]) as chart:
            return chart.render(request["values"], name="demo", namespace="prod")
    except helm_python.HelmError as error:
        return {"error": str(error)}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(_main()))
